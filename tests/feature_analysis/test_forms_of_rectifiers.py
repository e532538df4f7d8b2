"""Every form in which a network may write a rectifier is seen, and where none can be seen a sentence says so."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.feature_analysis.guided import BOTH, shown
from tests.feature_analysis.rectifier_networks import largest_error, pictures
from tests.networks import image_model
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods import GuidedBackprop
from xaiwidgets.models import ImageModel

FORMS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "function": functional.relu,
    "function in place": lambda x: functional.relu(x, inplace=True),
    "function in place by name": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "in place, unnamed result": lambda x: (x.relu_(), x)[1],
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: x.clamp_(0),
    "clamp of a tensor": lambda x: torch.clamp(x, torch.zeros(())),
    "clamp of a tensor of zeros": lambda x: x.clamp(torch.zeros_like(x)),
    "clip": lambda x: x.clip(0.0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "clamp_min in place": lambda x: x.clamp_min_(min=0),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "maximum, the other way": lambda x: torch.maximum(torch.zeros(()), x),
    "max": lambda x: torch.max(x, x.new_zeros(1)),
    "threshold": lambda x: functional.threshold(x, 0, 0),
    "threshold module": nn.Threshold(0.0, 0.0, inplace=True),
    "hardtanh": lambda x: functional.hardtanh(x, 0, 1),
    "bounded clamp": lambda x: x.clamp(0, 1.0),
    "bounded clamp, hardtanh in place": lambda x: functional.hardtanh_(x, 0.0, 1.0),
}


class Formed(nn.Module):
    """A small network with its rectifier in a form of one's own."""

    def __init__(self, form):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.form = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3), form

    def forward(self, x):
        return self.two(self.form(self.one(x)))


@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_rectifier_is_seen(kind, form):
    usual = nn.ReLU() if "hardtanh" not in form and "bounded" not in form else nn.Hardtanh(0, 1)
    value, expected = (
        shown(kind("two", (1, 3)), ImageModel(Formed(act), (3, 20, 20)), pictures()) for act in (FORMS[form], usual)
    )
    assert largest_error(expected.patterns, expected.gradient) > 0.1
    assert largest_error(value.patterns, expected.patterns) <= 1e-5
    assert largest_error(value.gradient, expected.gradient) <= 1e-5


@pytest.mark.parametrize("act", [nn.LeakyReLU(), nn.GELU(), nn.SiLU(), nn.Hardtanh(-1, 1), nn.Threshold(0.1, 0.0)])
def test_other_nonlinearities_keep_their_derivative(act):
    model = ImageModel(Formed(act), (3, 20, 20))
    with pytest.raises(XaiwidgetsError, match=r"Formed has no rectifier \(ReLU\) between the image and layer 'two'"):
        shown(GuidedBackprop("two", (1,)), model, pictures())
    both = ImageModel(nn.Sequential(Formed(act), nn.ReLU(), nn.Conv2d(4, 2, 1)), (3, 20, 20))
    value = shown(GuidedBackprop("1", (1,)), both, pictures())  # the seed is positive: nothing differs but the gate
    torch.testing.assert_close(value.patterns, value.gradient)


@pytest.mark.parametrize(("name", "layer"), [("lenet", ""), ("channels_last", ""), ("resnet", "0")])
def test_a_network_without_rectifiers_is_refused(name, layer):
    model = image_model(name)
    images = torch.rand(1, *model.input_shape)
    with pytest.raises(XaiwidgetsError, match=r"no rectifier .* plain gradient; choose a deeper layer"):
        next(GuidedBackprop(layer, (0,))(model, images))


class Own(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context, gradient):
        return gradient * (context.saved_tensors[0] > 0)


def test_rectifiers_that_cannot_be_seen_are_refused():
    with pytest.raises(XaiwidgetsError, match=r"an autograd function of its own \(Own\), in which rectifiers"):
        shown(GuidedBackprop("two", (1,)), ImageModel(Formed(Own.apply), (3, 20, 20)), pictures())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(lambda x: torch.relu(x), torch.rand(2, 6, 18, 18))  # noqa: PLW0108
    model = ImageModel(Formed(lambda x: torch.relu(traced(x))), (3, 20, 20))
    for _ in range(4):  # the compiler takes over after some calls
        with pytest.raises(XaiwidgetsError, match=r"up to layer 'two' passes through a compiled part"):
            shown(GuidedBackprop("two", (1,)), model, pictures())
