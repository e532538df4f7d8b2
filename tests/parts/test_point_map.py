"""The map of points: what is sent, when, and what is refused."""

import io
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from traitlets import TraitError

from tests.parts.test_frame_view import settle, wait_for
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.widgets.parts.point_map import PointMap
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.theme import category_color

COUNT = 50
PLACES = np.random.default_rng(0).normal(size=(COUNT, 2)).astype(np.float32)
KINDS = np.arange(COUNT) % 8
NAMES = [f"kind {kind}" for kind in range(8)]


class Recorded(PointMap):
    """Keeps what would go to the browser."""

    def __init__(self, **kwargs):
        self.sent = []
        super().__init__(**kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers, threading.current_thread().name))

    def told(self, kind):
        return [(content, buffers) for content, buffers, _ in self.sent if content["type"] == kind]

    def hears(self, kind, view="a", **facts):
        self._receive(self, {"type": kind, "view": view, **facts}, [])


@pytest.fixture
def points():
    get_publisher().errors.clear()  # those of tests before
    points = Recorded(label="map of images", noun="image")
    points.show(PLACES, KINDS, NAMES, marked=[3, 7], marked_name="answered wrongly")
    yield points
    points.dispose()
    assert not get_publisher().errors


def greeted(points, view="a"):
    points.hears("hello", view)
    wait_for(lambda: any(content["to"] == view for content, _ in points.told("whole")))
    return points


def numbers(buffer, kind):
    return np.frombuffer(buffer, kind)


def test_a_view_that_says_hello_gets_everything(points):
    settle()
    assert points.sent == []
    greeted(points)
    facts, (places, kinds, crosses) = points.told("whole")[0]
    assert facts["count"] == COUNT
    assert facts["names"] == NAMES
    assert facts["colors"] == [category_color(kind) for kind in range(8)]
    assert (facts["noun"], facts["crossed"]) == ("image", "answered wrongly")
    assert (numbers(places, np.float32).reshape(-1, 2) == PLACES).all()
    assert (numbers(kinds, np.uint16) == KINDS).all()
    assert numbers(crosses, np.uint8).nonzero()[0].tolist() == [3, 7]
    assert {thread for _, _, thread in points.sent} == {"xaiwidgets-publisher"}


def test_a_second_view_gets_the_newest_and_the_first_nothing(points):
    greeted(points)
    points.highlight(5, [6, 7], [1, 5])
    points.move(PLACES + 1)
    wait_for(lambda: points.told("places"))
    greeted(points, "b")
    (first, _), (second, buffers) = points.told("whole")
    assert (first["to"], second["to"]) == ("a", "b")
    assert np.allclose(numbers(buffers[0], np.float32).reshape(-1, 2), PLACES + 1)
    assert points.told("marks")[-1][0] == {
        "type": "marks",
        "to": "b",
        "marks": {"query": 5, "neighbours": [6, 7], "trail": [1, 5]},
    }


def test_moved_points_are_sent_alone_and_the_newest_win(points):
    greeted(points)
    points.hears("ack", number=1)
    for shift in range(40):
        points.move(PLACES + shift)
    wait_for(lambda: points.told("places"))
    settle()
    sent = points.told("places")
    assert len(sent) <= 2
    assert np.allclose(numbers(sent[-1][1][0], np.float32).reshape(-1, 2), PLACES + 39)
    assert all(len(buffers) == 1 and facts["epoch"] == 1 for facts, buffers in sent)
    assert len(points.told("whole")) == 1


def test_a_view_that_does_not_keep_up_holds_moves_back(points):
    greeted(points)
    for shift in range(1, 6):
        points.move(PLACES + shift)
        wait_for(lambda: True)
        threading.Event().wait(0.25)
    owed = len(points.told("places"))
    assert owed == 1  # and the whole: two are on their way
    points.hears("ack", number=2)
    wait_for(lambda: len(points.told("places")) == owed + 1)


def test_a_click_and_a_lasso_choose(points):
    heard = []
    points.on_choose(heard.append)
    greeted(points)
    points.hears("choose", epoch=1, chosen=[4])
    points.hears("choose", epoch=1, chosen=[9, 2, 9])
    assert heard == [[4], [9, 2]]
    assert points.selected == [9, 2]
    points.hears("choose", epoch=1, chosen=[])
    assert points.selected == []


@pytest.mark.parametrize("chosen", [[COUNT], [-1], ["1"], [True], [1.0], None, "all", {"0": 1}])
def test_a_browser_cannot_choose_what_is_not_there(points, chosen):
    heard = []
    points.on_choose(heard.append)
    points.hears("choose", epoch=1, chosen=chosen)
    assert heard == []
    points.set_state({"selected": [1], "_label": "x"})
    assert (points.selected, points._label) == ([], "map of images")


def test_what_was_meant_for_other_points_is_not_taken(points):
    heard = []
    points.on_choose(heard.append)
    points.selected = [40]
    points.show(PLACES[:10])
    assert points.selected == []
    points.hears("choose", epoch=1, chosen=[4])
    points.hears("hover", epoch=1, index=4)
    assert (heard, points.hovered) == ([], -1)


def test_the_newest_point_of_each_view_is_asked_for_and_its_picture_sent(points):
    asked = []
    picture = np.arange(12, dtype=np.uint8).reshape(2, 6, 1)

    def answer(point):
        asked.append((point, threading.current_thread().name))
        points.show_picture(point, picture, f"image {point}")

    points.on_hover(answer)
    greeted(points)
    points.hears("hover", epoch=1, index=11)
    wait_for(lambda: points.told("picture"))
    facts, (data,) = points.told("picture")[0]
    assert (facts["index"], facts["words"], facts["epoch"]) == (11, "image 11", 1)
    assert (np.asarray(Image.open(io.BytesIO(data))) == picture[..., 0]).all()
    assert asked == [(11, "xaiwidgets-publisher")]
    assert points.hovered == 11
    points.hears("hover", epoch=1, index=-1)
    assert points.hovered == -1


def test_pointing_elsewhere_takes_the_wish_back(points):
    asked = []
    points.on_hover(asked.append)
    with get_publisher().lock:
        for index in (1, 2, 3):
            points.hears("hover", epoch=1, index=index)
        points.hears("hover", view="b", epoch=1, index=8)
        points.hears("hover", view="c", epoch=1, index=9)
        points.hears("hover", view="c", epoch=1, index=-1)
    wait_for(lambda: len(asked) >= 2)
    settle()
    assert asked == [3, 8]


def test_a_point_without_a_picture_is_answered_by_words_alone(points):
    points.on_hover(lambda point: points.show_picture(point, None, "lost"))
    greeted(points)
    points.hears("hover", epoch=1, index=2)
    wait_for(lambda: points.told("picture"))
    facts, buffers = points.told("picture")[0]
    assert (facts["words"], buffers) == ("lost", [])


def test_nothing_is_left_after_clear(points):
    greeted(points)
    points.highlight(1)
    points.clear()
    wait_for(lambda: len(points.told("whole")) == 2)
    assert (len(points), points.told("whole")[-1][0]["count"]) == (0, 0)
    assert points.told("marks")[-1][0]["marks"] == {"query": -1, "neighbours": [], "trail": []}


def test_tensors_are_taken_and_own_memory(points):
    places = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    points.show(places, torch.tensor([0, 1, 0, 1]))
    assert points.places.dtype == np.float32
    assert len(points) == 4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda points: points.show(np.zeros((3, 3))), r"shape \(3, 3\) were given; give \(point, 2\)"),
        (lambda points: points.show([[0, np.nan], [1, 1]]), "1 of 2 places are no finite numbers"),
        (lambda points: points.show(PLACES, [1, 2]), "2 categories were given for 50 points"),
        (lambda points: points.show(PLACES, KINDS - 1), "give a whole number from 0 to 65535"),
        (lambda points: points.show(PLACES, marked=[COUNT]), "Point 50 was named; the map has 50"),
        (lambda points: points.move(PLACES[1:]), r"shape \(49, 2\) were given; give \(point, 2\) for 50"),
        (lambda points: points.highlight(COUNT), "Point 50 was named"),
        (lambda points: points.highlight(1, [-1]), "Point -1 was named"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(points, call, words):
    with pytest.raises(XaiwidgetsError, match=words):
        call(points)
    assert len(points) == COUNT


def test_a_wrong_choice_is_refused_with_a_sentence(points):
    with pytest.raises(TraitError, match="selected got 50, but there are 50 points"):
        points.selected = [1, COUNT]


@pytest.mark.parametrize("message", [None, {}, {"type": "hello"}, {"type": "ack", "view": "a", "number": "x"}])
def test_nonsense_from_a_browser_is_borne(points, message):
    settle()
    points._receive(points, message, [])
    settle()
    assert points.sent == []


def test_a_disposed_map_is_served_no_longer(points):
    points.dispose()
    points.hears("hello")
    settle()
    assert points.sent == []
    assert not any(task is points for task in get_publisher()._tasks)
