import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from tests.model_inspection.layered import by_autograd, labelled, matrix, on, read
from tests.model_inspection.retrained import one_thread
from tests.networks import NETWORKS, image_model
from xaiwidgets.methods.model_inspection._influence.coverage import Coverage
from xaiwidgets.methods.model_inspection._influence.layer_gradients import LayerGradients

HERE = [name for name in NETWORKS if name != "efficientnet_lite0"]
CONVOLUTIONS = {
    "plain": nn.Conv2d(4, 6, 3),
    "stride, padding, dilation": nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(3, 1), dilation=(2, 3)),
    "groups": nn.Conv2d(4, 6, 3, groups=2, padding=1),
    "depthwise": nn.Conv2d(4, 8, 3, groups=4, bias=False, stride=2),
    "same": nn.Conv2d(4, 6, (4, 3), padding="same", dilation=(1, 2)),
    "valid": nn.Conv2d(4, 6, 3, padding="valid"),
    "circular": nn.Conv2d(4, 6, 3, padding=2, padding_mode="circular"),
    "reflect": nn.Conv2d(4, 6, (3, 5), padding=(1, 2), padding_mode="reflect", bias=False),
}


@pytest.fixture(autouse=True)
def single_thread():
    """All networks here are so small that a second thread only waits."""
    with one_thread():
        yield


def behind(layer, classes=3):
    """A layer, and a head on what it gives out, so that its gradients differ from place to place."""
    with torch.no_grad():
        size = layer(torch.zeros(1, 4, 9, 8, dtype=next(layer.parameters()).dtype)).numel()
    return nn.Sequential(layer, nn.Tanh(), nn.Flatten(), nn.Linear(size, classes))


def assert_gradients(model, images, labels):
    found = read(model, images, labels)
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        named = by_autograd(model, image, label)
        for block, gradients in found.items():
            expected = matrix(named, block)
            assert expected.abs().max() > 1e-8
            np.testing.assert_allclose(gradients[row].flatten(0, 1), expected, rtol=1e-8, atol=1e-12)
    return found


@pytest.mark.parametrize("name", HERE)
def test_gradients_are_those_of_one_image_after_the_other(name):
    model = image_model(name, torch.float64)
    images = labelled(model.input_shape, 5)
    assert_gradients(model, images.batch(slice(None)), images.labels)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_every_convolution_has_its_gradients(kind):
    model = on(behind(CONVOLUTIONS[kind]))
    images = labelled((4, 9, 8), 4, classes=3)
    found = assert_gradients(model, images.batch(slice(None)), images.labels)
    assert len(found) == 2
    assert sum(block.size for block in found) == sum(parameter.numel() for parameter in model.module.parameters())


class Twice(nn.Module):
    """A layer that runs twice, and one whose weight another shares."""

    def __init__(self, *, in_place=False):
        super().__init__()
        self.in_place = in_place
        self.conv, self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight, self.second.bias, self.head = self.first.weight, self.first.bias, nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x)
        y = self.conv(x)
        x = x.add_(y) if self.in_place else x + y
        x = self.first(torch.relu(x).mean((2, 3)))
        return self.head(self.second(torch.relu_(x) if self.in_place else torch.relu(x)))


def test_a_layer_that_runs_twice_has_the_sum_of_its_uses():
    model = on(Twice())
    images = labelled((4, 9, 8), 4, classes=3)
    found = assert_gradients(model, images.batch(slice(None)), images.labels)
    assert [block.names for block in found] == [
        ("conv.weight", "conv.bias"),
        ("first.weight", "first.bias"),
        ("head.weight", "head.bias"),
    ]
    in_place = read(on(Twice(in_place=True)), images.batch(slice(None)), images.labels)
    for block, gradients in found.items():
        np.testing.assert_allclose(in_place[block], gradients, rtol=1e-10, atol=1e-14)


class Odd(nn.Module):
    """One of each thing that cannot be read."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.norm, self.read, self.unused = nn.BatchNorm2d(4), nn.Linear(8, 5), nn.Linear(2, 2)
        self.transposed, self.tied = nn.Linear(5, 5), nn.Linear(5, 5)
        self.last_axis, self.head = nn.Linear(9, 5, bias=False), nn.Linear(5, 3)
        self.normed = parametrizations.weight_norm(nn.Linear(5, 5))

    def forward(self, x):
        y = self.last_axis(x.permute(1, 3, 0, 2)).mean((0, 1))  # the images on the third axis
        x = self.read(self.norm(x * self.scale)).mean((1, 2)) + y
        x = self.tied(x) + functional.linear(x, self.tied.weight)
        return self.head(self.normed(x) + self.transposed(x) @ self.transposed.weight)


def test_it_names_what_is_covered_and_why_the_rest_is_not():
    coverage = Coverage.of(LayerGradients(on(Odd())))
    assert coverage.covered == ("read.weight", "read.bias", "head.weight", "head.bias")
    assert coverage.uncovered == (
        "scale (Odd)",
        "norm.weight (BatchNorm2d)",
        "norm.bias (BatchNorm2d)",
        "unused.weight (Linear, not used)",
        "unused.bias (Linear, not used)",
        "transposed.weight (Linear, used by matmul)",
        "transposed.bias (Linear, used by matmul)",
        "tied.weight (Linear, used with several biases)",
        "tied.bias (Linear, used with several biases)",
        "last_axis.weight (Linear, images cannot be told apart)",
        "normed.bias (ParametrizedLinear, used by a layer whose weight is computed)",
        "normed.parametrizations.weight.original0 (ParametrizationList)",
        "normed.parametrizations.weight.original1 (ParametrizationList)",
    )


@pytest.mark.parametrize("name", ["resnet", "vision_transformer"])
def test_every_parameter_is_covered_or_named_with_its_reason(name):
    model = image_model(name)
    coverage = Coverage.of(LayerGradients(model))
    told = [*coverage.covered, *(words.split(" ")[0] for words in coverage.uncovered)]
    assert sorted(told) == sorted(name for name, _ in model.module.named_parameters())
