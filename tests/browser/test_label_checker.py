"""The label checker as it is used: look at suspects, decide by mouse and by keys, take back, turn the page."""

from tests.browser.acts import Acts

ACTS = Acts("LabelChecker")
CELLS = [
    "import xaiwidgets as xw",
    "train = xw.data.fashion_mnist_small('train').subset(range(0, 4000, 4))",
    "view = xw.LabelChecker(xw.load_model('lenet'), train)\nview",
]
CARDS = f"{ACTS.root} .xw-picture .xw-frame-button"
NOTES = f"{ACTS.root} .xw-picture .xw-frame-note"


def test_labels_are_decided_taken_back_and_ranked_anew(open_page):
    page = open_page(CELLS)
    assert ACTS.button(page, "Keep").is_disabled()
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "labels flipped on purpose, the first 10 %")
    page.locator(CARDS).first.click()
    ACTS.says(page, "rank 1 of 1,000 by loss and neighbours")
    ACTS.button(page, "Flip").click(trial=True)  # waits until it is enabled: the keys do not
    ACTS.button(page, "Flip").focus()
    page.keyboard.press("Enter")
    ACTS.says(page, "1 decided: 0 kept, 1 flipped, 0 dropped")
    ACTS.says(page, "flipped to")
    ACTS.button(page, "Drop").focus()
    page.keyboard.press("Enter")
    ACTS.says(page, "2 decided: 0 kept, 1 flipped, 1 dropped")
    ACTS.button(page, "Undo").click()
    ACTS.says(page, "1 decided")
    ACTS.button(page, "Redo").click()
    ACTS.says(page, "2 decided")
    open_page.screenshot(page, "decided")

    before = page.locator(NOTES).nth(3).inner_text()
    page.locator(ACTS.root).get_by_label("Rank by").select_option("neighbours")
    page.wait_for_function(f"(before) => document.querySelectorAll('{NOTES}')[3].innerText !== before", arg=before)
    ACTS.button(page, "Next").click()
    page.wait_for_function(f"() => document.querySelector('{ACTS.root}').innerText.toLowerCase().includes('13 to 24')")


def test_the_arrow_keys_walk_over_the_suspects(open_voila):
    page = open_voila(CELLS, size=(740, 900))
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "labels flipped on purpose, the first 10 %")
    page.locator(CARDS).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    ACTS.says(page, "rank 2 of 1,000")
    open_voila.screenshot(page, "narrow-labels")
