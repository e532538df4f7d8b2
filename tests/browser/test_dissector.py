"""The dissector as it is used: bars and cards lead to each other, sliders score anew, a stopped run goes on."""

from tests.browser.acts import Acts

ACTS = Acts("Dissector")
CELLS = [
    "import xaiwidgets as xw",
    "view = xw.Dissector(xw.load_model('efficientnet_lite0'), xw.data.scenes(120, size=224), layer='_blocks.11')\nview",
]
BARS = f"{ACTS.root} .xw-picture .xw-plot"
NOTES = f"{ACTS.root} .xw-frame-note"


def notes(page):
    return page.locator(NOTES).all_inner_texts()[:8]


def detectors(page):
    """How many units detect a concept, as the evidence says."""
    return int(ACTS.said(page).split(" of 192 units detect")[0].split()[-1])


def finished(page):
    ACTS.button(page, "Run").click()
    ACTS.status(page, "done")
    ACTS.says(page, "120 of 120 images")
    page.wait_for_function(f"() => document.querySelectorAll('{NOTES}')[7].innerText.includes('·')")
    ACTS.settled(page)  # the last numbers leave with the last picture


def test_bars_cards_and_sliders_lead_to_units(open_page):
    page = open_page(CELLS)
    finished(page)
    best = notes(page)

    plot = page.locator(BARS).first
    box = plot.bounding_box()
    page.mouse.click(box["x"] + 140, box["y"] + 14)  # the topmost bar
    page.wait_for_function("(root) => document.querySelector(root + ' select').selectedIndex > 0", arg=ACTS.root)
    chosen = page.get_by_role("combobox", name="Concept").evaluate("(list) => list.selectedOptions[0].text")
    name = chosen.replace("\N{NO-BREAK SPACE}", " ").split(" (")[0]
    page.wait_for_function(f"(name) => document.querySelectorAll('{NOTES}')[0].innerText.includes(name)", arg=name)
    open_page.screenshot(page, "concept")

    page.get_by_role("combobox", name="Concept").select_option("all concepts")
    page.wait_for_function(f"(first) => document.querySelectorAll('{NOTES}')[0].innerText === first", arg=best[0])
    page.locator(f"{ACTS.root} .xw-frame-button").first.click()
    ACTS.says(page, "95 % interval of the first")
    ACTS.button(page, "Draw what it looks for").click()
    page.wait_for_timeout(2500)
    open_page.screenshot(page, "unit")
    ACTS.button(page, "Open in the visualizer").click()
    page.wait_for_selector("[data-xw=FeatureVisualizer]")

    before = detectors(page)
    ACTS.slide(page, "IoU threshold", 5)
    page.wait_for_function(
        "([root, count]) => !document.querySelector(root).innerText.includes(`${count} of 192 units`)",
        arg=[ACTS.root, before],
    )
    assert detectors(page) < before
    ACTS.slide(page, "Quantile", 1)
    page.wait_for_function(f"(first) => document.querySelectorAll('{NOTES}')[0].innerText !== first", arg=best[0])
    assert "needs a pass" not in ACTS.said(page)
    ACTS.slide(page, "Quantile", 2)
    ACTS.says(page, "Quantile 0.05 needs a pass")


def test_controls_stand_beside_the_claim(open_page):
    page = open_page(CELLS)
    finished(page)
    page.get_by_role("combobox", name="Compare with").select_option("an untrained copy")
    page.wait_for_selector(f"{ACTS.root} .xw-table td:text('an untrained copy')")
    ACTS.says(page, "thin: an untrained copy")
    page.wait_for_timeout(2500)
    open_page.screenshot(page, "control")


def test_a_stopped_run_goes_on(open_page):
    page = open_page(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.drawn(page, 2)
    ACTS.says(page, "provisional")
    ACTS.button(page, "Stop").click()
    ACTS.status(page, "cancelled")
    page.wait_for_timeout(600)
    seen = int(ACTS.said(page).split(" of 120 images")[0].split()[-1])
    ACTS.button(page, "Run").click()
    ACTS.status(page, "running")
    page.wait_for_function(
        """([root, seen]) => {
            const said = document.querySelector(root).innerText.match(/(\\d+) of 120 images/);
            if (Number(said[1]) < seen) throw new Error(`${said[1]} images, but ${seen} were counted before`);
            return Number(said[1]) > seen || document.querySelector(root).dataset.status === "done";
        }""",
        arg=[ACTS.root, seen],
    )
    ACTS.status(page, "done")
    ACTS.says(page, "120 of 120 images")
