"""What it shares with guided backpropagation is tested there, for both."""

import pytest
import torch
from captum import attr
from torch import nn

from tests.feature_analysis.rectifier_networks import (
    ARCHITECTURES,
    captums,
    largest_error,
    model_of,
    network,
    normalised,
    pictures,
)
from xaiwidgets.core import last
from xaiwidgets.methods import Deconvolution
from xaiwidgets.models import ImageModel

WIDGET = "xw.DeconvolutionViewer(xw.load_model('efficientnet_lite0'), layer='_blocks.8', units=[1, 4], stages=32)"


def example():
    """A tiny call for the contract suite."""
    return Deconvolution(layer="4", units=(1, 4), stages=2), (model_of(normalised()), pictures())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_is_captums_at_the_output(name):
    module, images = network(name), pictures()
    value = last(Deconvolution("", (0, 5), stages=0)(model_of(module), images))
    for i, unit in enumerate((0, 5)):
        assert largest_error(value.patterns[:, i], captums(attr.Deconvolution, module, images, unit)) <= 1e-5


def test_pooling_goes_back_to_where_its_maximum_was():
    first, second = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
    for layer in (first, second):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    model = ImageModel(nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(3), second), (1, 6, 6))
    images = torch.zeros(1, 1, 6, 6)
    images[0, 0, 4, 2] = 1.0
    value = last(Deconvolution("3", (0,), stages=0)(model, images))
    assert value.position.tolist() == [[[1, 0]]]
    assert value.patterns[0, 0, 0].nonzero().tolist() == [[4, 2]]


def test_a_signal_passes_where_the_way_forward_was_shut():
    first, second = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([1.0, 1.0]).view(2, 1, 1, 1))
        first.bias.copy_(torch.tensor([-5.0, 1.0]))  # shut, open
        second.weight.copy_(torch.tensor([3.0, -2.0]).view(1, 2, 1, 1))
    value = last(
        Deconvolution("2", (0,), stages=0)(
            ImageModel(nn.Sequential(first, nn.ReLU(), second), (1, 2, 2)), torch.rand(1, 1, 2, 2)
        )
    )
    row, column = value.position[0, 0].tolist()
    assert value.patterns[0, 0, 0, row, column] == 3
    assert value.gradient[0, 0, 0, row, column] == -2
