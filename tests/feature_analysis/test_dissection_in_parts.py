"""Runs that are stopped and gone on with, and sets that are split and put together."""

import pytest
import torch

from tests.feature_analysis.dissected import convolution, same, some_concepts, steps_of
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import NetworkDissection
from xaiwidgets.methods.feature_analysis import _scan


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


def test_a_stopped_run_goes_on_wherever_it_was_stopped(in_small_batches):
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    whole = steps_of(method, model, concepts)
    for stop, step in enumerate(whole[:-1]):
        rest = steps_of(method, model, concepts, start=step.value)
        assert [again.done for again in rest] == [later.done for later in whole[stop + 1 :]]
        assert all(same(again.value, later.value) for again, later in zip(rest, whole[stop + 1 :], strict=True))
    again = steps_of(method, model, concepts, start=whole[-1].value)
    assert len(again) == 1
    assert same(again[0].value, whole[-1].value)


@pytest.mark.parametrize("cut", [4, 16, 17, 39])
def test_parts_put_together_are_the_whole(cut):
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    whole = last(method(model, concepts))
    parts = concepts[:cut], concepts[cut:]
    first = [last(method(model, part), stop=len(part)) for part in parts]
    both = first[1].merge(first[0])
    assert torch.equal(both.threshold, whole.threshold)
    counted = method.replace(thresholds=both.threshold)
    one, other = (last(counted(model, part)) for part in parts)
    merged = other.merge(one)
    assert same(merged, whole)
    assert merged.seen == merged.total == 40
    assert same(last(method(model, concepts, start=both)), whole)


def test_parts_that_are_sets_of_their_own_can_be_put_together():
    model, concepts = convolution(), some_concepts()
    batch = concepts.batch(slice(None))
    names = {"color": ["red", "green", "blue"], "shape": ["disc", "bar"]}

    def part(rows):
        masks = {"color": batch.layers[rows, 0].long(), "shape": (batch.layers[rows, 1].long() - 3).clamp(min=0)}
        return ConceptSet.from_arrays(batch.images[rows], masks, names)

    thresholds = last(NetworkDissection("1", quantile=0.05)(model, concepts)).threshold
    method = NetworkDissection("1", thresholds=thresholds, quantile=0.05)
    whole = last(method(model, concepts))
    merged = last(method(model, part(slice(0, 13)))).merge(last(method(model, part(slice(13, 40)))))
    assert torch.equal(merged.counts.whole().intersection, whole.counts.whole().intersection)
    assert torch.equal(merged.iou, whole.iou)


def test_a_run_goes_on_over_more_images_than_before(in_small_batches):
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    steps = steps_of(method, model, concepts, start=last(method(model, concepts[:20])))
    assert all(step.value.levels == (0.05,) for step in steps if step.value.provisional)
    assert same(steps[-1].value, last(method(model, concepts)))


def test_what_does_not_belong_together_is_not_merged_or_continued():
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    one = last(method(model, concepts[:20]))
    with pytest.raises(XaiwidgetsError, match="Image 10 was measured in both parts"):
        one.merge(last(method(model, concepts[10:])))
    with pytest.raises(XaiwidgetsError, match="The two results differ in layer"):
        one.merge(last(method.replace(layer="0")(model, concepts[20:])))
    given = [last(method.replace(thresholds=one.threshold + i)(model, concepts[20 * i : 20 * i + 20])) for i in (0, 1)]
    with pytest.raises(XaiwidgetsError, match="different thresholds cannot be merged"):
        given[0].merge(given[1])
    with pytest.raises(XaiwidgetsError, match="start= is a result of another upsampling"):
        last(method.replace(upsampling="plain")(model, concepts, start=one))
    with pytest.raises(XaiwidgetsError, match="start= is a result of another set of images"):
        last(method(model, some_concepts(), start=one))
    with pytest.raises(XaiwidgetsError, match="start= is a result of another network"):
        last(method(convolution(seed=1), concepts, start=one))
    with pytest.raises(XaiwidgetsError, match="start= is a result of another number of top images"):
        last(method.replace(top=3)(model, concepts, start=one))
    with pytest.raises(XaiwidgetsError, match="start= is a result of another size of images"):
        last(method(model, concepts.fitted((3, 48, 40)), start=one))
    with pytest.raises(XaiwidgetsError, match="start= has image 12, which is not in this part of the set"):
        last(method(model, concepts[:12], start=one))
    with pytest.raises(XaiwidgetsError, match="The two results differ in network"):
        one.merge(last(method(convolution(seed=1), concepts[20:])))
    with pytest.raises(XaiwidgetsError, match="str was given as start"):
        last(method(model, concepts, start="one"))
    with pytest.raises(XaiwidgetsError, match="NoneType was given to merge"):
        one.merge(None)


def test_finished_parts_with_thresholds_of_their_own_are_not_yet_a_result():
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    merged = last(method(model, concepts[:20])).merge(last(method(model, concepts[20:])))
    assert (merged.provisional, merged.seen, merged.total) == (True, 0, 40)
    assert not merged.dead.any()
    assert same(last(method(model, concepts, start=merged)), last(method(model, concepts)))
