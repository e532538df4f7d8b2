import json

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.planted import flipped
from xaiwidgets.methods.model_inspection._label_errors.result import RANKINGS
from xaiwidgets.widgets.model_inspection._label_errors.words import basis_in_words, score_in_words


@pytest.fixture
def make():
    made = []

    def maker(*arguments, **settings):
        made.append(xw.LabelChecker(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def few(make, *, noise=0.1, **settings):
    """A checker of 400 images, a tenth of whose labels is wrong, and their true labels."""
    images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 10))
    noisy = ImageSet(images.batch(slice(None)), flipped(images.labels, noise, 0), images.class_names)
    if settings.pop("told", True):
        settings["truth"] = images.labels
    return make(xw.load_model("lenet"), noisy, **settings), images.labels


def run(view):
    value = view.run().wait(60)
    view.draw(view.shown)
    return value


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


def test_the_record_is_exported(make, tmp_path):
    view, _ = few(make)
    run(view)
    view.frame.selected = 0
    view.panel.drop.click()
    table = view.save(tmp_path / "a.csv").read_text()
    assert table == view.decisions.to_csv()
    record = json.loads(view.save(tmp_path / "a.json").read_text())
    assert record["decisions"][0]["decision"] == "drop"


def test_the_explorer_of_influence_shares_its_head(make):
    view, _ = few(make, damping=1e-3)
    value = run(view)
    explorer = xw.InfluenceExplorer(view.model, view.train, view.train.subset([5]))
    try:
        influence = explorer.run().wait(60)
    finally:
        explorer.dispose()
    assert torch.equal(influence.left_out_loss, value.left_out_loss)


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
