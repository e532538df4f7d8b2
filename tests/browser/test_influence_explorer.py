"""The influence explorer as it is used: predicted, confirmed, removed; another image, another damping, a map."""

from tests.browser.acts import Acts

ACTS = Acts("InfluenceExplorer")
CELLS = [
    "import xaiwidgets as xw",
    "view = xw.InfluenceExplorer(xw.load_model('lenet'), chosen=17)\nview",
]
NOTES = f"{ACTS.root} .xw-picture .xw-frame-note"
CARDS = f"{ACTS.root} .xw-picture .xw-frame-button"


def until(page, words, *arguments):
    page.wait_for_function(words, arg=[ACTS.root, *arguments])


def all_confirmed(page):
    until(
        page,
        f"""() => {{
            const notes = [...document.querySelectorAll("{NOTES}")].map((note) => note.innerText);
            return notes.length === 12 && notes.every((note) => note && !note.includes("≈"));
        }}""",
    )


def test_claims_are_confirmed_and_images_removed(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    all_confirmed(page)
    ACTS.says(page, "removals tried")
    for card in (0, 1):
        page.locator(CARDS).nth(card).click()
        until(page, "([root, count]) => document.querySelector(root).innerText.includes(`${count} chosen`)", card + 1)
    page.wait_for_selector(f"{CARDS}[aria-pressed=true] >> nth=1", state="attached")
    ACTS.says(page, "lowers this loss by")
    ACTS.button(page, "Remove and retrain").click()
    ACTS.says(page, "2 images removed")
    until(page, "([root]) => document.querySelector(root).innerText.includes('actual, refit in')")
    open_page.screenshot(page, "removed")

    before = page.locator(NOTES).first.inner_text()
    ACTS.button(page, "Next mistake").click()
    until(page, f"([root, before]) => document.querySelector('{NOTES}').innerText !== before", before)
    all_confirmed(page)
    before = page.locator(NOTES).first.inner_text()
    ACTS.slide(page, "Damping", 2)
    until(page, f"([root, before]) => document.querySelector('{NOTES}').innerText !== before", before)
    ACTS.status(page, "done")


def test_the_map_and_the_labels_lead_on(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    page.get_by_role("button", name="Map", exact=True).click()
    ACTS.says(page, "cross: answered wrongly")
    drawn = f"{ACTS.root} .xw-map-picture"
    until(page, f"() => Number(document.querySelector('{drawn}').dataset.drawn) > 0")
    box = page.locator(drawn).bounding_box()
    corners = [(0.15, 0.1), (0.6, 0.1), (0.6, 0.8), (0.15, 0.8), (0.15, 0.1)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    until(page, "([root]) => /\\d+ TEST IMAGES/i.test(document.querySelector(`${root} .xw-query-panel`).innerText)")
    open_page.screenshot(page, "map")
    page.get_by_role("button", name="Wrong labels", exact=True).click()
    page.wait_for_selector("[data-xw=LabelChecker]")
    open_page.screenshot(page, "labels")
