"""The widget of network dissection without a browser: what it shows, compares with and saves."""

import csv
import io

import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.dissected import convolution, some_concepts
from tests.feature_analysis.dissectors import detailed, dissectors, told
from xaiwidgets.core import XaiwidgetsError


@pytest.fixture
def made():
    """Makes dissectors, and disposes of them."""
    yield from dissectors()


@pytest.fixture
def view(made):
    return detailed(made)


def run_code(code, **names):
    exec(code, names)  # noqa: S102 - the widget's own code
    return names["result"]


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
