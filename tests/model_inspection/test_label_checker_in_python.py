"""The widget of label errors without a browser: suspects by ranking, and what is said of them."""

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.model_inspection.checked import checkers, few, run
from xaiwidgets.methods.model_inspection._label_errors.result import RANKINGS
from xaiwidgets.widgets.model_inspection._label_errors.words import basis_in_words, score_in_words


@pytest.fixture
def make():
    yield from checkers()


def test_the_pictures_are_the_most_suspected_by_the_ranking_that_is_chosen(make):
    view, _ = few(make)
    value = run(view)
    for by in RANKINGS:
        view.rank_by(by)
        top = value.order(by)[:12].tolist()
        assert view.suspects.of(value) == top
        expected = np.stack([view.train.thumbnail(place, 160) for place in top])
        np.testing.assert_array_equal(view.pixels(view.shown), expected)
        for place, note in zip(top, view.notes(view.shown), strict=True):
            label, likelier = (view.train.class_names[int(of[place])] for of in (value.labels, value.suggested))
            short = score_in_words(value, place, by).replace(" without it", "").replace(" neighbours", "")
            short = short.replace(" of ", "/")
            assert note == f"{label} → {likelier}?, {short}"


def test_scores_are_said_in_words(make):
    view, _ = few(make)
    value = run(view)
    place = int(value.order()[0])
    differ = round(20 * float(value.disagreement[place]))
    loss = float(value.left_out_loss[place])
    assert score_in_words(value, place, "disagreement") == f"{differ} of 20 neighbours differ"
    assert score_in_words(value, place, "left_out_loss") == f"loss {loss:.2f} without it"
    assert score_in_words(value, place, "combined") == f"loss {loss:.1f}, {differ} of 20 neighbours differ"
    assert score_in_words(value, place, "loss") == f"loss {float(value.loss[place]):.2f}"
    assert score_in_words(value, place, "self_influence").startswith("own loss +")


def test_pages_are_turned_from_the_first_to_the_last(make):
    view, _ = few(make)
    value = run(view)
    view.turn_to(33)
    assert view.suspects.of(value) == [*value.order()[396:].tolist(), *[-1] * 8]
    assert "rank 397 by loss and neighbours" in view.frame.cells[0]["alt"]
    assert view.notes(view.shown)[4:] == [""] * 8
    view.turn_to(99)
    assert view.suspects.page == 33
    view.turn_to(-1)
    assert view.suspects.page == 0
    view.turn_to(3)
    view.rank_by("loss")
    assert view.suspects.page == 0


def test_the_truth_tells_what_each_ranking_finds_beside_chance(make):
    view, truth = few(make)
    value = run(view)
    words = view.evidence.value
    assert "Of 40 wrong labels, the first 10 % of a ranking (40 images) hold" in words
    assert f"loss and neighbours <b>{100 * value.recall(truth):.0f} %</b>" in words
    assert "in random order 10 %" in words
    figure = view.plot_of(view.shown)
    line = figure.select_one({"name": "disagreement"}).data
    curve = value.recall_curve(truth, "disagreement")
    assert line["inspected"][-1] == line["found"][-1] == 100
    for inspected, found in zip(line["inspected"], line["found"], strict=True):
        assert found == pytest.approx(100 * float(curve[round(4 * inspected)]))
    assert figure.select_one({"name": "random"}).data["found"] == [0, 100]


def test_without_a_truth_flips_on_purpose_are_looked_for_beside_the_run(make):
    view, _ = few(make, told=False)
    run(view)
    assert "It will be tried with labels flipped on purpose" in view.evidence.value
    job = view.check.job(view.shown)
    value = job.wait(60).value
    view.draw(view.shown)
    planted = value.labels
    assert int((planted != view.train.labels).sum()) == 20
    share = 100 * value.recall(view.train.labels)
    assert "Of 20 labels flipped on purpose" in view.evidence.value
    assert f"loss and neighbours <b>{share:.0f} %</b>" in view.evidence.value
    assert share >= 75
    assert torch.equal(view.result.labels, view.train.labels)
    assert view.plot_of(view.shown) is not None


def test_labels_that_are_all_true_have_nothing_to_find(make):
    view, truth = few(make, told=False)
    other = make(view.model, view.train, truth=view.train.labels)
    run(other)
    assert "there is nothing to find" in other.evidence.value
    assert other.plot_of(other.shown) is None
    assert not torch.equal(truth, view.train.labels)


def test_labels_known_by_heart_are_warned_of(make):
    view, _ = few(make, damping=1e-6, layer="relu3")
    value = run(view)
    assert value.fitted > 0.98
    assert "by heart" in basis_in_words(value)
    assert "by heart" in view.evidence.value
    view.set(damping=1.0)
    value = view.wait(60)
    view.draw(view.shown)
    assert value.fitted < 0.98
    assert "by heart" not in view.evidence.value


def test_the_chosen_picture_is_shown_with_its_nearest(make):
    view, _ = few(make)
    value = run(view)
    view.frame.selected = 3
    view.draw(view.shown)
    card = view.suspects.of(value)[3]
    assert view.look.picture.cells[0]["label"] == view.train.label_name(card)
    near = value.nearest[card, :6].tolist()
    assert [cell["note"] for cell in view.look.neighbors.cells] == [view.train.label_name(place) for place in near]
    assert f"image {card:,}, labelled" in view.foot.sentence


def test_the_explorer_of_influence_shares_its_head(make):
    view, _ = few(make, damping=1e-3)
    value = run(view)
    explorer = xw.InfluenceExplorer(view.model, view.train, view.train.subset([5]))
    try:
        influence = explorer.run().wait(60)
    finally:
        explorer.dispose()
    assert torch.equal(influence.left_out_loss, value.left_out_loss)
