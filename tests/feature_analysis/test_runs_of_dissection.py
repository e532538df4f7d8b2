"""A dissection's run: answers so far, other settings without another pass, broken images, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.dissected import convolution, same, some_concepts, steps_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import NetworkDissection
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.models import ImageModel


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


def test_provisional_answers_come_first_and_leave_no_trace(in_small_batches):
    model, concepts = convolution(), some_concepts()
    steps = steps_of(NetworkDissection("1", quantile=0.05), model, concepts)
    assert [step.done for step in steps] == list(range(4, 81, 4))
    assert [step.value.provisional for step in steps] == [True] * 10 + [False] * 10
    assert [step.value.seen for step in steps] == list(range(4, 41, 4)) * 2
    assert all(step.value.threshold.isfinite().all() and step.value.iou.isfinite().all() for step in steps)
    final = steps[-1].value
    given = steps_of(NetworkDissection("1", quantile=0.05, thresholds=final.threshold), model, concepts)
    assert [step.done for step in given] == list(range(4, 41, 4))
    assert torch.equal(given[-1].value.iou, final.iou)
    assert torch.equal(given[-1].value.top.ids, final.top.ids)


def test_another_quantile_needs_one_pass_or_none(in_small_batches):
    model, concepts = convolution(), some_concepts()
    value = last(NetworkDissection("1", quantile=0.05)(model, concepts))
    for quantile in (0.01, 0.03):
        anew = last(NetworkDissection("1", quantile=quantile)(model, concepts))
        steps = steps_of(NetworkDissection("1", quantile=quantile), model, concepts, start=value)
        assert steps[0].done == 44  # the first pass is not made again
        assert same(steps[-1].value, anew)
        if quantile in value.levels:
            assert torch.equal(value.rescored(quantile=quantile).iou, anew.iou)
    with pytest.raises(XaiwidgetsError, match=r"quantile=0\.03 was asked for; counts are kept at 0\.001"):
        value.rescored(quantile=0.03)


def test_thresholds_may_be_a_list_or_an_array():
    model, concepts = convolution(), some_concepts()
    given = [0.1, 0.2, 0.3, 0.4, 0.5]
    values = [
        last(NetworkDissection("1", thresholds=kind(given))(model, concepts)).iou
        for kind in (list, np.array, torch.tensor)
    ]
    assert torch.equal(values[0], values[2])
    assert torch.equal(values[1], values[2])
    with pytest.raises(InvalidSettingError, match="thresholds='half' was given; give a tensor or None"):
        NetworkDissection("1", thresholds="half")
    with pytest.raises(XaiwidgetsError, match="The threshold of unit 2 is NaN"):
        last(NetworkDissection("1", thresholds=[0.1, 0.2, np.nan, 0.4, 0.5])(model, concepts))


def test_live_settings_score_anew_without_counting_again():
    model, concepts = convolution(), some_concepts()
    steps = NetworkDissection("1", quantile=0.05)(model, concepts)
    next(steps)
    value = steps.send({"iou_threshold": 0.5, "denominator": "all"}).value
    assert value.iou_threshold == 0.5
    assert value.denominator == "all"


def test_broken_images_stop_a_run_or_are_skipped_and_nothing_counted_is_lost(tmp_path, in_small_batches):
    concepts, model = some_concepts(), convolution()
    folder = concepts.save(tmp_path / "set")
    read = ConceptSet.from_broden(folder)
    method = NetworkDissection("1", quantile=0.05)
    whole = last(method(model, read))
    broken = folder / "images" / _label_file(folder, 22)
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    steps, before = method(model, read), []
    with pytest.raises(XaiwidgetsError, match=broken.name):
        before.extend(steps)
    newest = before[-1]
    assert newest.done == 20
    broken.write_bytes(content)
    assert same(last(method(model, read, start=newest.value)), whole)
    broken.unlink()
    skipping = last(method(model, ConceptSet.from_broden(folder, broken="skip")))
    assert skipping.seen == 39
    assert len(skipping.skipped) == 1
    assert broken.name in skipping.skipped[0]
    for path in (folder / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(XaiwidgetsError, match="None of the 40 images could be read"):
        last(method(model, ConceptSet.from_broden(folder, broken="skip")))


def _label_file(folder, row):
    """The first label file that a row of the index names."""
    line = (folder / "index.csv").read_text().splitlines()[1 + row]
    return next(cell.split(";")[0] for cell in line.split(",")[6:] if cell)


def test_what_cannot_be_dissected_is_refused_in_words():
    model, concepts = convolution(), some_concepts()
    with pytest.raises(XaiwidgetsError, match="has no layer '9'"):
        last(NetworkDissection("9")(model, concepts))
    with pytest.raises(XaiwidgetsError, match=r"Tensor was given as concepts; give an xw\.ConceptSet"):
        last(NetworkDissection("1")(model, torch.rand(3, 3, 24, 20)))
    with pytest.raises(XaiwidgetsError, match=r"thresholds of shape \(3,\) were given for 5 units"):
        last(NetworkDissection("1", thresholds=torch.zeros(3))(model, concepts))
    grey = ConceptSet.from_arrays(torch.rand(2, 1, 24, 20), {"a": torch.ones(2, 4, 4).long()}, {"a": ["b"]})
    with pytest.raises(
        XaiwidgetsError, match=r"images of 1 channels, and Sequential looks at 3; give concepts\.fitted"
    ):
        last(NetworkDissection("1")(model, grey))
    with pytest.raises(InvalidSettingError, match="denominator='some' was given"):
        NetworkDissection("1", denominator="some")
    with pytest.raises(XaiwidgetsError, match="denominator='some' was given"):
        last(NetworkDissection("1")(model, concepts)).rescored(denominator="some")
    with pytest.raises(XaiwidgetsError, match="iou_threshold='a' was given; give a number from 0 to 1"):
        last(NetworkDissection("1")(model, concepts)).rescored(iou_threshold="a")
    network = nn.Sequential(nn.Conv2d(3, 2, 1))
    with torch.no_grad():
        network[0].bias.fill_(torch.nan)
    with pytest.raises(XaiwidgetsError, match="unit 0 a value that is not a finite number"):
        last(NetworkDissection("0")(ImageModel(network, (3, 24, 20)), concepts))
