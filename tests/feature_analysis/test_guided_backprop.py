"""The pictures of guided backpropagation and deconvolution are captum's, at the output and within."""

import numpy as np
import pytest
import torch
from captum import attr
from torch import nn

from tests.feature_analysis.guided import BOTH, shown, weights
from tests.feature_analysis.rectifier_networks import (
    ARCHITECTURES,
    captums,
    largest_error,
    model_of,
    network,
    normalised,
    pictures,
)
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet, photographs
from xaiwidgets.methods import GuidedBackprop
from xaiwidgets.models import ImageModel, load_model

WIDGET = "xw.GuidedBackpropViewer(xw.load_model('efficientnet_lite0'), layer='_blocks.8', units=[1, 4], stages=32)"


def example():
    """A tiny call for the contract suite."""
    return GuidedBackprop(layer="4", units=(1, 4), stages=2), (model_of(normalised()), pictures())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_is_captums_at_the_output(name):
    module, images = network(name), pictures()
    value = shown(GuidedBackprop("", (0, 5)), model_of(module), images)
    for i, unit in enumerate((0, 5)):
        assert largest_error(value.patterns[:, i], captums(attr.GuidedBackprop, module, images, unit)) <= 1e-5


@BOTH
@pytest.mark.parametrize(("name", "layer"), [("pooled", 3), ("normalised", 6), ("residual", 2)])
def test_it_is_captums_within_where_the_unit_is_strongest(kind, name, layer):
    module, images = network(name), pictures()
    value = shown(kind(str(layer), (2, 7)), model_of(module), images)
    cut = module[: layer + 1]
    mean, std = (torch.tensor(entry)[:, None, None] for entry in ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)))
    maps = cut((images - mean) / std).detach()
    for image in range(2):
        for i, unit in enumerate((2, 7)):
            row, column = np.unravel_index(int(maps[image, unit].argmax()), maps.shape[2:])
            assert value.position[image, i].tolist() == [row, column]
            assert value.activation[image, i] == pytest.approx(maps[image, unit].max().item(), rel=1e-4)
            theirs = getattr(attr, kind.__name__)
            expected = captums(theirs, cut, images[image : image + 1], (unit, int(row), int(column)))
            assert largest_error(value.patterns[image, i], expected[0]) <= 1e-5


@BOTH
def test_the_formula_written_out(kind):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU6(), nn.Linear(7, 3))
    net.double()
    with torch.no_grad():
        net[3].bias.copy_(torch.tensor([8.0, 8, 2, 2, 0, 0, -1]))
    images = weights(2, 3, 2, 2, seed=3).sigmoid()
    value = shown(kind("", (2,)), ImageModel(net, (3, 2, 2)), images)
    (A, a), (B, b), (C, _) = ((net[i].weight.detach().numpy(), net[i].bias.detach().numpy()) for i in (1, 3, 5))
    for image in range(2):
        f = A @ images[image].flatten().numpy() + a
        g = B @ np.maximum(f, 0) + b
        assert 0 < ((g > 0) & (g < 6)).sum() < 7
        for found, rule in ((value.patterns, kind.__name__), (value.gradient, "derivative")):
            R = C[2]
            for forward, high, below in ((g, 6, B), (f, np.inf, A)):
                inside = (forward > 0) & (forward < high)
                R = {
                    "derivative": R * inside,
                    "GuidedBackprop": np.maximum(R, 0) * inside,
                    "Deconvolution": np.maximum(R, 0),
                }[rule]
                R = R @ below
            np.testing.assert_allclose(found[image, 0].flatten().numpy(), R, rtol=1e-10, atol=1e-12)


def test_every_kind_of_network_with_rectifiers_works():
    for name, layer in (("functional_cnn", ""), ("vision_transformer", "blocks.1"), ("mlp", "2"), ("resnet", "3")):
        model = image_model(name)
        shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
        images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))
        value = last(GuidedBackprop(layer, (0, 2), stages=2)(model, images))
        assert value.patterns.shape == value.gradient.shape == (2, 2, *shape)
        assert value.patterns.ne(0).flatten(2).any(2).all()
        assert largest_error(value.patterns, value.gradient) > 1e-3
        assert value.similarity.isfinite().all()


@BOTH
def test_the_mean_the_sum_and_one_neuron(kind):
    model, method, images = model_of(network("pooled")), kind("5", (3,)), pictures()
    mean, total = (shown(method.replace(target=target), model, images) for target in ("mean", "sum"))
    torch.testing.assert_close(total.patterns, mean.patterns * 9, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(total.activation, mean.activation * 9)
    places = [(row, column) for row in range(3) for column in range(3)]
    each = [
        shown(method.replace(target="neuron", row=row, column=column), model, images).gradient for row, column in places
    ]
    torch.testing.assert_close(torch.stack(each).sum(0), total.gradient, rtol=1e-3, atol=1e-5)
    assert shown(method.replace(target="neuron"), model, images).position[0, 0].tolist() == [1, 1]
    with pytest.raises(XaiwidgetsError, match="row=3 was given; layer '5' has positions 0 to 2 there"):
        shown(method.replace(target="neuron", row=3), model, images)


def test_a_unit_that_is_shut_has_an_empty_picture_and_no_likeness():
    module = network("pooled")
    with torch.no_grad():
        module[0].bias[2] = -99
    value = last(GuidedBackprop("1", (2,), stages=1)(model_of(module), pictures()))
    assert not value.patterns.any()
    assert value.similarity.isnan().all()


def test_other_images_sizes_sets_and_settings():
    model = model_of(network("normalised"))
    large = torch.rand(1, 3, 32, 28)
    assert shown(GuidedBackprop("4", (1,)), model, large).patterns.shape == (1, 1, 3, 32, 28)
    value = shown(GuidedBackprop("4", (1, 2)), model, ImageSet(pictures()))
    assert torch.equal(value.patterns, shown(GuidedBackprop("4", (1, 2)), model, pictures()).patterns)
    with pytest.raises(InvalidSettingError, match="name at least one unit"):
        GuidedBackprop("4", ())
    with pytest.raises(XaiwidgetsError, match="Unit 8 was asked for; layer '4' has 8 units"):
        next(GuidedBackprop("4", (8,))(model, pictures()))
    with pytest.raises(XaiwidgetsError, match="has no layer 'no'"):
        next(GuidedBackprop("no", (1,))(model, pictures()))


def test_the_pictures_come_first_and_long_runs_are_cut():
    model, images = load_model("efficientnet_lite0"), photographs(224)[:1]
    steps = list(GuidedBackprop("_blocks.1", (1, 2), stages=1)(model, images))
    assert [step.done for step in steps] == [0.5, 1, 1.5, 2]
    assert steps[0].value.patterns[0, 1].isnan().all()
    assert steps[1].value.patterns.isfinite().all()
    assert steps[1].value.similarity.isnan().all()
    assert steps[2].value is steps[1].value
    assert steps[3].value.similarity.isfinite().all()
    assert torch.equal(steps[3].value.patterns, steps[1].value.patterns)
