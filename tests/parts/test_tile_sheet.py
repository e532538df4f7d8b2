"""Hundreds of small pictures as one: their names, what is sent, and what is refused."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from tests.parts.test_frame_view import settle, wait_for
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.tile_sheet import TileSheet

COUNT = 300


class Recorded(TileSheet):
    """Keeps what would go to the browser."""

    def __init__(self, **kwargs):
        self.sent = []
        super().__init__(**kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers, threading.current_thread()))

    def frames(self):
        return [(content, buffers[0]) for content, buffers, _ in self.sent if content["type"] == "frame"]

    def hears(self, kind, view="a", **facts):
        self._receive(self, {"type": kind, "view": view, **facts}, [])


@pytest.fixture
def sheet():
    get_publisher().errors.clear()  # those of tests before
    sheet = Recorded()
    sheet.set_tiles([f"unit {i}" for i in range(COUNT)], "300 channels of layer 3", 2.0)
    yield sheet
    sheet.dispose()
    assert not get_publisher().errors


def tiles(count=COUNT, height=3, width=6):
    """Each of its own grey."""
    greys = (np.arange(count) % 256).astype(np.uint8)
    return np.broadcast_to(greys[:, None, None, None], (count, height, width, 3)).copy()


def test_the_page_hears_of_the_tiles_once_and_of_no_captions(sheet):
    wait_for(lambda: sheet._grid)
    assert sheet._grid == {
        "count": COUNT,
        "alt": "300 channels of layer 3",
        "aspect": 2.0,
        "labels": [f"unit {i}" for i in range(COUNT)],
    }


def test_cells_have_a_name_each_for_an_export(sheet):
    cells = sheet.cells
    assert len(cells) == COUNT
    assert cells[7] == {"label": "unit 7", "alt": "300 channels of layer 3", "note": "", "color": category_color(0)}


def test_all_tiles_travel_as_one_picture(sheet):
    sheet.hears("hello")
    sheet.show(tiles(), lossless=True)
    wait_for(sheet.frames)
    facts, data = sheet.frames()[0]
    sprite = np.asarray(Image.open(io.BytesIO(data)))
    assert (facts["count"], facts["width"], facts["height"]) == (COUNT, 6, 3)
    down, across = facts["pitch"]
    for index in (0, 1, 17, 255, COUNT - 1):
        top, left = index // facts["columns"] * down, index % facts["columns"] * across
        assert (sprite[top : top + 3, left : left + 6] == index % 256).all()


def test_a_callable_is_asked_on_the_publishers_thread(sheet):
    asked = []
    sheet.hears("hello")
    sheet.show(lambda: asked.append(threading.current_thread().name) or tiles())
    wait_for(sheet.frames)
    assert asked == ["xaiwidgets-publisher"]


@pytest.mark.parametrize("count", [1, COUNT - 1, COUNT + 1])
def test_another_number_of_pictures_is_refused(sheet, count):
    with pytest.raises(ValueError, match=f"got {count} images for 300 cells"):
        sheet.show(tiles(count))
    sheet.hears("hello")
    sheet.show(tiles())
    wait_for(sheet.frames)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((0, 3, 3, 3), np.uint8),
        np.zeros((COUNT, 3, 3)),
        np.zeros((COUNT, 3), np.uint8),
        np.zeros((COUNT, 3, 3, 2)),
    ],
)
def test_what_is_no_picture_is_refused(sheet, wrong):
    with pytest.raises(ValueError, match="wants uint8 images of shape"):
        sheet.show(wrong)


def test_a_tile_is_chosen_within_their_number_only(sheet):
    sheet.set_state({"selected": COUNT - 1, "hovered": 4})
    assert (sheet.selected, sheet.hovered) == (COUNT - 1, 4)
    for wrong in (COUNT, -2, "3", None, 1.5, True):
        sheet.set_state({"selected": wrong})
    assert sheet.selected == COUNT - 1


def test_fewer_tiles_give_up_a_choice_that_is_gone(sheet):
    sheet.selected = 200
    sheet.set_tiles(["a", "b"], "two")
    assert sheet.selected == -1
    assert [cell["label"] for cell in sheet.cells] == ["a", "b"]
    wait_for(lambda: sheet._grid.get("count") == 2)


def test_pictures_of_other_tiles_do_not_come_back(sheet):
    sheet.hears("hello")
    sheet.show(tiles())
    wait_for(sheet.frames)
    sheet.set_tiles([f"channel {i}" for i in range(COUNT)], "another layer")
    wait_for(lambda: sheet._grid.get("alt") == "another layer")
    sheet.hears("hello", view="b")
    settle()
    assert len(sheet.frames()) == 1
    sheet.show(tiles())
    sheet.hears("ack", frame=1, ms=1)
    wait_for(lambda: len(sheet.frames()) >= 2)


def test_a_view_that_comes_later_gets_the_newest_picture(sheet):
    sheet.hears("hello")
    sheet.show(tiles(), lossless=True)
    wait_for(sheet.frames)
    sheet.hears("hello", view="b")
    wait_for(lambda: any(facts["to"] == "b" for facts, _ in sheet.frames()))
    (first, *_, last) = sheet.frames()
    assert last[1] == first[1]
