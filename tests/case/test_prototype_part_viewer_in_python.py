import math

import numpy as np
import pytest

import xaiwidgets as xw
from tests.case.planted_parts import network, planted
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.case._prototype_parts.boxed import BoxedPictures
from xaiwidgets.widgets.case._prototype_parts.deepest_map import deepest_map
from xaiwidgets.widgets.case._prototype_parts.words import in_words, sentence_of


@pytest.fixture(scope="module")
def ready():
    """A viewer that has learnt planted patterns."""
    train, _ = planted(120, 0)
    test, _ = planted(60, 1)
    names = ("falling", "rising", "level")
    train, test = (ImageSet(some.batch(slice(None)), some.labels, names) for some in (train, test))
    view = xw.PrototypePartViewer(network(), train, test, "2", prototypes=2, epochs=4, projections=2, separation=0.3)
    view.run().wait(60)
    view.draw(view.shown)
    yield view
    view.dispose()


def test_the_parts_of_every_class_are_shown_on_their_images(ready):
    value = ready.result
    cards = ready.gallery.cards(value, 2)
    assert sorted(cards) == list(range(6))
    weights = [float(value.weights[card, int(value.classes[card])]) for card in cards]
    for first in (0, 2, 4):
        assert weights[first] >= weights[first + 1]
    assert [cell["label"] for cell in ready.frame.cells] == [n for n in ready.names for _ in range(2)]
    assert ready.notes(ready.shown) == [f"× {weight:.2f}".replace("-", "−") for weight in weights]
    pictures = ready.pixels(ready.shown)
    drawn = BoxedPictures(ready.train, 168)
    for place, card in enumerate(cards):
        color = ready.frame.cells[place]["color"]
        expected = drawn([int(value.images[card])], [value.boxes[card].tolist()], [color])[0]
        np.testing.assert_array_equal(pictures[place], expected)


def test_one_class_can_be_looked_at_alone(ready):
    ready.show_class(1)
    assert ready.gallery.cards(ready.result, 2) in ([2, 3], [3, 2])
    assert [cell["label"] for cell in ready.frame.cells] == ["rising"] * 2
    ready.show_class()
    assert len(ready.frame.cells) == 6


def test_pairs_and_their_sum_are_those_of_the_method(ready):
    value = ready.result
    for query, label in ((3, None), (7, 2)):
        ready.explain(query, label)
        ready.draw(ready.shown)
        shown = int(value.predictions[query]) if label is None else label
        pairs = value.pairs(query, label)
        notes = [cell["note"] for cell in ready.pairs.frame.cells]
        for place, pair in enumerate(pairs[:4]):
            assert notes[2 * place] == f"similarity {pair.similarity:.2f}"
            name = ready.names[int(value.classes[pair.prototype])]
            worth = f"{name} × {pair.weight:.2f} = {pair.points:+.2f}"
            assert notes[2 * place + 1] == worth.replace("-", "−")
        logit = f"{math.fsum(pair.points for pair in pairs):+.2f}".replace("-", "−")
        assert f"sum: the logit of {ready.names[shown]}</th><td>{logit}" in ready.pairs.sums.value
    ready.explain(0)


def test_buttons_walk_and_find_the_next_mistake(ready):
    value = ready.result
    wrong = [place for place in range(60) if int(value.predictions[place]) != int(value.labels[place])]
    ready.query.forward.click()
    assert ready.query.place == 1
    ready.query.back.click()
    ready.query.back.click()
    assert ready.query.place == 0
    ready.query.number.value = 17
    assert ready.query.place == 17
    ready.query.set(0)
    ready.query.tell(value)
    if wrong:
        assert ready.query.next_mistake() == next((place for place in wrong if place > 0), wrong[0])
    else:
        with pytest.raises(XaiwidgetsError, match="No mistake of the parts is known"):
            ready.query.next_mistake()
    with pytest.raises(XaiwidgetsError, match="Test image 60 was asked for; there are 60, 0 to 59"):
        ready.explain(60)


def test_a_chosen_part_and_the_evidence_are_said_in_words(ready):
    value = ready.result
    card = ready.gallery.cards(value, 2)[3]
    top, left, bottom, right = value.boxes[card].tolist()
    ready.frame.selected = 3
    ready.draw(ready.shown)
    said = ready.foot.sentence
    assert said == sentence_of(value, card, ready.names)
    assert f"a real part of training image {int(value.images[card])}, rows {top} to {bottom - 1}" in said
    assert f"columns {left} to {right - 1}" in said
    words = in_words(value, 4)
    assert ready.evidence.value == f"<div class='xw-evidence-text'>{words}</div>"
    assert "All 6 prototypes are real training parts (distance 0)" in words
    gap = 100 * abs(value.accuracy.now - value.accuracy.own)
    assert f"{gap:.1f} points" in words
    for share in value.accuracy:
        assert f"{100 * share:.1f} %" in words
    ready.frame.selected = -1


def test_a_box_is_drawn_where_it_lies_and_the_rest_is_dimmed():
    image = np.zeros((1, 1, 10, 10), np.float32)
    image[..., 2:6, 4:9] = 1.0
    picture = BoxedPictures(ImageSet(image), 100)(
        [0, -1, 0], [(2, 4, 6, 9), (0, 0, 0, 0), (0, 0, 0, 0)], ["#0072b2"] * 3
    )
    assert (picture[0, 30:50, 50:80] == 255).all()
    assert (picture[0, 21:22, 50:80] == [0, 0x72, 0xB2]).all()
    assert len(np.unique(picture[0, :19])) == 1
    assert 0 < picture[0, 0, 0, 0] < 128
    assert (picture[1] == 128).all()
    assert set(np.unique(picture[2])) == {0, 255}


def test_the_layer_is_the_deepest_with_a_grid_unless_told():
    assert deepest_map(xw.load_model("lenet")) == "pool2"
    assert deepest_map(network()) == "2"


def test_training_images_without_labels_are_refused():
    images, _ = planted(20, 0)
    with pytest.raises(XaiwidgetsError, match="training images have no labels"):
        xw.PrototypePartViewer(network(), images.batch(slice(None)), images)
    with pytest.raises(XaiwidgetsError, match="No train images were given"):
        xw.PrototypePartViewer(network())
