"""Planted formulas are found and said in words, and longer ones gain what they should on every network."""

import pytest
import torch
from torch import nn

from tests.feature_analysis.dissected import convolution, some_concepts
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import CompositionalLabels
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.methods.feature_analysis._composition.formula import Formula
from xaiwidgets.models import ImageModel

WIDGET = (
    "xw.CompositionalLabeler(xw.load_model('efficientnet_lite0'), xw.data.scenes(800, size=112), layer='_blocks.8')"
)


def example():
    """A tiny call for the contract suite: two batches in each pass."""
    concepts = some_concepts(260, size=(8, 8), labels=(4, 4))
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    return CompositionalLabels("0", (0, 3), length=2, quantile=0.05, top=2), (ImageModel(network, (3, 8, 8)), concepts)


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


def planted(weights, biases, count=30):
    """Units of four channels, each of which is a concept."""
    generator = torch.Generator().manual_seed(0)
    on = torch.rand(count, 4, 8, 8, generator=generator) < 0.3
    masks = {f"kind {i}": on[:, i].long() for i in range(4)}
    concepts = ConceptSet.from_arrays(on.float(), masks, {f"kind {i}": ["abcd"[i]] for i in range(4)})
    network = nn.Sequential(nn.Conv2d(4, len(weights), 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(weights)[..., None, None])
        network[0].bias.copy_(torch.tensor(biases))
    return ImageModel(network, (4, 8, 8)), concepts


def test_planted_formulas_are_found():
    weights = [[1.0, 0, 1, 0], [0, 1, 0, -1], [1, 1, 0, 0], [0, 1, 1, -2], [0, 0, 0, 1], [0, 0, 0, 0]]
    model, concepts = planted(weights, [-0.5, -0.5, -1.5, -0.5, -0.5, -0.5])
    value = last(CompositionalLabels("0", thresholds=torch.zeros(6))(model, concepts))
    words = ["a OR c", "b AND NOT d", "a AND b", "(b OR c) AND NOT d", "d", "None"]
    assert [str(formula) for formula in value.formulas] == words
    assert value.iou.tolist() == [1, 1, 1, 1, 1, 0]
    assert value.dead.tolist() == [False] * 5 + [True]
    assert value.beams[5] == ()
    assert (value.iou_chance[:5] < 0.5).all()
    assert (value.gain[:4] > value.gain_by_chance[:4] + 0.2).all()
    lengths = (value.iou_by_length == 1).long().argmax(1) + 1
    assert lengths.tolist()[:5] == [2, 2, 2, 3, 1]


def test_more_concepts_are_never_worse_and_for_chance_too(in_small_batches):
    value = last(CompositionalLabels("1", quantile=0.05, length=5)(convolution(), some_concepts()))
    for by_length in (value.iou_by_length, value.iou_chance):
        assert (by_length.diff(dim=1) >= 0).all()
        assert (by_length[:, -1] > by_length[:, 0]).all()


def test_a_random_network_gains_what_chance_gains():
    value = last(CompositionalLabels("1", quantile=0.05)(convolution(), some_concepts(400)))
    assert value.gain.mean() < 2 * value.gain_by_chance.mean()


def test_where_nothing_longer_is_better_the_passes_end():
    model, concepts = planted([[1.0, 0, 0, 0]], [-0.5])
    batch = concepts.batch(slice(None))
    only = ConceptSet.from_arrays(batch.images, {"kind": (batch.layers[:, 0] > 0).long()}, {"kind": ["a"]})
    steps = list(CompositionalLabels("0", thresholds=torch.zeros(1), length=5)(model, only))
    assert [step.done for step in steps] == [30, 60, 150]
    value = steps[-1].value
    assert str(value.formulas[0]) == "a"
    assert value.iou_by_length.tolist() == [[1.0] * 5]
    assert (value.iou_chance == value.iou_chance[:, :1]).all()


def test_a_formula_has_words_an_order_and_a_mask():
    names = "abc"

    def made(first, *others):
        formula = Formula(names.index(first), first)
        for operation, name in others:
            formula = Formula(names.index(name), name, formula, operation)
        return formula

    words = {
        "a": made("a"),
        "a OR b OR c": made("a", ("OR", "b"), ("OR", "c")),
        "(a OR b) AND c": made("a", ("OR", "b"), ("AND", "c")),
        "(a AND b) OR c": made("a", ("AND", "b"), ("OR", "c")),
        "a AND NOT b AND c": made("a", ("AND NOT", "b"), ("AND", "c")),
        "((a OR b) AND NOT c) OR a": made("a", ("OR", "b"), ("AND NOT", "c"), ("OR", "a")),
    }
    for said, formula in words.items():
        assert str(formula) == said
    assert [len(formula) for formula in words.values()] == [1, 3, 3, 3, 3, 4]
    order = [made("a"), made("c"), made("a", ("AND", "b")), made("a", ("OR", "b")), made("a", ("AND", "c"))]
    assert sorted((order[i] for i in (3, 1, 4, 0, 2)), key=lambda formula: formula.order) == order
    layers = torch.tensor([[[[1, 0, 1, 0]], [[2, 2, 0, 0]]]])
    whole = torch.tensor([[False, False, True]])
    expected = {
        "a": [1, 0, 1, 0],
        "a OR b OR c": [1, 1, 1, 1],
        "(a OR b) AND c": [1, 1, 1, 0],
        "(a AND b) OR c": [1, 1, 1, 1],
        "a AND NOT b AND c": [0, 0, 1, 0],
        "((a OR b) AND NOT c) OR a": [1, 0, 1, 0],
    }
    for said, formula in words.items():
        assert formula.mask(layers, whole)[0, 0].long().tolist() == expected[said]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_is_labelled(name):
    model = image_model(name)
    images = torch.rand(6, *model.picture_shape, generator=torch.Generator().manual_seed(0))
    masks = {"part": (images.mean(1) > 0.5).long() + 1}
    concepts = ConceptSet.from_arrays(images, masks, {"part": ["light", "dark"]})
    value = last(CompositionalLabels(layer_of(name), (0, 2), length=2, quantile=0.1)(model, concepts))
    assert value.iou.shape == (2,)
    assert value.seen == 6
    assert value.mask_size.sum() > 0
