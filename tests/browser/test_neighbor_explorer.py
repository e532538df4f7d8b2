"""The explorer of nearest neighbours as it is used: from image to image, back, over the map, in other layers."""

from tests.browser.acts import LOOK, Acts

ACTS = Acts("NeighborExplorer")
CELLS = ["import xaiwidgets as xw", "view = xw.NeighborExplorer(xw.load_model('lenet'))\nview"]
PANEL = f"{ACTS.root} .xw-query-panel"
TRAIL = f"{ACTS.root} .xw-what .xw-image-choice .xw-frame-button"


def asked(page, name):
    """Until the panel shows this image, and the neighbours are its own."""
    page.wait_for_function(f"(name) => document.querySelector('{PANEL}').innerText.includes(name)", arg=name)
    ACTS.status(page, "done")


def until(page, words, *arguments):
    page.wait_for_function(words, arg=[ACTS.root, *arguments])


def test_one_walks_from_neighbour_to_neighbour_and_back(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "of the neighbours in 2 layers are Ankle boot")
    ACTS.says(page, "of 1,000 unseen images")
    before = ACTS.settled(page)
    ACTS.button(page, "Next mistake").click()
    page.wait_for_selector(f"{TRAIL} >> nth=1", state="attached")
    page.wait_for_function(f"(was) => ({LOOK})(['{ACTS.root}', 0]) !== was", arg=before)
    ACTS.status(page, "done")
    page.get_by_role("button", name="neighbour 2 in conv2").click()
    asked(page, "TRAINING IMAGE")
    page.wait_for_selector(f"{TRAIL} >> nth=2", state="attached")
    assert "as predicted" in ACTS.said(page).lower()
    open_page.screenshot(page, "walked")
    page.locator(TRAIL).first.click()
    asked(page, "TEST IMAGE")
    ACTS.becomes(page, before)


def test_fewer_layers_and_another_k_are_answered_at_once(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "neighbours in 2 layers")
    page.get_by_label("Layers").select_option(["head"])
    until(page, "([root]) => !document.querySelector(root).innerText.includes('in 2 layers')")
    ACTS.says(page, "exact search among 4,000 rows")
    ACTS.slide(page, "Neighbours k", 2)
    until(page, "([root]) => !/of 75 are/i.test(document.querySelector(root).innerText)")
    ACTS.status(page, "done")


def test_a_point_of_the_map_becomes_the_query(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    page.get_by_role("button", name="Map", exact=True).click()
    drawn = f"{ACTS.root} .xw-map-picture"
    until(page, f"() => Number(document.querySelector('{drawn}').dataset.drawn) > 0")
    before = page.locator(PANEL).inner_text()
    box = page.locator(drawn).bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    until(page, f"([root, before]) => document.querySelector('{PANEL}').innerText !== before", before)
    ACTS.status(page, "done")
    page.wait_for_selector(f"{TRAIL} >> nth=1", state="attached")
    open_page.screenshot(page, "map")
    page.get_by_role("button", name="What they rest on", exact=True).click()
    page.wait_for_selector("[data-xw=ConformityViewer]")
    open_page.screenshot(page, "importance")
