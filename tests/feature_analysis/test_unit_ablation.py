"""What an ablation counts: as one image after the other shows it, as units were planted, and beside chance."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

import xaiwidgets as xw
from tests.feature_analysis.ablated import ablated, labelled, precise_model
from tests.feature_analysis.planted_colours import COUNTS, colour_network, colours
from tests.networks import image_model, layer_of
from xaiwidgets.core import last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import UnitAblation
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._ablation.control_units import control_sets
from xaiwidgets.methods.feature_analysis._ablation.effects import sign_test
from xaiwidgets.models import ImageModel

# A large network looks at 500 scenes, so that there is time to press Pause.
WIDGET = "xw.UnitAblator(xw.load_model('efficientnet_lite0'), layer='_blocks.10', units=[1, 4], controls=4, top=3)"

SMALL = ["resnet", "vision_transformer", "functional_cnn", "channels_last", "lenet", "mlp"]


def example():
    """A tiny call for the contract suite: two batches."""
    concepts = labelled("lenet", 70, size=(1, 1))
    return UnitAblation("3", units=(1, 4), controls=2, top=3), (image_model("lenet"), concepts)


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 8)


def agree(value, expected, row):
    for name in COUNTS:
        part = getattr(value, name)
        np.testing.assert_array_equal(part if part.dim() == 1 else part[row], expected[name])
    np.testing.assert_allclose(value.score_change[row], expected["change"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(value.standard_error[row], expected["error"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("classes", [True, False], ids=["labels", "predictions"])
@pytest.mark.parametrize("name", SMALL)
def test_it_counts_what_one_image_after_the_other_shows(name, classes, in_small_batches):
    concepts = labelled(name, classes=classes)
    value = last(UnitAblation(layer_of(name), (3, 0), controls=2, top=4)(precise_model(name), concepts))
    assert value.truth == ("labels" if classes else "predictions")
    assert value.seen == 23
    assert value.removed == ((3,), (0,))
    for row, units in enumerate(value.removed):
        expected = ablated(name, concepts, units)
        agree(value, expected, row)
        agree(value.without, ablated(name, concepts, units, having=False), row)
        drops = len(expected["ids"][:4])
        np.testing.assert_array_equal(value.top.ids[row, :drops], expected["ids"][:4])
        np.testing.assert_allclose(value.top.changes[row, :drops], expected["drops"][:4], rtol=1e-9)
        np.testing.assert_allclose(value.class_sum[row], expected["by_class"], rtol=1e-9, atol=1e-12)
    for row, units in enumerate(value.control_units):
        agree(value.controls, ablated(name, concepts, units), row)
        agree(value.controls_without, ablated(name, concepts, units, having=False), row)


@pytest.mark.parametrize("name", ["resnet", "vision_transformer"])
def test_together_they_are_all_silent_at_once(name, in_small_batches):
    concepts = labelled(name)
    value = last(UnitAblation(layer_of(name), (5, 1, 5, 2), together=True, controls=3)(precise_model(name), concepts))
    assert value.removed == ((5, 1, 2),)
    agree(value, ablated(name, concepts, (1, 2, 5)), 0)
    assert {len(units) for units in value.control_units} == {3}
    for row, units in enumerate(value.control_units):
        assert not {1, 2, 5} & set(units)
        agree(value.controls, ablated(name, concepts, units), row)


def test_a_planted_unit_takes_exactly_its_class_along():
    model, concepts = colour_network(), colours()
    value = last(UnitAblation("1", (0, 1, 2, 3, 4), controls=0, top=6)(model, concepts))
    assert value.truth == "labels"
    assert value.accuracy_before.tolist() == [1, 1, 1, 1]
    # Unit 3 holds two of the eight red images; the spot is on four of each colour, on both of these among the red.
    np.testing.assert_array_equal(
        value.accuracy, [[2 / 8, 1, 1, 10 / 12], [1, 0, 1, 8 / 12], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    )
    assert value.lost[0].tolist() == [6, 0, 0, 2]
    assert not value.gained.any()
    e = math.exp
    before = e(10.1) / (1 + e(10.1) + e(0.2))
    np.testing.assert_allclose(value.score_change[1, 1], e(0.1) / (1 + e(0.1) + e(0.2)) - before, rtol=1e-12)
    # Blue is what the network answers where it sees nothing, so that blue images stay right but lose probability.
    np.testing.assert_allclose(
        value.score_change[2, 2], e(0.2) / (1 + e(0.1) + e(0.2)) - e(10.2) / (1 + e(0.1) + e(10.2)), rtol=1e-12
    )
    assert value.top.classes[0].tolist() == [0] * 6
    assert value.top.ids[0].tolist() == [3, 6, 9, 15, 18, 21]
    assert value.top.answers[0].tolist() == [2] * 6
    both = last(UnitAblation("1", (0, 3), together=True, controls=0)(model, concepts))
    np.testing.assert_array_equal(both.accuracy, [[0, 1, 1, 8 / 12]])
    assert both.p_value[0, 0] == pytest.approx(2 / 2**8)


def test_a_dead_unit_has_no_effect_at_all():
    value = last(UnitAblation("1", (4,), controls=0)(colour_network(), colours()))
    for part in (value, value.without):
        for name in ("lost", "gained", "change_sum", "square_sum"):
            assert not getattr(part, name).any()
    assert (value.p_value == 1).all()
    assert (value.top.ids == -1).all()
    # Before a batch normalisation another network runs than for the output alone; both passes must run the same one.
    network = image_model("resnet")
    with torch.no_grad():
        network.module[0].weight[2] = 0
    value = last(UnitAblation("0", (2, 3), controls=0)(network, labelled("resnet")))
    assert not value.change_sum[0].any()
    assert value.change_sum[1].any()


def test_probabilities_are_taken_as_they_are():
    model, concepts = precise_model("lenet"), labelled("lenet")
    ended = ImageModel(nn.Sequential(*model.module, nn.Softmax(1)), (1, 28, 28), model.raw_normalize, model.class_names)
    method = UnitAblation("3", (0, 7), controls=1)
    torch.testing.assert_close(last(method(ended, concepts)).change_sum, last(method(model, concepts)).change_sum)


def test_the_sign_test_is_scipys():
    lost, gained = torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")
    expected = [[scipy.stats.binomtest(a, a + b).pvalue if a + b else 1.0 for b in range(40)] for a in range(40)]
    np.testing.assert_allclose(sign_test(lost, gained), expected, rtol=1e-9)
    many = torch.tensor([[5000, 30000], [1, 29500]])
    expected = [scipy.stats.binomtest(a, a + b).pvalue for a, b in many.T.tolist()]
    np.testing.assert_allclose(sign_test(*many), expected, rtol=1e-7)


def test_controls_are_random_others_that_the_seed_alone_draws():
    drawn = control_sets((3, 5), 1, 6, 20, seed=1)
    assert len(set(drawn)) == 6
    assert not {(3,), (5,)} & set(drawn)
    assert drawn == control_sets((3, 5), 1, 6, 20, seed=1) != control_sets((3, 5), 1, 6, 20, seed=2)
    ((first,), *others) = drawn
    assert control_sets((3, 5, first), 1, 5, 20, seed=1) == tuple(others)  # the others stay
    assert sorted(control_sets((0, 1), 1, 9, 4, seed=0)) == [(2,), (3,)]  # there are no more
    assert sorted(control_sets((0, 1), 2, 9, 5, seed=0)) == [(2, 3), (2, 4), (3, 4)]
    assert control_sets((0, 1, 2), 3, 9, 5, seed=0) == ()
    drawn = control_sets((0, 1, 2), 3, 7, 12, seed=4)
    assert len(set(drawn)) == 7
    assert len({unit for units in drawn[:3] for unit in units}) == 9  # no unit twice before all were taken


def test_what_a_unit_does_is_told_apart_from_what_any_unit_does():
    images = xw.data.fashion_mnist_small("test")
    labels = {"class": (images.labels + 1)[:, None, None]}
    concepts = ConceptSet.from_arrays(images, labels, {"class": images.class_names})
    value = last(UnitAblation("relu2", (3, 12))(xw.load_model("lenet"), concepts))
    shirt = value.place_of("Shirt", "class")
    assert value.present[shirt] == 100
    assert value.accuracy[0, shirt] < value.accuracy_before[shirt] - 0.1
    assert value.p_value[0, shirt] < 1e-3
    assert value.as_harmful[0, shirt] == 0
    assert value.score_change[0, shirt] < 3 * value.without.score_change[0, shirt] < 0
    assert len(value.control_units) == 8
    assert value.controls.score_change.shape == (8, 10)
