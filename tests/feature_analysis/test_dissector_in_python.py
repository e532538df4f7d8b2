"""The widget of network dissection without a browser: real parts, real runs."""

import csv
import io
import time

import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.dissected import convolution, some_concepts
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.widgets.parts.publisher import get_publisher


@pytest.fixture
def made():
    """Makes dissectors, and disposes of them."""
    get_publisher().errors.clear()  # those of tests before
    views = []

    def make(*arguments, **named):
        views.append(xw.Dissector(*arguments, **named))
        return views[-1]

    yield make
    for view in views:
        view.dispose()
    assert not get_publisher().errors


@pytest.fixture
def view(made):
    return made(convolution(12), some_concepts(), layer="1", quantile=0.02, iou_threshold=0.005)


def run_code(code, **names):
    exec(code, names)  # noqa: S102 - the widget's own code
    return names["result"]


def told(view):
    """Until the publisher has told all there is to tell."""
    deadline = time.monotonic() + 10
    while view.due() is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.05)


def test_run_wait_and_result(view):
    assert view.result is None
    value = view.run().wait(60)
    assert value is view.result
    assert value.iou.shape == (12, 5)
    assert (view.status, view.progress, view.value) == ("done", 1.0, value)
    assert view.bar.subject == "Sequential · 1 · 40 images"
    assert f"<b>{int(value.detectors.sum())} of 12</b> units detect a concept" in view.evidence.value
    assert f"<b>{value.unique_detectors_by_category}</b> summed over categories" in view.evidence.value


def test_cards_are_the_best_detectors_with_their_masks(view):
    value = view.run().wait(60)
    told(view)
    best = value.best_iou.topk(8).indices.tolist()
    notes = [cell["note"] for cell in view.frame.cells]
    assert [int(note.split(" · ")[0]) for note in notes] == best
    assert notes[0].endswith(f"{value.labels[best[0]][0]} {float(value.best_iou[best[0]]):.2f}")
    image = view.concepts.images.batch([int(value.top.ids[best[0], 0])])[0]
    mask = torch.nn.functional.interpolate(value.mask(best[0], 0)[None, None].float(), (24, 20), mode="nearest-exact")
    wanted = image * (0.2 + 0.8 * mask[0])
    assert abs(view.pixels(view.shown)[0] / 255 - wanted.permute(1, 2, 0).numpy()).max() < 0.01


def test_scoring_anew_needs_no_pass_and_stands_in_the_code(view):
    value = view.run().wait(60)
    view.set(iou_threshold=0.02, denominator="all")
    view.set(quantile=0.01)
    assert view.current.job.latest.value is value
    assert torch.equal(view.result.iou, value.rescored(quantile=0.01, denominator="all").iou)
    assert view.result.iou_threshold == 0.02
    assert view.as_code().endswith("\nresult = result.rescored(iou_threshold=0.02, denominator='all', quantile=0.01)")
    told(view)
    assert torch.equal(view.value.iou, view.result.iou)
    assert f"<b>{int(view.result.detectors.sum())} of 12</b>" in view.evidence.value


def test_another_quantile_says_that_it_needs_a_pass_and_then_needs_one_alone(view):
    before = view.run().wait(60)
    view.set(quantile=0.1)
    told(view)
    assert "Quantile 0.1 needs a pass" in view.evidence.value
    assert view.result is before
    after = view.run().wait(60)
    assert after.quantile == 0.1
    steps = list(view.method()(view.model, view.concepts, before))
    assert steps[0].done > 40  # the first pass was not made again
    assert torch.equal(after.iou, xw.core.last(view.method()(view.model, view.concepts)).iou)


def test_what_waits_for_a_pass_holds_nothing_else_up(view):
    view.run().wait(60)
    view.set(quantile=0.1)
    view.set(iou_threshold=0.03)
    assert view.result.iou_threshold == 0.03
    view.set(quantile=0.01)
    assert (view.result.quantile, view.result.iou_threshold) == (0.01, 0.03)
    assert view.hint == ""


def test_a_stopped_run_goes_on_without_losing_counts(view, monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 1)
    view.run()
    while view.result is None or view.result.provisional or view.result.seen < 3:
        time.sleep(0.002)
    view.cancel()
    stopped = view.wait(60)
    seen, done = stopped.seen, view.current.job.latest.done
    code = view.as_code()
    assert f"stop={done}" in code
    first = None
    view.run()
    while first is None:
        first = view.result
    assert first.seen > seen
    assert view.wait(60).seen == 40
    whole = xw.core.last(view.method()(view.model, view.concepts))
    assert torch.equal(view.result.counts.intersection, whole.counts.intersection)


def test_a_network_that_was_trained_on_is_dissected_anew(view):
    before = view.run().wait(60).iou
    with torch.no_grad():
        view.model.module[0].weight.neg_()
    after = view.run().wait(60)
    assert not torch.equal(before, after.iou)
    assert torch.equal(after.iou, xw.core.last(view.method()(view.model, view.concepts)).iou)


def test_what_was_asked_for_before_a_stop_is_scored_after_it(view, monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 1)
    view.run()
    while view.result is None:
        time.sleep(0.002)
    view.pause()
    view.set(iou_threshold=0.3)
    view.cancel()
    view.wait(60)
    assert view.result.iou_threshold == 0.3


def test_a_plain_network_looks_at_the_sets_images_as_they_are(made):
    concepts = some_concepts()
    view = made(convolution(12).module, concepts, layer="1", quantile=0.02)
    assert view.model.input_shape == (3, 24, 20)
    assert view.concepts is concepts


def test_code_says_how_a_given_set_was_fitted(made):
    model = xw.ImageModel(convolution(12).module, (3, 32, 32))
    view = made(model, some_concepts(), layer="1", quantile=0.02)
    assert "concepts = (...).fitted((3, 32, 32))  # ... is what was given to the widget" in view.as_code()


def test_a_control_is_compared_with_and_scored_alike(view):
    view.run().wait(60)
    for name in ("an untrained copy", "a random basis", "layer 0"):
        view.compare(name)
        view.beside.jobs[-1].wait(60)
    view.set(denominator="all")
    told(view)
    random = xw.core.last(view.method().replace(rotation=1.0)(view.model, view.concepts)).rescored(denominator="all")
    assert f"<td>a random basis</td><td>{int(random.detectors.sum())} of 12</td>" in view.evidence.value
    assert all(f"<td>{name}</td>" in view.evidence.value for name in ("this", "an untrained copy", "layer 0"))
    view.compare("an untrained copy")
    assert len(view.beside.jobs) == 3  # it is known
    other = view.compared["an untrained copy"]
    assert other.denominator == "all"
    with pytest.raises(XaiwidgetsError, match="'a random base' was given to compare with; nearest: 'a random basis'"):
        view.compare("a random base")
    data = view.plot_of(view.shown).select_one({"name": "bars"}).data
    assert sum(data["other"]) == int(other.detectors.sum()) > 0


def test_a_comparison_may_be_asked_for_before_the_first_answer(view):
    view.run()
    view.compare("a random basis")
    view.wait(60)
    view.beside.jobs[0].wait(60)
    assert "a random basis" in view.compared


def test_a_second_network_is_compared_with(made):
    view = made(convolution(12), some_concepts(), "1", other=convolution(7, seed=5), other_layer="0", quantile=0.02)
    view.run().wait(60)
    view.beside.choice.value = "Sequential, 0"
    assert view.beside.jobs[-1].wait(60).value.iou.shape == (7, 5)
    told(view)
    assert "of 7</td>" in view.evidence.value


def test_a_concept_shows_its_units_and_a_card_its_unit(view):
    value = view.run().wait(60)
    view.concept.value = "green (color)"
    told(view)
    note = view.frame.cells[0]["note"]
    assert "green" in note
    view.frame.selected = 0
    told(view)
    unit = int(note.split(" · ")[0])
    assert view.panel.unit == unit
    assert view.foot.sentence == f"unit {note}"
    assert value.labels[unit][0] in view.panel.words.value
    assert view.panel.layout.display == ""
    view.panel.draw()
    assert view.panel.jobs[0].wait(60).value.units == (unit,)
    view.panel.visualize()
    assert view.panel.inside.children[0].choice.units == (unit,)
    view.frame.selected = -1
    told(view)
    assert view.panel.layout.display == "none"


def test_a_chosen_unit_does_not_outlive_its_layer(made):
    network = torch.nn.Sequential(*convolution(12).module, torch.nn.Conv2d(12, 4, 3))
    view = made(xw.ImageModel(network, (3, 24, 20)), some_concepts(), layer="1", quantile=0.02)
    view.run().wait(60)
    told(view)
    view.frame.selected = 7
    told(view)
    view.set(layer="2")
    assert view.selection == -1
    view.run().wait(60)
    told(view)
    assert view.pixels(view.shown).shape[0] == 4
    view.bring_back(min(view.history.ids))
    told(view)
    assert view.pixels(view.shown).shape[0] == 8


def test_fewer_top_images_are_shown_of_a_chosen_unit(view):
    view.run().wait(60)
    told(view)
    view.frame.selected = 0
    told(view)
    view.set(top=3)
    view.run().wait(60)
    told(view)
    assert len(view.panel.frame.cells) == len(view.panel._pictures()) == 4


def test_units_that_are_not_the_networks_own_are_not_drawn(made):
    view = made(convolution(12), some_concepts(), layer="1", quantile=0.02, rotation=1.0)
    view.run().wait(60)
    told(view)
    view.frame.selected = 0
    told(view)
    view.panel.draw_button.click()
    told(view)
    assert "not the network's; none is drawn" in view.bar.message
    assert view.panel.jobs == []


def test_bars_are_ranked_by_category_and_choose_a_concept(view):
    value = view.run().wait(60)
    told(view)
    data = view.bars.plot.figure.select_one({"name": "bars"}).data
    assert sum(data["count"]) == int(value.detectors.sum())
    rows = list(view.bars._rows)
    assert [category for _, category in rows] == sorted((c for _, c in rows), key=[c for _, c in rows].index)
    view.bars._on_selection([0], None)
    assert view.concept.value == f"{rows[0][0]} ({rows[0][1]})"
    view.bars._on_selection([], None)
    assert view.concept.value == "all concepts"


def test_the_table_of_units_is_saved(view, tmp_path):
    value = view.run().wait(60)
    rows = list(csv.DictReader(io.StringIO(view.save(tmp_path / "units.csv").read_text())))
    assert len(rows) == 12
    for unit, row in enumerate(rows):
        assert (row["label"], row["category"]) == (value.labels[unit] or ("", ""))
        assert float(row["iou"]) == pytest.approx(float(value.best_iou[unit]), rel=1e-5)
        assert row["detector"] == str(bool(value.detectors[unit]))
    with pytest.raises(XaiwidgetsError, match=r"name a .png .* or a .html .* or a .csv for the table of units"):
        view.save(tmp_path / "units.xlsx")


def test_an_earlier_run_comes_back_with_its_scoring(view):
    view.run().wait(60)
    view.set(denominator="lite")
    lite = view.result.iou
    view.set(quantile=0.1)
    view.run().wait(60)
    view.bring_back(min(view.history.ids))
    assert torch.equal(view.result.iou, lite)
    assert view.form.values["denominator"] == "lite"
    assert view.form.values["quantile"] == 0.02


def test_its_code_makes_what_is_shown():
    view = xw.Dissector(xw.load_model("lenet"), xw.data.scenes(30, size=32), layer="relu1", quantile=0.02)
    view.run().wait(60)
    view.set(iou_threshold=0.01)
    made = run_code(view.as_code())
    assert torch.equal(made.iou, view.result.iou)
    assert made.iou_threshold == 0.01
    view.dispose()


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(XaiwidgetsError, match="Tensor was given as concepts"):
        xw.Dissector(convolution(), torch.rand(3, 3, 24, 20))
    with pytest.raises(XaiwidgetsError, match="looks at images of 2 channels, and the painted scenes have 3"):
        xw.Dissector(xw.ImageModel(torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3)), (2, 16, 16)))
    with pytest.raises(XaiwidgetsError, match="has no layer '7'"):
        xw.Dissector(convolution(), some_concepts(), other=convolution(), other_layer="7")
