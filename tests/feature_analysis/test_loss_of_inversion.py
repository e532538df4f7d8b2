"""The loss that an inversion descends, its gradient written by hand, and the weight of each prior in it."""

import pytest
import torch
from torch import nn

from tests.feature_analysis.inverted import pictures
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.methods import Inversion
from xaiwidgets.methods.feature_analysis import _penalties
from xaiwidgets.methods.feature_analysis._descent import Descent
from xaiwidgets.models import ImageModel

SHEET = torch.tensor([[[[0.0, 1, 3], [2, 5, 4], [1, 0, 2]]]], dtype=torch.float64)


def descent_of(method, model, given):
    descent = Descent(method, model, given)
    list(descent.look(None))
    return descent


def plain_loss(x, x0, features, method):
    """The loss as the docstring has it, slow and in double precision."""
    error = (features(x) - features(x0)).square().sum() / features(x0).square().sum()
    alpha = (2 * x - 1).abs().pow(method.alpha).mean()
    down = torch.cat([x[:, 1:] - x[:, :-1], torch.zeros_like(x[:, :1])], 1)
    right = torch.cat([x[:, :, 1:] - x[:, :, :-1], torch.zeros_like(x[:, :, :1])], 2)
    variation = (down.square() + right.square() + 1e-300).pow(method.beta / 2).mean()
    return error + method.alpha_weight * alpha + method.total_variation * variation


def test_total_variation_has_the_published_values_and_so_does_what_comes_with_the_gradient():
    for beta, expected in ((2.0, 71), (1.0, 20.9695)):
        assert _penalties.total_variation(SHEET, beta).item() == pytest.approx(expected, abs=1e-4)
        assert _penalties.total_variation_and_gradient(SHEET, beta)[0].item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0, 2.7, 6.0])
@pytest.mark.parametrize("penalty", ["total_variation_and_gradient", "alpha_norm_and_gradient"])
def test_the_written_gradients_are_those_of_finite_differences(penalty, exponent):
    function = getattr(_penalties, penalty)
    exponent = max(2.0, exponent) if penalty.startswith("alpha") else exponent
    images = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = function(images, exponent)[1]
    step, numeric = 1e-5, torch.zeros_like(images)
    for place in range(images[0].numel()):
        moved = torch.zeros_like(images).flatten(1)
        moved[:, place] = step
        moved = moved.view_as(images)
        higher, lower = (function(images + sign * moved, exponent)[0] for sign in (1, -1))
        numeric.flatten(1)[:, place] = (higher - lower) / (2 * step)
    assert (found - numeric).abs().max() <= 1e-6 * numeric.abs().max()


def test_a_flat_image_has_no_gradient_of_total_variation():
    for beta in (1.0, 1.5, 2.0):
        assert not _penalties.total_variation_and_gradient(torch.full((1, 3, 4, 4), 0.3), beta)[1].any()


@pytest.mark.parametrize(("alpha", "beta"), [(6.0, 2.0), (3.0, 1.5)])
def test_the_gradient_of_the_loss_is_that_of_its_plain_form(alpha, beta):
    model = image_model("functional_cnn", torch.float64)
    method = Inversion("conv2", starts=2, alpha=alpha, beta=beta, alpha_weight=0.7, total_variation=3.0)
    given = pictures(model)
    descent = descent_of(method, model, given)
    list(descent.gradients(method))
    net = model.twin
    for row in range(4):
        x = descent.images[row].detach().clone().requires_grad_()
        loss = plain_loss(
            x, given[row % 2], lambda y: net.conv2(torch.max_pool2d(net.conv1(y[None]).relu(), 2)), method
        )
        (expected,) = torch.autograd.grad(loss, x)
        assert (descent.push[row] - expected).norm() <= 1e-6 * expected.norm()
        assert descent.errors[2, row].item() == pytest.approx(loss.item(), rel=1e-9)


def test_the_data_term_is_exactly_zero_for_the_image_itself_and_one_where_the_layer_is_silent():
    torch.manual_seed(0)
    model = ImageModel(nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.ReLU()), (3, 12, 12))
    method, given = Inversion("1", starts=1), pictures(model)
    for images, expected in ((given, 0), (torch.zeros_like(given), 1)):
        descent = descent_of(method, model, given)
        descent.images = images
        list(descent.evaluate(method))
        assert descent.value.feature_error.tolist() == [expected, expected]


@pytest.mark.parametrize("prior", ["total_variation", "alpha_weight"])
def test_a_heavier_prior_is_better_kept(prior):
    model = image_model("functional_cnn")
    given = pictures(model)
    measure = {
        "total_variation": lambda x: _penalties.total_variation(x).sum(),
        "alpha_weight": lambda x: _penalties.alpha_norm_and_gradient(x)[0].sum(),
    }[prior]
    loose, tight = (last(Inversion("conv2", steps=60, **{prior: w})(model, given)).images for w in (0.0, 50.0))
    assert measure(tight) < 0.5 * measure(loose)
