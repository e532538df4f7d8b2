"""The browser of activations: tiles follow an image and a layer, and a channel is looked at from all sides."""

from tests.browser.acts import Acts

ACTS = Acts("ActivationBrowser")
CELLS = ["import xaiwidgets as xw", "view = xw.ActivationBrowser(xw.load_model('lenet'), layer='relu2')\nview"]
CARD = f"{ACTS.root} .xw-picture .xw-frames"


def pictures_in_card(page):
    """How many pictures of the card show more than one grey."""
    return page.evaluate(
        """(card) => [...document.querySelectorAll(`${card} canvas`)].filter((canvas) => {
            if (!canvas.width) return false;
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.some((value, i) => i % 4 < 3 && Math.abs(value - data[i % 4]) > 8);
        }).length""",
        CARD,
    )


def test_a_channel_is_chosen_and_tiles_follow_image_and_layer(open_page):
    page = open_page(CELLS)
    tiles = page.locator(f"{ACTS.root} .xw-tiles-list")
    ACTS.button(page, "Run").click()
    ACTS.drawn(page, 1)
    first = ACTS.settled(page)

    tiles.click(position={"x": 30, "y": 30})
    ACTS.says(page, "Unit 0 reaches")
    ACTS.says(page, "in 1,000 of 1,000 images")
    page.wait_for_function(f"() => document.querySelectorAll('{CARD} canvas').length === 9")
    for _ in range(60):
        if pictures_in_card(page) >= 8:  # what drove a unit may be nothing at all
            break
        page.wait_for_timeout(500)
    assert pictures_in_card(page) >= 8
    open_page.screenshot(page, "channel")

    tiles.press("ArrowRight")
    ACTS.says(page, "Unit 1 reaches")
    assert tiles.locator("[role=option]").get_attribute("aria-posinset") == "2"

    count = ACTS.frames(page)
    page.locator(f"{ACTS.root} .xw-image-choice .xw-frame-button").nth(3).click()
    ACTS.drawn(page, count + 1)
    assert ACTS.settled(page) != first
    ACTS.says(page, "Unit 1 reaches")

    count = ACTS.frames(page)
    page.locator(f"{ACTS.root} .xw-layer[data-name=fc3]").click()
    ACTS.says(page, "LeNet · fc3")
    ACTS.drawn(page, count + 1)
    open_page.screenshot(page, "channel-of-output")
