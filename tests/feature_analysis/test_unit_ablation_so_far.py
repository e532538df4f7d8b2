"""The answer of an ablation after each batch, and the truth by which its images are right."""

import pytest
import torch

from tests.feature_analysis.ablated import labelled, precise_model
from tests.feature_analysis.planted_colours import COUNTS, colour_network, colours
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import UnitAblation
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._ablation.true_class import classes_of


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 8)


@pytest.mark.parametrize("batch", [1, 4, 7, 23])
def test_the_size_of_batches_changes_no_count(batch, monkeypatch):
    concepts, method = labelled("lenet"), UnitAblation("3", (2, 5), controls=2)
    whole = last(method(precise_model("lenet"), concepts))
    monkeypatch.setattr(_scan, "_LARGEST", batch)
    value = last(method(precise_model("lenet"), concepts))
    for one, two in ((value, whole), (value.without, whole.without), (value.controls, whole.controls)):
        assert all(torch.equal(getattr(one, name), getattr(two, name)) for name in COUNTS)
        torch.testing.assert_close(one.change_sum, two.change_sum)
    assert torch.equal(value.top.ids, whole.top.ids)


def test_every_batch_gives_the_answer_so_far_and_removals_lie_between(in_small_batches):
    concepts, method = labelled("lenet"), UnitAblation("3", (2, 5), controls=1)
    steps = list(method(precise_model("lenet"), concepts))
    assert [step.done for step in steps[:5]] == [0.5, 1, 1.5, 2, 4]
    assert len(steps) == 4 * 4  # batches of 2, 8, 8 and 5 images, each looked at once and three times without a unit
    assert steps[0].value.seen == 0
    assert steps[0].value.accuracy.isnan().all()
    for step in steps:
        seen = step.value.seen
        assert seen <= step.done
        if seen == step.done:
            alone = last(method(precise_model("lenet"), concepts[:seen]))
            assert all(torch.equal(getattr(step.value, name), getattr(alone, name)) for name in COUNTS)
    assert seen == 23


def test_once_an_image_has_its_class_as_label_only_such_images_are_told_of(in_small_batches):
    concepts = colours()
    batch = concepts.batch(slice(None))
    label = batch.layers[:, 0].long().clone()
    label[:13] = 0
    label[20] = 0
    label[21, 0, 0] = 0  # all but one pixel: not the whole image
    masks = {"color": label, "thing": (batch.layers[:, 1] > 0).long()}
    some = ConceptSet.from_arrays(batch.images, masks, {"color": ["red", "green", "blue"], "thing": ["spot"]})
    method = UnitAblation("1", (0, 1), controls=1)
    steps = list(method(colour_network(), some))
    assert [step.value.truth for step in steps if step.done in {2, 10, 18}] == ["predictions"] * 2 + ["labels"]
    value = steps[-1].value
    alone = last(method(colour_network(), some.subset([13, 14, 15, 16, 17, 18, 19, 22, 23])))
    assert (value.seen, value.counted) == (24, 9)
    assert all(torch.equal(getattr(value, name), getattr(alone, name)) for name in COUNTS)
    assert torch.equal(value.top.ids, alone.top.ids)


def test_with_predictions_as_truth_nothing_is_gained_and_no_test_is_made():
    value = last(UnitAblation("3", (0, 1, 2))(image_model("lenet"), labelled("lenet", classes=False)))
    assert value.truth == "predictions"
    present = value.present > 0
    assert (value.accuracy_before[present] == 1).all()
    assert not value.gained.any()
    assert value.p_value.isnan().all()


def test_a_label_names_a_class_whatever_its_capitals_and_several_name_none():
    found = classes_of(
        (("hot  dog", "a"), ("HOT_DOG", "b"), ("crane", "a"), ("cat", "c")), ["crane", "Hot-dog", "crane"]
    )
    assert found.tolist() == [1, 1, -1, -1]
    concepts = ConceptSet.from_arrays(
        torch.rand(3, 4, 6, 6),
        {"a": torch.tensor([1, 1, 0])[:, None, None], "b": torch.tensor([2, 1, 1])[:, None, None]},
        {"a": ["red"], "b": ["RED", "blue"]},
    )
    value = last(UnitAblation("1", (0,), controls=0)(colour_network(), concepts))
    assert value.counted == 2  # the first image is called red and blue
    assert value.present.tolist() == [1, 2, 0]
