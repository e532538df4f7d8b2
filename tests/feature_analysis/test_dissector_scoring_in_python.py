"""Dissections that are scored anew without a pass, and runs that are stopped, gone on with and brought back."""

import time

import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.dissectors import detailed, dissectors, told
from xaiwidgets.methods.feature_analysis import _scan


@pytest.fixture
def made():
    """Makes dissectors, and disposes of them."""
    yield from dissectors()


@pytest.fixture
def view(made):
    return detailed(made)


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
