"""Counterfactuals as they are used: run, another image and class, a start in words, and regions swapped in the tab."""

from tests.browser.acts import Acts

ACTS, SWAPS = Acts("CounterfactualExplorer"), Acts("RegionSwapper")
CELLS = [
    "import xaiwidgets as xw",
    "train = xw.data.fashion_mnist_small('train').subset(range(0, 4000, 8))",
    "view = xw.CounterfactualExplorer(xw.load_model('lenet'), train, steps=80)\nview",
]
CARDS = f"{ACTS.root} .xw-picture .xw-frame-button"


def test_a_counterfactual_is_found_and_another_image_is_answered_at_once(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.says(page, "Valid:")
    ACTS.status(page, "done")
    ACTS.says(page, "along the gradient's sign")
    page.locator(CARDS).nth(5).click()
    ACTS.says(page, "start 2: answered with Sneaker")
    open_page.screenshot(page, "counterfactual")
    ACTS.button(page, "Next").click()
    ACTS.says(page, "test image 1 ·")
    ACTS.status(page, "done")
    page.locator(ACTS.root).get_by_label("Wanted class").first.select_option("Shirt")
    ACTS.says(page, "wanted: Shirt")
    ACTS.status(page, "done")


def test_regions_are_swapped_in_the_second_tab(open_voila):
    page = open_voila(CELLS, size=(740, 900))
    ACTS.button(page, "Region swap").click()
    SWAPS.button(page, "Run").click()
    SWAPS.status(page, "done")
    SWAPS.says(page, "Swapped at random")
    SWAPS.says(page, "edits")
    open_voila.screenshot(page, "narrow-swap")
