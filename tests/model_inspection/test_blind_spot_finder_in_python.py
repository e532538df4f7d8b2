import csv
import io

import numpy as np
import pytest
import torch
from torch import nn

import xaiwidgets as xw
from tests.model_inspection.planted_unknowns import bright, spots
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.model_inspection._unknowns.partition_rows import ordered, said_in
from xaiwidgets.widgets.model_inspection._unknowns.search_plot import SearchPlot, lines_of


@pytest.fixture
def make():
    made = []

    def maker(*arguments, **settings):
        made.append(xw.BlindSpotFinder(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def told(view):
    view.draw(view.shown)
    return view.evidence.value


def unlabelled():
    return ImageSet(spots().batch(slice(None)), class_names=("red", "green", "blue"))


def test_what_was_found_is_shown_the_surest_first_with_both_classes_in_words(make):
    view = make(bright(), ImageSet(spots().batch(slice(None)), spots().labels, ("red", "green", "blue")), budget=60)
    value = view.run().wait(60)
    told(view)
    notes = view.notes(view.shown)
    assert len(notes) == 8
    sure = [float(note.split(" %")[0]) for note in notes]
    assert sure == sorted(sure, reverse=True)
    order = value.confidence[value.places[value.wrong]].argsort(descending=True, stable=True)[:8]
    first = int(value.found[order[0]])
    names = ("red", "green", "blue")
    says, truth = int(value.answers[value.confident.tolist().index(first)]), int(spots().labels[first])
    assert notes[0].endswith(f" % {names[says]}, is {names[truth]}")
    images = spots().batch(value.found[order])
    np.testing.assert_array_equal(view.pixels(view.shown), (images * 255).round().byte().permute(0, 2, 3, 1))
    view.frame.selected = 0
    told(view)
    assert view.foot.sentence.startswith(f"image {first}, {names[truth]} · the network says {names[says]}, ")
    assert " sure · found by query " in view.foot.sentence


def test_the_evidence_stands_beside_its_null_level(make):
    view = make(bright(), spots(), budget=30)
    value = view.run().wait(60)
    found, words = int(value.wrong.sum()), told(view)
    low, high = value.interval
    assert f"<b>{found} of 30</b> that were asked about are wrong." in words
    assert f"As many queries at random find <b>6.0</b> ({low} to {high} in 95 of 100 cases)." in words
    assert ("is hardly chance" in words) == (value.p_value < 0.05)
    assert f"Utility: {found} found − 0.2 × 30 queries" in words
    assert "All labels, which no search has seen, say that 12 of the sure answers are wrong" in words
    best = dict(zip(value.baselines, value.baseline_found[:, -1].tolist(), strict=True))
    assert ("finds more here" in words) == (max(best.values()) > found)
    assert all(f"{name} {count}" in words for name, count in best.items())


def test_a_budget_that_cannot_learn_anything_is_said_to_be_short(make):
    view = make(bright(), spots(), budget=7, partitions=8)
    view.run().wait(60)
    assert "<b>The budget ends before every partition was asked once</b>" in told(view)
    view.set(budget=8)
    view.wait(60)
    assert "The budget ends" not in told(view)


def test_a_search_that_chance_explains_or_another_beats_is_said_to_be_so(make):
    view = make(xw.load_model("lenet"), budget=60)
    value = view.run().wait(60)
    assert value.p_value > 0.05
    assert "<b>could be chance</b>" in told(view)
    assert "<b>Least confident first finds more here</b>" in view.evidence.value


def test_you_say_right_or_wrong_and_take_it_back(make):
    view = make(bright(), unlabelled(), budget=6, partitions=3)
    assert view.who.value == "you"
    assert view.panel.layout.display == ""
    with pytest.raises(XaiwidgetsError, match="No image is asked about"):
        view.judge(wrong=True)
    with pytest.raises(XaiwidgetsError, match="There is no verdict to take back"):
        view.undo()
    asked = []
    value = view.run().wait(60)
    view.judge(wrong=False)
    view.wait(60)
    assert "Not every partition was asked about yet" in told(view)
    view.undo()
    view.wait(60)
    for wrong in (False, True, True, False, True):
        asked.append(value.asking)
        view.judge(wrong=wrong)
        value = view.wait(60)
    assert value.queried.tolist() == asked
    assert value.wrong.tolist() == [False, True, True, False, True]
    assert "<b>Query 6 of 6</b>: is what the network says right?" in (told(view) and view.panel.words.value)
    total, error = value.estimated_total
    assert f"The verdicts suggest that {total:.0f} ± {error:.0f} of the sure answers are wrong" in view.evidence.value
    assert "Only labels could tell." in view.evidence.value
    assert len(view.history.ids) == 1  # one search, not six
    sixth = value.asking
    view.undo()
    value = view.wait(60)
    assert value.asking == asked[-1]
    view.judge(wrong=True)
    assert view.wait(60).asking == sixth
    view.judge(wrong=False)
    value = view.wait(60)
    assert (value.asking, value.queries) == (-1, 6)
    assert "All 6 queries are made: 3 answers are wrong." in (told(view) and view.panel.words.value)
    assert view.panel.right.disabled
    assert not view.panel.undo.disabled
    assert view.notes(view.shown)[0].endswith(", wrong")


def test_verdicts_are_data_in_code_in_settings_and_as_a_table(make):
    view = make(bright(), unlabelled(), budget=4, partitions=3)
    view.run().wait(60)
    for wrong in (True, False, True):
        view.judge(wrong=wrong)
        view.wait(60)
    method = view.method()
    assert (len(method.wrong), len(method.right), method.oracle) == (2, 1, "answers")
    assert f"right={method.right}, wrong={method.wrong}" in view.as_code()
    rows = list(csv.DictReader(io.StringIO(view.exports()[".csv"].made().decode())))
    assert [row["verdict"] for row in rows] == ["wrong", "right", "wrong"]
    assert [int(row["image"]) for row in rows] == view.result.queried.tolist()
    assert [row["found"] for row in rows] == ["1", "1", "2"]
    assert rows[0]["answer"] in {"red", "green", "blue"}
    assert rows[0]["label"] == ""
    again = make(bright(), unlabelled(), budget=4, partitions=3, **{n: getattr(method, n) for n in ("right", "wrong")})
    assert again.run().wait(60).asking == view.result.asking


def test_another_threshold_keeps_the_verdicts_that_it_asks_for(make):
    view = make(bright(), unlabelled(), budget=5, partitions=1)
    value = view.run().wait(60)
    for _ in range(4):
        view.judge(wrong=False)
        value = view.wait(60)
    assert value.queries == 4
    view.set(threshold=0.98)
    value = view.wait(60)
    assert set(value.queried.tolist()) <= set(view.verdicts.right)
    assert len(view.verdicts) == 4


def test_labels_and_you_are_two_searches_and_each_is_brought_back(make):
    view = make(bright(), spots(), budget=10)
    labelled = view.run().wait(60)
    view.who.value = "you"
    assert view.shown is None
    assert view.panel.layout.display == ""
    view.run().wait(60)
    view.judge(wrong=True)
    view.wait(60)
    entries = sorted(view.history.ids)
    assert len(entries) == 2
    view.bring_back(entries[0])
    assert view.result is labelled
    assert view.who.value == "the labels"
    assert view.panel.layout.display == "none"
    assert len(view.verdicts) == 1  # what somebody has said is never lost by looking elsewhere
    view.bring_back(entries[1])
    assert view.who.value == "you"
    assert view.result.wrong.tolist() == [True]
    view.judge(wrong=False)
    assert view.wait(60).queries == 2


def test_partitions_are_rows_with_what_the_network_says_there(make):
    view = make(bright(), spots(), budget=40, partitions=5)
    value = view.run().wait(60)
    told(view)
    rows = ordered(value)
    assert sorted(rows) == list(range(5))
    found = [int(value.found_in[row]) for row in rows]
    assert found == sorted(found, reverse=True)
    answers = value.answers[value.partition == rows[0]]
    assert said_in(value, rows[0]) == f"class {int(answers[0])}"
    table = view.rows.view.value
    share = found[0] / int(value.asked[rows[0]])
    assert f">{found[0]} ({100 * share:.0f} %)</td>" in table
    assert table.count("<tr>") == 6
    one = xw.BlindSpotFinder(bright(), spots(), budget=10, partitions=1)
    value = one.run().wait(60)
    counts = value.answers.bincount(minlength=3)
    most = int(counts.argmax())
    assert said_in(value, 0).startswith(f"class {most} ({100 * int(counts[most]) // 60}")
    assert said_in(value, 0).endswith(", …")
    one.dispose()


def test_the_plot_has_a_line_for_each_policy_from_nothing_on(make):
    view = make(bright(), spots(), budget=30)
    value = view.run().wait(60)
    told(view)
    lines = lines_of(value)
    assert list(lines) == ["guided", "random", "least confident first", "UCB1", "ε-greedy"]
    plot = SearchPlot().filled(value)
    for name, found in lines.items():
        data = plot.select_one({"name": name}).data
        assert data["found"] == found
        assert found[0] == 0
        assert data["asked"] == list(range(31))
        assert f"{name} <b>{found[-1]}</b>" in view.plot.key.value
    assert plot.select_one({"name": "band"}).data["high"] == value.band[2].tolist()
    assert plot.y_range.end > max(max(found) for found in lines.values())


def test_a_change_is_answered_at_once_after_a_run(make):
    view = make(bright(), spots(), budget=20)
    view.run().wait(60)
    view.set(cost=0.5)
    value = view.wait(60)
    assert value.cost == 0.5
    assert "− 0.5 × 20 queries" in told(view)


def test_what_does_not_fit_is_refused_in_words(make):
    other = xw.ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(75, 4)), (3, 5, 5))
    with pytest.raises(XaiwidgetsError, match="No images were given; Sequential needs some that it can be wrong about"):
        make(other)
    view = make(bright(), torch.rand(8, 1, 4, 4), budget=50, threshold=0.2)
    view.run()
    with pytest.raises(XaiwidgetsError, match="budget=50 was given, but only 8 images"):
        view.wait(60)
    assert "lower budget" in view.bar.message
    with pytest.raises(XaiwidgetsError, match="have no labels"):
        make(bright(), torch.rand(8, 1, 4, 4), oracle="labels").run().wait(60)
