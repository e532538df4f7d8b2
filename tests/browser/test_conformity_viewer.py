"""The viewer of conformity as it is used: point at places, walk over them by keys, look at one size, go on."""

from tests.browser.acts import Acts

ACTS = Acts("ConformityViewer")
CELLS = [
    "import xaiwidgets as xw",
    "train, test = (xw.data.fashion_mnist_small(split) for split in ('train', 'test'))",
    "train = train.subset(range(0, 4000, 4))",
    "view = xw.ConformityViewer(xw.load_model('lenet'), train, test, chosen=4, patch=4, fill='mean')\nview",
]
PLACES = f"{ACTS.root} .xw-tiles-list"


def sentence(page):
    return page.locator(f"{ACTS.root} .xw-sentence").inner_text()


def changed(page, before):
    page.wait_for_function(
        f"(before) => document.querySelector('{ACTS.root} .xw-sentence').innerText !== before", arg=before
    )
    return sentence(page)


def done(page):
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "supports the prediction")
    ACTS.settled(page)


def test_places_are_pointed_at_and_chosen(open_page):
    page = open_page(CELLS)
    done(page)
    ACTS.says(page, "rank correlation with softmax")
    first, places = sentence(page), page.locator(PLACES)
    box = places.bounding_box()
    assert abs(box["width"] - box["height"]) < 30  # one picture, not a sheet that breaks where it likes
    places.hover(position={"x": box["width"] * 0.9, "y": box["height"] * 0.06})
    pointed = changed(page, first)
    tip = page.locator(f"{ACTS.root} .xw-tile-tip")
    assert "→" in tip.inner_text()
    assert tip.bounding_box()["x"] + tip.bounding_box()["width"] <= box["x"] + box["width"] + 8
    places.click(position={"x": box["width"] * 0.2, "y": box["height"] * 0.5})
    chosen = changed(page, pointed)
    page.mouse.move(2, 2)
    page.wait_for_timeout(600)
    assert sentence(page) == chosen
    open_page.screenshot(page, "conformity")
    for size in ("16 px", "4 px"):
        page.locator(ACTS.root).get_by_label("Regions shown").select_option(size)
        ACTS.says(page, f"patch of {size} at rows")


def test_the_arrow_keys_walk_over_the_places(open_voila):
    page = open_voila(CELLS, size=(640, 900))
    done(page)
    page.locator(ACTS.root).get_by_label("Regions shown").select_option("4 px")
    ACTS.says(page, "patch of 4 px")
    page.locator(PLACES).focus()
    page.keyboard.press("ArrowDown")
    ACTS.says(page, "patch of 4 px at rows 0 to 3, columns 0 to 3")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    ACTS.says(page, "patch of 4 px at rows 10 to 13, columns 0 to 3")
    open_voila.screenshot(page, "narrow-conformity")
