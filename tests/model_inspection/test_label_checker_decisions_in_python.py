"""Decisions about suspected labels: taken, undone, kept through other settings, exported, and refused in words."""

import json

import pytest
import torch

import xaiwidgets as xw
from tests.model_inspection.checked import checkers, few, run
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._label_errors.result import RANKINGS


@pytest.fixture
def make():
    yield from checkers()


def test_decisions_are_taken_by_buttons_and_by_name(make):
    view, _ = few(make)
    value = run(view)
    first, second, third = view.suspects.of(value)[:3]
    assert view.panel.keep.disabled
    view.frame.selected = 0
    view.draw(view.shown)
    assert not view.panel.keep.disabled
    assert view.panel.target.index == int(value.suggested[first])
    view.panel.flip.click()
    assert view.selection == 1
    view.draw(view.shown)
    assert view.frame._marked == [0]
    assert view.notes(view.shown)[0].endswith(f"flipped to {view.train.class_names[int(value.suggested[first])]}")
    view.panel.drop.click()
    view.panel.keep.click()
    view.draw(view.shown)
    assert "3 decided" in view.panel.count.value
    taken = list(view.decisions.current.values())
    assert [(one.index, one.decision) for one in taken] == [(first, "flip"), (second, "drop"), (third, "keep")]
    assert taken[0].score == pytest.approx(float(value.combined[first]))
    assert taken[0].ranking == "combined"
    view.panel.undo.click()
    view.panel.undo.click()
    view.draw(view.shown)
    assert len(view.decisions) == 1
    view.panel.redo.click()
    assert view.decisions.dropped == [second]
    cleaned = view.cleaned()
    assert len(cleaned) == 399
    assert int(cleaned.labels[first - (second < first)]) == int(value.suggested[first])
    view.decide("flip", index=third, new=9)
    assert view.decisions.current[third].new == 9


def test_another_class_that_was_picked_is_not_overwritten_by_news(make):
    view, _ = few(make)
    value = run(view)
    view.frame.selected = 2
    view.draw(view.shown)
    card = view.suspects.of(value)[2]
    other = next(label for label in range(10) if label not in {int(value.labels[card]), int(value.suggested[card])})
    view.panel.target.index = other
    view.draw(view.shown)
    view.panel.flip.click()
    assert view.decisions.current[card].new == other


def test_after_the_last_picture_comes_the_next_page(make):
    view, _ = few(make)
    run(view)
    view.frame.selected = 11
    view.panel.keep.click()
    assert (view.suspects.page, view.selection) == (1, 0)


def test_every_decision_survives_another_damping(make):
    view, _ = few(make)
    run(view)
    view.frame.selected = 0
    view.panel.drop.click()
    before = view.decisions.to_json()
    view.set(damping=1e-3)
    assert view.wait(60).damping == 1e-3
    assert view.decisions.to_json() == before


def test_the_record_is_exported(make, tmp_path):
    view, _ = few(make)
    run(view)
    view.frame.selected = 0
    view.panel.drop.click()
    table = view.save(tmp_path / "a.csv").read_text()
    assert table == view.decisions.to_csv()
    record = json.loads(view.save(tmp_path / "a.json").read_text())
    assert record["decisions"][0]["decision"] == "drop"


def test_what_cannot_be_done_is_refused_in_words(make):
    view, truth = few(make)
    with pytest.raises(XaiwidgetsError, match="No picture is chosen; click one"):
        view.decide("keep")
    with pytest.raises(XaiwidgetsError, match="There is nothing to undo"):
        view.undo()
    run(view)
    with pytest.raises(XaiwidgetsError, match="Image 400 was decided about; there are 400"):
        view.decide("drop", index=400)
    with pytest.raises(XaiwidgetsError, match="flipped to class 10; there are 10"):
        view.decide("flip", index=3, new=10)
    with pytest.raises(XaiwidgetsError, match="There is no ranking 'entropy'"):
        view.rank_by("entropy")
    with pytest.raises(XaiwidgetsError, match="was given as truth; give the true label of each of the 400 images"):
        make(view.model, view.train, truth=truth[:7])
    with pytest.raises(XaiwidgetsError, match="The training images have no labels"):
        make(view.model, torch.rand(40, 1, 28, 28))
    with pytest.raises(XaiwidgetsError, match="neighbors=20 was given for 15 examples"):
        make(view.model, view.train.subset(range(15)))
    with pytest.raises(XaiwidgetsError, match="No train images were given"):
        make(xw.load_model("efficientnet_lite0"))


def test_another_layer_starts_anew_and_keeps_what_was_decided(make):
    view, _ = few(make)
    run(view)
    view.frame.selected = 0
    view.panel.drop.click()
    view.set(layer="fc1")
    assert view.layers.part.value == "fc1"
    assert view.result is None
    assert view.plot.key.value == ""
    assert view.selection == -1
    assert view.panel.keep.disabled
    assert len(view.decisions) == 1
    assert view.run().wait(60).rankings == RANKINGS
    with pytest.raises(XaiwidgetsError, match="has no layer 'fc9'"):
        view.set(layer="fc9")
