"""Images that a user gives in the page: good ones are explained, bad ones get a sentence, and nothing is lost."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.acts import Acts
from tests.data.test_reading import bomb

ACTS = Acts("Inverter")
CELLS = [
    "import xaiwidgets as xw",
    "view = xw.Inverter(xw.load_model('lenet'), layer='conv2', starts=16, steps=4096)\nview",
]
FILE = f"{ACTS.root} .xw-drop-area input[type=file]"
SAID = f"{ACTS.root} .xw-drop-area [role=alert]"


def picture(form="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)).save(buffer, form)
    return buffer.getvalue()


def give(page, name, content):
    page.locator(FILE).set_input_files([{"name": name, "mimeType": "image/png", "buffer": content}])


def drop(page, name, content):
    """As a user lets go of a file over the button."""
    transfer = page.evaluate_handle(
        """([name, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
            return transfer;
        }""",
        [name, list(content)],
    )
    page.locator(f"{ACTS.root} .xw-drop-area").dispatch_event("drop", {"dataTransfer": transfer})


def refused(page, words):
    page.wait_for_function(
        f"(words) => document.querySelector('{SAID}').textContent.replaceAll(\"'\", '').includes(words)", arg=words
    )


@pytest.mark.parametrize("way", [give, drop])
def test_a_picture_that_is_given_is_explained(open_page, way):
    page = open_page(CELLS)
    strip = page.locator(f"{ACTS.root} .xw-image-choice .xw-frame-button")
    strip.nth(15).wait_for()
    way(page, "mine.png", picture())
    page.locator(f"{ACTS.root} .xw-image-choice .xw-frame-button[aria-pressed=true][aria-label*='mine.png']").wait_for()
    ACTS.says(page, "mine.png")
    ACTS.button(page, "Run").click()
    ACTS.drawn(page, 2)
    ACTS.button(page, "Stop").click()
    ACTS.status(page, "cancelled")
    open_page.screenshot(page, f"given-{way.__name__}")


def test_bad_files_get_a_sentence_and_the_run_goes_on(open_voila):
    page = open_voila(CELLS)
    ACTS.button(page, "Run").click()
    ACTS.status(page, "running")
    for name, content, words in (
        ("notes.png", b"hello", "notes.png is no picture that can be read"),
        ("broken.png", picture()[:2000], "broken.png is damaged"),
        ("bomb.png", bomb(60_000, 60_000), "bomb.png unfolds to 60000×60000 pixels"),
    ):
        give(page, name, content)
        refused(page, words)
        ACTS.status(page, "running")
    open_voila.screenshot(page, "bad-files")
    count = ACTS.frames(page)
    ACTS.drawn(page, count + 2)
    give(page, "good.png", picture())
    ACTS.says(page, "good.png")
    page.wait_for_function(f"() => document.querySelector('{SAID}').textContent === ''")
    ACTS.button(page, "Stop").click()
    ACTS.status(page, "cancelled")


def test_a_file_that_is_too_large_is_not_even_sent(open_voila):
    page = open_voila(CELLS)
    give(page, "large.png", bytes(33 * 2**20))
    refused(page, "large.png has 33 MB; give a picture of at most 32 MB")


@pytest.mark.parametrize("count", [1, 3])
def test_large_pictures_cut_no_connection(open_page, count):
    """A server closes the connection of a page that sends more than 10 MB at once."""
    pixels = np.random.default_rng(0).integers(0, 256, (2200, 2000, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)  # 13 MB
    page = open_page(CELLS)
    files = [{"name": f"wide{i}.png", "mimeType": "image/png", "buffer": buffer.getvalue()} for i in range(count)]
    page.locator(FILE).set_input_files(files)
    ACTS.says(page, f"wide{count - 1}.png")
    ACTS.button(page, "Run").click()
    ACTS.drawn(page, 2)
    ACTS.button(page, "Stop").click()
    ACTS.status(page, "cancelled")
