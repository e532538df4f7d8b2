"""The prototype explorer as it is used: look at what a prototype stands for, ask for fewer, turn to the set cover."""

from tests.browser.acts import Acts

ACTS, COVER = Acts("PrototypeExplorer"), Acts("CoverExplorer")
CELLS = [
    "import xaiwidgets as xw",
    "train = xw.data.fashion_mnist_small('train').subset(range(0, 4000, 4))",
    "view = xw.PrototypeExplorer(xw.load_model('lenet'), train)\nview",
]
CARDS = "{} .xw-picture .xw-frame-button"


def count(page, acts):
    return page.locator(CARDS.format(acts.root)).count()


def test_prototypes_are_looked_at_and_fewer_are_answered_at_once(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "The nearest prototype has the label of")
    assert count(page, ACTS) == 24
    page.locator(CARDS.format(ACTS.root)).nth(2).click()
    ACTS.says(page, "prototype 3 of 18, image")
    ACTS.says(page, "IMAGES THAT IT IS NEAREST TO")
    page.locator(CARDS.format(ACTS.root)).nth(18).focus()
    page.keyboard.press("Enter")
    ACTS.says(page, "criticism 1, image")
    open_page.screenshot(page, "prototypes")

    ACTS.slide(page, "Criticisms", 2)
    page.wait_for_function(f"() => document.querySelectorAll('{CARDS.format(ACTS.root)}').length === 26")
    ACTS.status(page, "done")

    page.locator(ACTS.root).get_by_role("button", name="Set cover").click()
    COVER.status(page, "idle")
    assert not page.locator(ACTS.root).get_by_text("Prototype explorer").is_visible()
    COVER.button(page, "Run").click()
    COVER.status(page, "done")
    COVER.says(page, "lie in a ball of another class")
    page.locator(CARDS.format(COVER.root)).first.click()
    COVER.says(page, "that none before covered")
    open_page.screenshot(page, "cover")
    page.locator(ACTS.root).get_by_role("button", name="MMD-critic").click()
    ACTS.says(page, "criticism 1, image")
