"""The map of points as it is used: drawn, dragged, zoomed, pointed at, chosen from, walked over with keys."""

import pytest
from axe_playwright_python.sync_playwright import Axe

MAP = """
import numpy as np, ipywidgets as widgets
from xaiwidgets.widgets.parts.point_map import PointMap
from xaiwidgets.widgets.parts.run_bar import RunBar
# A cross of nine: 0 in the middle, then one and two steps to the right, up, left and down.
places = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1], [2, 0], [0, 2], [-2, 0], [0, -2]], np.float32)
view, heard = PointMap("map of nine", "image"), widgets.HTML("nothing heard")
view.show(places, [0, 1, 2, 3, 4, 5, 6, 7, 0], ["cat", "dog"], marked=[5], marked_name="answered wrongly")
asked = []
def picture(point):
    asked.append(point)
    view.show_picture(point, np.full((8, 8, 3), 20 * point, np.uint8), f"seen {len(asked)}")
def chosen(points):
    heard.value = "chosen " + " ".join(map(str, points)) + "."
view.on_hover(picture)
view.on_choose(chosen)
root = widgets.VBox([RunBar(title="Nine images"), view, heard])
_ = root.add_class("xw-root")
"""
CELLS = [MAP, "root"]
FIELD, STAGE, TIP = ".xw-map-field", ".xw-map-stage", ".xw-map-tip"
UNIT = 0.93 * 420 / 4  # pixels between two neighbours on the map: four of them fill most of its height
RED_GREEN_BLUE = """([x, y]) => {
    const canvas = document.querySelector(".xw-map-points");
    const at = [x, y].map((value) => Math.round(value * devicePixelRatio));
    return [...canvas.getContext("2d").getImageData(...at, 1, 1).data.slice(0, 3)];
}"""


@pytest.fixture
def page(open_page):
    page = open_page(CELLS)
    drawn(page)
    return page


def drawn(page, more_than=0):
    page.wait_for_function(
        "(count) => Number(document.querySelector('.xw-map-picture').dataset.drawn) > count", arg=more_than
    )
    return count(page)


def count(page):
    return int(page.locator(".xw-map-picture").first.get_attribute("data-drawn"))


def place(page, x, y, zoom=1.0):
    """Where a place of the map is within its field."""
    box = page.locator(FIELD).first.bounding_box()
    return box["width"] / 2 + x * UNIT * zoom, box["height"] / 2 - y * UNIT * zoom


def on_screen(page, x, y):
    box, (left, top) = page.locator(FIELD).first.bounding_box(), place(page, x, y)
    return box["x"] + left, box["y"] + top


def color(page, x, y, zoom=1.0):
    return page.evaluate(RED_GREEN_BLUE, place(page, x, y, zoom))


def is_blank(page, x, y, zoom=1.0):
    return color(page, x, y, zoom) == color(page, 1.5, 1.5)


def near(found, wanted):
    return max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < 50


def says(page, words):
    page.wait_for_function("(words) => document.body.innerText.includes(words)", arg=words)


def test_points_have_their_colours_and_the_key_names_them(page, open_page):
    assert near(color(page, 0, 0), (0x00, 0x72, 0xB2))
    assert near(color(page, 1, 0), (0xE6, 0x9F, 0x00))
    assert near(color(page, 0, 1), (0x00, 0x9E, 0x73))
    assert is_blank(page, 0.5, 0.5)
    key = page.locator(".xw-map-key").inner_text()
    assert "cat" in key
    assert "answered wrongly" in key
    assert page.get_by_role("img", name="map of nine: 9 images").count() == 1
    open_page.screenshot(page, "point-map")


def test_a_drag_moves_all_points_and_chooses_none(page):
    before = count(page)
    page.mouse.move(*on_screen(page, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*on_screen(page, 1.0, 0.5), steps=4)
    page.mouse.up()
    drawn(page, before)
    page.wait_for_timeout(200)
    assert near(color(page, 0.5, 0), (0x00, 0x72, 0xB2))
    assert is_blank(page, 0, 0)
    assert "nothing heard" in page.inner_text("body")


def test_buttons_wheel_and_keys_zoom(page):
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(200)
    assert near(color(page, 1, 0, zoom=1.4), (0xE6, 0x9F, 0x00))
    page.get_by_role("button", name="Show all").click()
    page.wait_for_timeout(200)
    assert near(color(page, 1, 0), (0xE6, 0x9F, 0x00))
    page.mouse.move(*on_screen(page, 0, 0))
    before = count(page)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(200)
    assert count(page) == before  # a page that scrolls is not caught
    page.locator(STAGE).focus()
    page.mouse.wheel(0, -200)
    drawn(page, before)
    assert is_blank(page, 1, 0)
    page.keyboard.press("0")
    page.wait_for_timeout(200)
    assert near(color(page, 1, 0), (0xE6, 0x9F, 0x00))


def test_a_click_chooses_the_nearest_and_a_lasso_several(page, open_page):
    page.mouse.click(*on_screen(page, 0.1, 1.1))
    says(page, "chosen 2.")
    page.mouse.click(*on_screen(page, 1.5, 1.5))  # far from all
    page.keyboard.down("Shift")
    line(page, [(-2.2, -0.5), (-2.2, 0.5), (0.5, 0.5), (0.5, -0.5)])
    page.keyboard.up("Shift")
    says(page, "chosen 0 3 7.")
    open_page.screenshot(page, "point-map-lasso")
    lasso = page.get_by_role("button", name="Lasso")
    lasso.click()
    assert lasso.get_attribute("aria-pressed") == "true"
    line(page, [(0.5, -0.5), (0.5, 0.5), (2.3, 0.5), (2.3, -0.5)])
    says(page, "chosen 1 5.")


def line(page, corners):
    page.mouse.move(*on_screen(page, *corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*on_screen(page, *corner), steps=4)
    page.mouse.up()


def test_pointing_shows_the_name_and_the_picture_once_for_all(page):
    page.mouse.move(*on_screen(page, 2, 0))
    says(page, "seen 1")
    tip = page.locator(TIP)
    assert tip.locator(".xw-map-tip-name").inner_text() == "image 5, answered wrongly"
    shade = tip.locator("canvas").evaluate(
        "(canvas) => [...canvas.getContext('2d').getImageData(4, 4, 1, 1).data.slice(0, 3)]"
    )
    assert shade == [100, 100, 100]
    page.mouse.move(*on_screen(page, 1, 0))
    says(page, "seen 2")
    page.mouse.move(*on_screen(page, 2, 0))
    says(page, "seen 1")  # it was kept
    page.mouse.move(*on_screen(page, 1.5, 1.5))
    page.wait_for_function(f"() => document.querySelector('{TIP}').hidden")


def test_keys_walk_choose_and_add(page):
    page.locator(STAGE).focus()
    option = page.locator(f"{STAGE} [role=option]")
    for key, name in [("ArrowRight", "image 0: cat"), ("ArrowRight", "image 1: dog"), ("ArrowRight", "image 5")]:
        page.keyboard.press(key)
        page.wait_for_function(
            "(name) => document.querySelector('.xw-map-stage [role=option]').ariaLabel.startsWith(name)", arg=name
        )
    assert page.locator(STAGE).get_attribute("aria-activedescendant") == option.get_attribute("id")
    page.keyboard.press("Enter")
    says(page, "chosen 5.")
    page.wait_for_function("() => document.querySelector('.xw-map-stage [role=option]').ariaSelected === 'true'")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    says(page, "chosen 5 1.")
    page.keyboard.press("Escape")
    says(page, "chosen .")


def test_moved_points_morph_and_a_second_view_and_a_reload_show_the_newest(open_lab):
    page = open_lab([*CELLS, "view.move(-places)\nview.highlight(0, [1], [0, 3])\nview.selected = [2]", "root"])
    page.wait_for_function(
        "() => [...document.querySelectorAll('.xw-map-picture')].filter((one) => one.dataset.drawn > 0).length === 2"
    )
    page.wait_for_timeout(1000)
    assert near(color(page, -1, 0), (0xE6, 0x9F, 0x00))
    assert near(color(page, 0, -1), (0x00, 0x9E, 0x73))
    open_lab.reload(page)
    drawn(page)
    page.wait_for_timeout(500)
    assert near(color(page, -1, 0), (0xE6, 0x9F, 0x00))


def test_a_map_that_is_empty_and_hidden_at_first_is_drawn_once_it_is_filled_and_opened(open_voila):
    later = """
fill = widgets.Button(description="Fill")
def filled(_button):
    view.show(places)
    view.layout.display = ""
fill.on_click(filled)
view.clear()
view.layout.display = "none"
root.children = (*root.children, fill)
"""
    page = open_voila([MAP + later, "root"])
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Fill").click()
    page.wait_for_function("() => document.querySelector('.xw-map-picture').ariaLabel === 'map of nine: 9 images'")
    page.wait_for_timeout(500)
    assert near(color(page, 1, 0), (0x00, 0x72, 0xB2))


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_stands_in_the_way_of_anybody(open_voila, dark):
    page = open_voila(CELLS, dark=dark)
    drawn(page)
    page.locator(STAGE).focus()
    page.keyboard.press("ArrowUp")
    says(page, "seen 1")
    found = Axe().run(page, context=".xw-root", options={"runOnly": ["wcag2a", "wcag2aa", "best-practice"]})
    assert found.response["violations"] == [], found.generate_report()
    open_voila.screenshot(page, f"point-map-{'dark' if dark else 'light'}")
