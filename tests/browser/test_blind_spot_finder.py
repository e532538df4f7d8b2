"""Who has no labels says right or wrong in the page, and takes it back."""

from tests.browser.acts import Acts

ACTS = Acts("BlindSpotFinder")
CELLS = [
    "import xaiwidgets as xw",
    "images = xw.data.ImageSet(xw.data.fashion_mnist_small().batch(slice(0, 400)))",
    "view = xw.BlindSpotFinder(xw.load_model('lenet'), images, budget=30, partitions=5)\nview",
]


def test_a_user_judges_one_image_after_another(open_page):
    page = open_page(CELLS)
    ACTS.status(page, "idle")
    assert ACTS.button(page, "It is wrong").is_disabled()
    ACTS.button(page, "Run").click()
    ACTS.says(page, "Query 1 of 30")
    for query, verdict in enumerate(("It is wrong", "It is right", "It is wrong")):
        ACTS.says(page, f"Query {query + 1} of 30")
        ACTS.button(page, verdict).click()
    ACTS.says(page, "Query 4 of 30")
    ACTS.says(page, "2 of 3 that were asked about are wrong")
    ACTS.button(page, "Undo").click()
    ACTS.says(page, "Query 3 of 30")
    ACTS.says(page, "1 of 2 that were asked about are wrong")
    open_page.screenshot(page, "judged")
