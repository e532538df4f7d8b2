import io
import threading
import time

import numpy as np
import pytest
from PIL import Image
from traitlets import TraitError

from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.publisher import get_publisher


class Recorded(FrameView):
    """Keeps what would go to the browser."""

    def __init__(self, **kwargs):
        self.sent = []
        super().__init__(**kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers, threading.current_thread()))

    def told(self, kind):
        return [content for content, _, _ in self.sent if content["type"] == kind]

    def hears(self, kind, view="a", **facts):
        self._receive(self, {"type": kind, "view": view, **facts}, [])


@pytest.fixture
def view():
    view = Recorded(columns=2)
    name(view, "unit 3", "unit 4")
    yield view
    view.dispose()


def name(view, *labels):
    count = len(labels)
    view.set_grid(labels, [f"what {label} sees" for label in labels], ["0"] * count, ["#0072b2"] * count)


def grey(level, cells=2, size=8):
    return np.full((cells, size, size, 3), level, np.uint8)


def wait_for(condition, seconds=3.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def settle():
    """Long enough for what must not happen."""
    time.sleep(0.15)


def level(view, index=-1):
    frames = [buffers for content, buffers, _ in view.sent if content["type"] == "frame"]
    return np.asarray(Image.open(io.BytesIO(frames[index][0])))[0, 0, 0]


def test_nothing_is_sent_before_a_view_says_hello(view):
    view.show(grey(10))
    settle()
    assert view.frames_sent == 0
    view.hears("hello")
    wait_for(lambda: view.told("frame"))
    assert level(view) == 10


def test_frames_leave_on_the_publishers_thread_only(view):
    view.hears("hello")
    view.show(grey(10))
    wait_for(lambda: view.told("frame"))
    assert {thread.name for _, _, thread in view.sent} == {"xaiwidgets-publisher"}


def test_the_newest_wins_and_two_are_in_flight(view):
    view.hears("hello")
    for shade in range(100):
        view.show(grey(shade))
        time.sleep(0.003)
    settle()
    assert view.frames_sent == 2
    view.hears("ack", frame=1, ms=1)
    wait_for(lambda: view.frames_sent == 3)
    assert level(view) == 99
    assert view.frames_acked == 1


def test_images_are_made_only_for_frames_that_are_sent(view):
    made = []

    def make():
        made.append(threading.current_thread().name)
        return grey(20)

    for _ in range(50):
        view.show(make)
    settle()
    assert made == []
    view.hears("hello")
    wait_for(lambda: view.frames_sent == 1)
    assert made == ["xaiwidgets-publisher"]


def test_a_second_view_gets_the_newest_frame_and_its_numbers(view):
    view.hears("hello")
    view.set_notes(["1.5", "2.5"])
    view.show(grey(30), lossless=True)
    wait_for(lambda: view.told("frame"))
    view.hears("hello", view="b")
    wait_for(lambda: any(frame["to"] == "b" for frame in view.told("frame")))
    again = next(frame for frame in view.told("frame") if frame["to"] == "b")
    assert again["notes"] == ["1.5", "2.5"]
    assert again["mime"] == "image/png"
    assert view.frames_sent == 1


def test_numbers_travel_with_the_frame_or_alone(view):
    view.hears("hello")
    wait_for(lambda: view.told("notes"))
    view.set_notes(["1", "2"])
    wait_for(lambda: view.told("notes")[-1]["notes"] == ["1", "2"])
    assert [cell["note"] for cell in view.cells] == ["1", "2"]


def test_pictures_of_other_things_do_not_come_back(view):
    view.hears("hello")
    view.show(grey(40))
    wait_for(lambda: view.told("frame"))
    name(view, "unit 8", "unit 9")
    settle()
    view.hears("hello", view="b")
    wait_for(lambda: any(notes.get("to") == "b" for notes in view.told("notes")))
    assert len(view.told("frame")) == 1


def test_the_beat_goes_on_while_somebody_is_there(view):
    settle()
    assert view.told("beat") == []
    view.hears("ping")
    wait_for(lambda: view.told("beat"))


def test_a_failing_picture_is_kept_as_an_error_and_the_next_one_shown(view):
    def fail():
        raise ZeroDivisionError("no picture")

    view.hears("hello")
    view.show(fail)
    wait_for(lambda: any(task is view for task, _ in get_publisher().errors))
    view.show(grey(50))
    wait_for(lambda: view.frames_sent == 1)


def test_the_size_on_screen_is_the_largest_of_all_views_within_bounds(view):
    assert view.target_width == 256
    view.hears("hello", width=300)
    view.hears("hello", view="b", width=451.6)
    assert view.target_width == 451
    view.hears("size", width=10**8)
    assert view.target_width == 1024
    view.hears("bye")
    assert view.target_width == 451


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        {"type": "hello"},
        {"type": "ack", "view": "a", "frame": "x", "ms": []},
        {"type": "hello", "view": "a", "width": "wide"},
        {"type": "eval", "view": "a"},
    ],
)
def test_nonsense_from_a_browser_is_borne(view, message):
    view._receive(view, message, [])
    settle()
    assert view.target_width == 256
    assert view.frames_acked in {0, 1}


def test_a_browser_chooses_a_cell_and_changes_nothing_else(view):
    view.set_state({"selected": 1})
    assert view.selected == 1
    for bad in ({"selected": 2}, {"selected": -2}, {"selected": True}, {"selected": "1"}, {"_esm": "x"}, {"_grid": {}}):
        view.set_state(bad)
    assert view.selected == 1
    assert view._esm != "x"
    assert len(view.cells) == 2


def test_a_wrong_choice_is_refused_with_a_sentence(view):
    with pytest.raises(TraitError, match="selected got 2, but there are 2 cells: choose 0 to 1"):
        view.selected = 2


def test_a_choice_is_given_up_with_its_cell(view):
    view.selected = 1
    name(view, "unit 3")
    assert view.selected == -1


def test_images_and_cells_must_agree(view):
    with pytest.raises(ValueError, match="3 images for 2 cells"):
        view.show(grey(1, cells=3))
    with pytest.raises(ValueError, match="2 labels, 1 alts"):
        view.set_grid(["a", "b"], ["a"], ["", ""], ["", ""])


def test_images_without_names_are_numbered():
    view = Recorded()
    view.show(grey(1, cells=3))
    assert [cell["label"] for cell in view.cells] == ["1", "2", "3"]
    view.dispose()


def test_a_disposed_view_is_served_no_longer(view):
    view.dispose()
    view.hears("hello")
    view.show(grey(1))
    settle()
    assert view.frames_sent == 0
    assert not any(task is view for task in get_publisher()._tasks)
