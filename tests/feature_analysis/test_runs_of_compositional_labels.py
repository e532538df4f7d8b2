"""A run of compositional labels: answers so far, batches that change nothing, broken images, and what is refused."""

import pytest
import torch

from tests.feature_analysis.dissected import convolution, some_concepts
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import CompositionalLabels
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._composition import marked, search
from xaiwidgets.methods.feature_analysis._dissection import regions


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


def test_neither_batches_nor_parts_change_anything(monkeypatch):
    model, concepts = convolution(), some_concepts()
    method = CompositionalLabels("1", (1, 2), quantile=0.05, beam=3)
    whole = last(method(model, concepts))
    for batch, numbers, pixels, keys in ((1, 100, 1, 1), (7, 1000, 500, 40), (39, 1 << 23, 1 << 23, 1 << 62)):
        monkeypatch.setattr(_scan, "_LARGEST", batch)
        monkeypatch.setattr(search, "_MOST_NUMBERS", numbers)
        monkeypatch.setattr(marked, "_MOST_PIXELS", pixels)
        monkeypatch.setattr(regions, "_MOST_KEYS", keys)
        value = last(method(model, concepts))
        assert value.beams == whole.beams
        for name in ("intersection", "formula_size", "iou_by_length", "iou_chance"):
            assert torch.equal(getattr(value, name), getattr(whole, name))


def test_every_batch_gives_the_answer_so_far(in_small_batches):
    model, concepts = convolution(), some_concepts()
    steps = list(CompositionalLabels("1", quantile=0.05, length=3, beam=2)(model, concepts))
    assert [step.done for step in steps] == list(range(4, 161, 4))
    assert [step.value.provisional for step in steps] == [True] * 10 + [False] * 30
    assert [step.value.length for step in steps] == [1] * 20 + [2] * 10 + [3] * 10
    assert [step.value.seen for step in steps] == list(range(4, 41, 4)) * 4
    for step in steps:
        value = step.value
        assert value.threshold.isfinite().all()
        assert value.iou_by_length[:, : value.length].isfinite().all()
        assert value.iou_by_length[:, value.length :].isnan().all()
        assert torch.equal(value.iou, value.iou_by_length[:, value.length - 1])
        assert value.length == 1 or all(value.formulas)
    threshold = steps[-1].value.threshold
    single = CompositionalLabels("1", thresholds=threshold, length=1, beam=2)
    for i, step in enumerate(single(model, concepts)):
        assert torch.equal(step.value.intersection, steps[10 + i].value.intersection)
        assert torch.equal(step.value.iou_chance[:, 0], steps[10 + i].value.iou_chance[:, 0])
        alone = last(single(model, concepts[: int(step.done)]))
        assert alone.beams == step.value.beams
        assert torch.equal(alone.iou_chance, step.value.iou_chance)
        assert torch.equal(alone.top.ids, step.value.top.ids)


def test_given_thresholds_skip_the_first_pass_and_chance_can_be_left_out():
    model, concepts = convolution(), some_concepts()
    method = CompositionalLabels("1", (2, 4), quantile=0.05)
    value = last(method(model, concepts))
    given = list(method.replace(thresholds=value.threshold, chance=False)(model, concepts))
    assert given[-1].total == 120
    assert given[-1].value.beams == value.beams
    assert torch.equal(given[-1].value.top.ids, value.top.ids)
    assert torch.equal(given[-1].value.mask(1, 0), value.mask(1, 0))
    assert given[-1].value.iou_chance.isnan().all()
    assert given[-1].value.gain_by_chance.isnan().all()
    assert given[-1].value.rank_error.isnan().all()
    assert value.mask(1, 0).any()


def test_broken_images_stop_a_run_or_are_skipped(tmp_path, in_small_batches):
    concepts, model = some_concepts(), convolution()
    folder = concepts.save(tmp_path / "set")
    rows = [line.split(",") for line in (folder / "index.csv").read_text().splitlines()[1:]]
    names = {next(cell.split(";")[0] for cell in row[6:] if cell) for row in rows[20:24]}
    for name in names:  # a whole batch
        (folder / "images" / name).unlink()
    method = CompositionalLabels("1", quantile=0.05, length=2)
    with pytest.raises(XaiwidgetsError, match=next(iter(sorted(names)))):
        last(method(model, ConceptSet.from_broden(folder)))
    value = last(method(model, ConceptSet.from_broden(folder, broken="skip")))
    whole = ConceptSet.from_broden(concepts.save(tmp_path / "whole"))
    kept = last(method(model, whole.subset([*range(20), *range(24, 40)])))
    assert value.seen == 36
    assert len(value.skipped) == 4
    assert value.beams == kept.beams
    assert torch.equal(value.iou_chance, kept.iou_chance)


def test_what_cannot_be_labelled_is_refused_in_words():
    model, concepts = convolution(), some_concepts()
    with pytest.raises(XaiwidgetsError, match="has no layer '9'"):
        last(CompositionalLabels("9")(model, concepts))
    with pytest.raises(XaiwidgetsError, match="Unit 7 was asked for; layer '1' has 5 units, 0 to 4"):
        last(CompositionalLabels("1", (7,))(model, concepts))
    with pytest.raises(XaiwidgetsError, match=r"Tensor was given as concepts; give an xw\.ConceptSet"):
        last(CompositionalLabels("1")(model, torch.rand(3, 3, 24, 20)))
    with pytest.raises(XaiwidgetsError, match=r"thresholds of shape \(5,\) were given for 2 units; give one number"):
        last(CompositionalLabels("1", (0, 1), thresholds=torch.zeros(5))(model, concepts))
    grey = ConceptSet.from_arrays(torch.rand(2, 1, 24, 20), {"a": torch.ones(2, 4, 4).long()}, {"a": ["b"]})
    with pytest.raises(
        XaiwidgetsError, match=r"images of 1 channels, and Sequential looks at 3; give concepts\.fitted"
    ):
        last(CompositionalLabels("1")(model, grey))
    for wrong in ({"length": 0}, {"beam": 0}, {"quantile": 0.9}, {"upsampling": "cubic"}, {"chance": 3}):
        with pytest.raises(InvalidSettingError, match=f"{next(iter(wrong))}="):
            CompositionalLabels("1", **wrong)
