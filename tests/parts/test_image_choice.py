"""The strip of images: choosing, adding what a browser sends, and what is refused."""

import io
import re
import warnings
import zlib

import numpy as np
import pytest
import torch
from jupyter_client.session import json_packer
from PIL import Image

from tests.networks import image_model
from tests.parts.wire import Wire
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, fashion_mnist_small, photograph_set, photographs
from xaiwidgets.widgets.parts.image_choice import MOST_IMAGES, ImageChoice, images_for
from xaiwidgets.widgets.parts.image_drop import LARGEST_FILE
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import close_all


class Page(Wire):
    """The page of a drop: gives files, and hears what is said about them."""

    def drops(self, *files):
        """Send files as a page does: names in the message, contents as buffers."""
        self.says({"type": "files", "names": [name for name, _ in files]}, [memoryview(data) for _, data in files])

    def says(self, content, buffers=()):
        self._widget._handle_msg(
            {"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)}
        )

    @property
    def sentence(self):
        """What stands below the button."""
        return self.custom[-1]["text"] if self.custom else ""


@pytest.fixture
def choice():
    get_publisher().errors.clear()  # those of tests before
    choice = ImageChoice(image_model("lenet"), fashion_mnist_small()[:5])
    choice.page = Page(choice.drop)
    choice.calls = []
    choice.on_change(lambda: choice.calls.append(choice.chosen))
    yield choice
    close_all(choice)
    assert not get_publisher().errors


def picture(level=200, size=(40, 40), kind="PNG", color="RGB"):
    """A file of one colour."""
    buffer = io.BytesIO()
    Image.new(color, size, (level,) * len(color) if len(color) > 1 else level).save(buffer, kind)
    return buffer.getvalue()


def bomb(side=60_000):
    """A PNG of few bytes that says it has billions of pixels."""

    def chunk(name, data):
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    body = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_the_first_is_chosen_and_all_are_shown(choice):
    assert (choice.chosen, choice.strip.selected, len(choice)) == (0, 0, 5)
    names = [fashion_mnist_small().label_name(i) for i in range(5)]
    assert [cell["label"] for cell in choice.strip.cells] == names
    assert choice.strip.cells[1]["alt"] == f"choose {names[1]}"
    assert choice.name == names[0]
    assert torch.equal(choice.image.batch([0]), fashion_mnist_small().batch([0]))
    assert choice.image.source == "xw.data.fashion_mnist_small('test')[:5][0:1]"


def test_a_browser_chooses_another(choice):
    choice.strip.set_state({"selected": 3})
    assert (choice.chosen, choice.calls) == (3, [3])
    choice.strip.set_state({"selected": 3})
    assert choice.calls == [3]


def test_one_is_always_chosen(choice):
    choice.strip.set_state({"selected": 2})
    choice.strip.set_state({"selected": -1})
    assert (choice.chosen, choice.strip.selected, choice.calls) == (2, 2, [2])


@pytest.mark.parametrize("value", [5, -2, "1", None, 1.0, True, [1], {}])
def test_a_choice_that_makes_no_sense_is_refused(choice, value):
    choice.strip.set_state({"selected": value})
    assert (choice.chosen, choice.calls) == (0, [])


def test_setting_from_python_calls_nobody(choice):
    choice.set(4)
    assert (choice.chosen, choice.strip.selected, choice.calls) == (4, 4, [])
    for wrong in (5, -1):
        with pytest.raises(XaiwidgetsError, match=f"Image {wrong} was asked for; there are 5"):
            choice.set(wrong)
    assert choice.chosen == 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_dropped_file_is_added_and_chosen(choice, kind):
    choice.page.drops(("mine", picture(kind=kind)))
    assert (len(choice), choice.chosen, choice.calls) == (6, 5, [5])
    assert choice.name == "mine"
    assert choice.image.shape == (1, 28, 28)
    torch.testing.assert_close(choice.image.batch([0]), torch.full((1, 1, 28, 28), 200 / 255), atol=0.01, rtol=0)
    assert choice.page.sentence == ""


def test_several_at_once_are_added_and_the_last_is_chosen(choice):
    choice.page.drops(*[(f"{i}.png", picture(20 * i)) for i in range(3)])
    assert [cell["label"] for cell in choice.strip.cells][5:] == ["0.png", "1.png", "2.png"]
    assert choice.chosen == 7


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cat.png is no picture that can be read; give a PNG"),
        (b"<svg onload='alert(1)'></svg>", "cat.png is no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "cat.png is no picture"),
        (picture()[:60], "cat.png is damaged"),
        (picture(kind="JPEG")[:200], "cat.png cannot be opened .*; give another file"),
        (picture(kind="GIF")[:30], "cat.png is damaged|no picture"),
        (bomb(), "unfolds to 60000×60000 pixels; give one of at most 100 million"),
        (picture().replace(b"IDAT", b"IDAX"), "cat.png is damaged|no picture"),
        (b"\xff\xd8\xff" + bytes(range(256)) * 9, "cat.png is no picture|damaged"),
        (b"x" * (LARGEST_FILE + 1), "cat.png has more than 32 MB; give a smaller picture"),
    ],
)
def test_what_is_no_picture_is_said_to_the_page_and_changes_nothing(choice, content, words):
    choice.page.drops(("cat.png", content))
    assert re.search(words, choice.page.sentence), choice.page.sentence
    assert (len(choice), choice.chosen, choice.calls) == (5, 0, [])
    choice.page.drops(("good.png", picture()))
    assert (len(choice), choice.page.sentence) == (6, "")


def test_mutilated_files_never_raise(choice):
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        whole = np.frombuffer(picture(kind=kind, size=(9, 9)), np.uint8)
        for _ in range(25):
            damaged = whole.copy()
            damaged[random.integers(0, min(200, len(damaged)), 4)] = random.integers(0, 256, 4)
            with warnings.catch_warnings(action="ignore"):  # Pillow's, of what it mends
                choice.page.drops(("a", damaged[: random.integers(1, len(damaged) + 1)].tobytes()))
    assert 5 <= len(choice) <= MOST_IMAGES


@pytest.mark.parametrize(
    ("content", "buffers"),
    [
        (None, []),
        ("files", [b"x"]),
        ([], [b"x"]),
        ({}, [b"x"]),
        ({"type": "files"}, [b"x"]),
        ({"type": "files", "names": "a.png"}, [b"x"]),
        ({"type": "files", "names": {"a": 1}}, [b"x"]),
        ({"type": "files", "names": ["a.png"]}, []),
        ({"type": "files", "names": []}, [b"x"]),
        ({"type": ["files"], "names": ["a.png"]}, [b"x"]),
        ({"type": "say", "text": "<b>"}, []),
    ],
)
def test_a_message_that_makes_no_sense_is_let_go(choice, content, buffers):
    choice.page.says(content, buffers)
    assert (len(choice), choice.calls) == (5, [])
    assert choice.page.sentence == ""


def test_names_are_whatever_a_browser_says(choice):
    names = ["../../etc/passwd", None, 3, {"a": 1}, "x" * 500, "", "\ud800half.png", "<img src=x>"]
    choice.page.drops(*[(name, picture()) for name in names])
    labels = [cell["label"] for cell in choice.strip.cells][5:]
    assert labels == ["passwd", "None", "3", "{'a': 1}", "x" * 60, "image 10", "?half.png", "<img src=x>"]
    json_packer({"cells": choice.strip.cells, "said": choice.page.custom})


def test_more_than_eight_at_once_are_not_taken(choice):
    choice.page.drops(*[(f"{i}", picture()) for i in range(40)])
    assert len(choice) == 5 + 8


def test_a_full_strip_gives_up_its_last(choice):
    for i in range(MOST_IMAGES):
        choice.page.drops((f"{i}.png", picture(i)))
    assert (len(choice), choice.chosen, choice.name) == (MOST_IMAGES, MOST_IMAGES - 1, f"{MOST_IMAGES - 1}.png")
    assert choice.strip.cells[-2]["label"] == "9.png"
    assert choice.image.batch([0]).mean() == pytest.approx((MOST_IMAGES - 1) / 255, abs=1e-6)


def test_an_image_that_gave_up_its_place_is_brought_back(choice):
    first, known = choice.entry, len(choice)
    for i in range(MOST_IMAGES - known):
        choice.add(picture(i), f"{i}.png")
    lost = choice.entry
    choice.add(picture(200), "newest.png")
    calls = len(choice.calls)
    choice.bring_back(first)
    assert (choice.chosen, choice.strip.selected) == (0, 0)
    choice.bring_back(lost)
    assert (choice.name, choice.chosen, len(choice)) == ("10.png", MOST_IMAGES - 1, MOST_IMAGES)
    assert choice.strip.cells[-1]["label"] == "10.png"
    assert len(choice.calls) == calls, "nobody is told"


def test_a_strip_shows_sixteen_of_many():
    choice = ImageChoice(image_model("lenet"))
    assert len(choice) == MOST_IMAGES
    choice.add(picture(), "mine.png")
    assert (len(choice), choice.name) == (MOST_IMAGES, "mine.png")
    close_all(choice)


def test_code_does_not_pretend_to_find_a_file_that_came_through_the_page(choice):
    choice.add(picture(90), "mine.png")
    assert (choice.name, choice.image.source) == ("mine.png", "")
    choice.add(picture(90))
    assert (choice.name, choice.image.source) == ("image 6", "")


def test_what_is_added_from_python_is_refused_with_a_sentence(choice):
    with pytest.raises(XaiwidgetsError, match="mine is no picture"):
        choice.add(b"nothing", "mine")
    assert len(choice) == 5


def test_images_come_in_many_forms(tmp_path):
    model = image_model("functional_cnn")  # 3×24×20
    file = tmp_path / "a.png"
    file.write_bytes(picture())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.png").write_bytes(picture())
    wanted = (3, 24, 20)
    stack = torch.rand(7, 3, 30, 30)
    given = {
        "path": (str(file), 1),
        "Path": (file, 1),
        "folder": (tmp_path / "folder", 1),
        "bytes": (picture(), 1),
        "pillow": (Image.new("RGB", (50, 40)), 1),
        "grey": (torch.rand(30, 30), 1),
        "one": (torch.rand(3, 30, 30), 1),
        "array": (np.zeros((30, 30, 3), np.uint8), 1),
        "stack": (stack, 7),
        "greys": (torch.rand(7, 30, 30), 7),
        "arrays": (np.zeros((4, 30, 30, 3), np.uint8), 4),
        "list": ([file, picture(), Image.new("L", (9, 9)), torch.rand(3, 9, 9)], 4),
        "set": (ImageSet(stack), 7),
        "dataset": (torch.utils.data.TensorDataset(stack, torch.arange(7)), 7),
        "none": (None, 13),
    }
    for name, (images, count) in given.items():
        found = images_for(model, images)
        assert (len(found), found.shape) == (count, wanted), name
        assert found.batch([0]).shape == (1, *wanted), name


def test_defaults_suit_the_network():
    assert images_for(image_model("lenet"), None).source == fashion_mnist_small().source
    grey = images_for(image_model("mlp"), None)
    assert grey.shape == (1, 8, 8)
    colors = images_for(image_model("resnet"), None)
    assert torch.equal(colors.batch([3]), photographs(32)[3:4])
    assert colors.label_name(3) == photograph_set(32).label_name(3) == "cat"


@pytest.mark.parametrize(
    "images",
    [3.5, {"a": 1}, object(), torch.rand(4), [], (), ["no such file.png"], [3], torch.full((2, 3, 9, 9), -1.0), b""],
)
def test_what_is_no_image_is_refused_in_words(images):
    with pytest.raises(XaiwidgetsError) as caught:
        ImageChoice(image_model("resnet"), images)
    assert len(str(caught.value)) > 20


def test_rows_are_the_images_of_a_network_of_plain_vectors():
    model = image_model("mlp")
    rows = torch.rand(5, 64)
    images = images_for(model, rows)
    assert torch.equal(images.batch(slice(None)).flatten(1), rows)
    with pytest.raises(XaiwidgetsError, match="Rows of 12 numbers were given; Sequential looks at vectors of 64"):
        images_for(model, torch.rand(5, 12))
