import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch import nn

from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet, photographs
from xaiwidgets.methods import Inversion
from xaiwidgets.methods.feature_analysis import _penalties
from xaiwidgets.methods.feature_analysis._descent import Descent
from xaiwidgets.methods.feature_analysis._drawing import encoded
from xaiwidgets.methods.feature_analysis._sweep import inversion_sweep, layers_by_depth
from xaiwidgets.models import ImageModel, load_model

SHEET = torch.tensor([[[[0.0, 1, 3], [2, 5, 4], [1, 0, 2]]]], dtype=torch.float64)


WIDGET = "xw.Inverter(xw.load_model('lenet'), layer='conv2', steps=4000)"


def example():
    """A tiny call for the contract suite."""
    return Inversion("3", steps=4), (image_model("lenet"), photographs(28, channels=1)[:3])


def pictures(model, count=2):
    """Smooth images of the model's shape."""
    shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
    coarse = torch.rand((count, shape[0], 5, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    images = nn.functional.interpolate(coarse, shape[1:], mode="bicubic").clamp(0.05, 0.95)
    return images.to(model.dtype)


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


@pytest.mark.parametrize("parameterization", ["fourier", "pixel"])
def test_a_layer_that_keeps_everything_gives_the_image_back(parameterization):
    torch.manual_seed(0)
    net = nn.Conv2d(3, 3, 1)
    net.weight = nn.Parameter(torch.linalg.qr(torch.randn(3, 3))[0][:, :, None, None])
    model = ImageModel(nn.Sequential(net), (3, 9, 8))
    given = 0.2 + 0.6 * pictures(model)
    free = {"total_variation": 0.0, "alpha_weight": 0.0}
    value = last(Inversion("0", parameterization=parameterization, steps=300, learning_rate=0.1, **free)(model, given))
    assert (value.images - given).abs().max() < 1e-4
    assert value.feature_error.max() < 1e-6


def test_what_a_layer_drops_is_not_reconstructed():
    net = nn.Conv2d(3, 1, 1, bias=False)
    net.weight = nn.Parameter(torch.tensor([1.0, 0, 0])[None, :, None, None])
    model = ImageModel(nn.Sequential(net), (3, 9, 8))
    given = pictures(model)
    value = last(Inversion("0", colors="none", steps=200, total_variation=0.0)(model, given))
    distance_of_channels = (value.images - given).square().mean((0, 2, 3)).sqrt()
    assert distance_of_channels[0] < 0.01
    assert (distance_of_channels[1:] > 0.1).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_it_works_on_every_kind_of_network(name):
    model = image_model(name)
    given = pictures(model)
    value = last(Inversion(layer_of(name), steps=12)(model, given))
    assert value.images.shape == given.shape
    assert 0 <= value.images.min() <= value.images.max() <= 1
    assert value.history_steps == (0, 1, 2, 4, 8, 12)
    assert torch.equal(value.history[-1], value.feature_error)
    assert torch.equal(value.image_history[-1], value.image_error)
    assert torch.equal(value.loss_history[-1], value.loss)
    assert (value.loss < value.loss_history[0]).all()


def test_the_errors_belong_to_the_images_that_come_with_them_at_every_step():
    model = image_model("lenet", torch.float64)
    given = pictures(model, 3)
    wanted = model.twin[:4](model.normalized(given)).flatten(1).detach().numpy()
    pairs = distance.pdist(wanted)
    for step in Inversion("3", steps=5)(model, given):
        value = step.value
        if not value.history_steps:
            continue
        found = model.twin[:4](model.normalized(value.images)).flatten(1).detach().numpy()
        squares = ((found - wanted) ** 2).sum(1)
        np.testing.assert_allclose(value.feature_error, squares / (wanted**2).sum(1), rtol=1e-9)
        np.testing.assert_allclose(value.feature_error_pairs, squares / (pairs**2).mean(), rtol=1e-9)
        np.testing.assert_allclose(value.feature_distance_pairs, np.sqrt(squares) / pairs.mean(), rtol=1e-9)
        rms = (value.images - given).square().mean((1, 2, 3)).sqrt()
        np.testing.assert_allclose(value.image_error, rms, rtol=1e-9)


def test_pairs_are_those_of_the_images_and_of_train_and_none_is_no_yardstick():
    model = image_model("lenet", torch.float64)
    given, train = pictures(model, 1), photographs(28, channels=1).double()
    alone = last(Inversion("3", steps=2)(model, given))
    assert alone.feature_error_pairs.isnan().all()
    assert alone.feature_distance_pairs.isnan().all()
    value = last(Inversion("3", steps=2)(model, given, ImageSet(train)))
    assert torch.equal(value.feature_error, alone.feature_error)
    features = model.twin[:4](model.normalized(torch.cat([given, train]))).flatten(1).detach()
    squares = (value.feature_distance_pairs * distance.pdist(features.numpy()).mean()) ** 2
    torch.testing.assert_close(squares, value.feature_error * features[:1].square().sum(1), rtol=1e-5, atol=0)
    twice = last(Inversion("3", steps=2)(model, given.repeat(2, 1, 1, 1)))
    assert twice.feature_error_pairs.isnan().all()


def test_several_starts_are_those_of_a_run_with_fewer_and_the_best_is_shown():
    model = image_model("resnet", torch.float64)
    given = pictures(model)
    one, three = (Descent(Inversion("3", starts=starts), model, given) for starts in (1, 3))
    assert torch.equal(three.free[:2], one.free)
    assert not torch.equal(three.free[2:4], one.free)
    one, three = (last(Inversion("3", starts=starts, steps=12)(model, given)) for starts in (1, 3))
    assert (three.loss <= one.loss + 1e-9).all()
    kept = three.start == 0
    torch.testing.assert_close(three.images[kept], one.images[kept], rtol=0, atol=1e-6)


def test_an_image_alone_is_drawn_as_in_a_batch():
    model = image_model("resnet", torch.float64)
    given = pictures(model, 3)
    method = Inversion("3", steps=10)
    batch, alone = last(method(model, given)), last(method(model, given[2:]))
    assert (batch.images[2] - alone.images[0]).abs().max() <= 1e-6


def test_free_numbers_of_an_image_give_it_back():
    model = image_model("resnet")
    given = pictures(model)
    for parameterization in ("fourier", "pixel"):
        of = Descent(Inversion("3", parameterization=parameterization), model, given).parameterization
        torch.testing.assert_close(of.decode(encoded(of, given)), given, rtol=0, atol=1e-5)


def test_micro_batches_yield_the_same_value_at_fractional_progress():
    model = load_model("efficientnet_lite0")
    steps = list(Inversion("_conv_stem", steps=2, starts=1)(model, photographs()[:6]))
    assert [step.done for step in steps] == pytest.approx([0, 0, 4 / 6, 1, 1 + 0.5, 1.75, 1.75 + 1 / 6, 2])
    assert steps[0].value.feature_error.isnan().all()
    assert steps[3].value is steps[4].value


def test_steering_takes_effect_and_replays_to_the_same_images():
    model, given = image_model("resnet"), pictures(image_model("resnet"))
    method = Inversion("3", steps=12)
    steps = method(model, given)
    for step in steps:
        newest = steps.send({"total_variation": 50.0, "alpha_weight": 2.0}) if step.done == 4 else step
        images = newest.value.images
    assert steps.steering == [(4, {"total_variation": 50.0, "alpha_weight": 2.0})]
    assert torch.equal(last(method(model, given), steering=steps.steering).images, images)
    assert not torch.equal(last(method(model, given)).images, images)


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


def test_a_shallow_layer_of_the_real_network_gives_the_photograph_back():
    given = photographs()[[3]]
    value = last(Inversion("_blocks.0", steps=80, starts=1)(load_model("efficientnet_lite0"), given))
    assert value.feature_error < 0.2
    assert value.image_error < 0.12
    likeness = torch.corrcoef(torch.stack([value.images.mean(1).flatten(), given.mean(1).flatten()]))[0, 1]
    assert likeness > 0.95


class Fails(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.conv, self.how = nn.Conv2d(3, 4, 3), how

    def forward(self, x):
        x = self.conv(x)
        return {"zero": x * 0, "nan": x * float("nan"), "flat": x.detach().round(), "blocked": x.round()}[self.how]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("zero", "answers image 0 with zeros alone, so that there is nothing to invert"),
        ("nan", "not a finite number for image 0 at step 0; check the weights"),
        ("flat", "does not depend on the image by a gradient"),
        ("blocked", "answers every image near the start alike: there is no gradient to follow"),
    ],
)
def test_a_layer_that_cannot_be_inverted_is_refused_in_words(how, words):
    model = ImageModel(Fails(how), (3, 16, 16))
    with pytest.raises(XaiwidgetsError, match=words):
        last(Inversion("", steps=3)(model, 4 * pictures(model).clamp(max=0.25)))


@pytest.mark.parametrize(
    ("settings", "images", "error", "words"),
    [
        ({"layer": "no"}, torch.rand(1, 1, 28, 28), XaiwidgetsError, "no layer 'no'"),
        ({}, torch.rand(1, 3, 28, 28), XaiwidgetsError, r"images of shape \(1, 3, 28, 28\) were given"),
        ({}, 9 * torch.rand(1, 1, 28, 28), XaiwidgetsError, r"values in \[0, 1\]"),
        ({}, torch.rand(1, 1, 11, 13), XaiwidgetsError, "Images of 11×13 pixels were given, on which Sequential does"),
        ({"starts": 0}, None, InvalidSettingError, "starts=0 was given; give a whole number from 1 to 16"),
        ({"beta": 0.5}, None, InvalidSettingError, "beta=0.5 was given; give a number from 1 to 3"),
    ],
)
def test_bad_input_gets_a_sentence(settings, images, error, words):
    with pytest.raises(error, match=words):
        last(Inversion(**{"layer": "3", "steps": 1, **settings})(image_model("lenet"), images))


def test_other_images_of_another_size_are_refused_as_a_yardstick():
    model = image_model("functional_cnn")
    with pytest.raises(XaiwidgetsError, match="Images of 30×30 pixels were given as train, beside images of 24×20"):
        last(Inversion("conv2", steps=1)(model, pictures(model), torch.rand(2, 3, 30, 30)))


def test_images_of_another_size_are_inverted_at_that_size():
    model = image_model("functional_cnn")
    value = last(Inversion("conv2", steps=3)(model, torch.rand(2, 3, 31, 26)))
    assert value.images.shape == (2, 3, 31, 26)


def test_the_main_layers_come_in_order_of_depth():
    model = load_model("efficientnet_lite0")
    names = layers_by_depth(model)
    assert names[0] == "_conv_stem"
    assert names[-1] == "_fc"
    assert [name for name in names if name.startswith("_blocks")] == [f"_blocks.{i}" for i in range(16)]
    orders = [model.layers()[name].order for name in layers_by_depth(model, 12)]
    assert orders == sorted(set(orders))
    assert len(orders) == 12
    assert layers_by_depth(image_model("vision_transformer")) == ("patches", "blocks.0", "blocks.1", "head")
    assert layers_by_depth(nn.Linear(8, 3)) == ("",)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_main_layers_that_can_be_read(name):
    model = image_model(name)
    assert all(model.layer(layer).units for layer in layers_by_depth(model, 5))


def test_a_sweep_is_one_inversion_after_another():
    model, given = image_model("lenet"), photographs(28, channels=1)[:2]
    settings, layers = Inversion("0", steps=3, starts=1), ("0", "3", "9")
    steps = list(inversion_sweep(settings, model, given, layers))
    shares = [step.progress for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert steps[0].value.feature_error.isnan().all()
    middle = next(step.value for step in steps if step.done == 4)
    assert middle.feature_error.isnan().tolist() == [False, False, True]
    assert len(middle.images) == 2
    for place, layer in enumerate(layers):
        single = last(settings.replace(layer=layer)(model, given))
        curve = steps[-1].value
        assert torch.equal(curve.images[place], single.images)
        for error in ("feature_error", "feature_error_pairs", "feature_distance_pairs", "image_error"):
            assert torch.equal(getattr(curve, error)[place], getattr(single, error).mean())


def test_a_sweep_can_be_steered_and_keeps_what_it_was_told():
    model, given = image_model("lenet"), photographs(28, channels=1)[:2]
    steps = inversion_sweep(Inversion("0", steps=4, starts=1), model, given, ("0", "3"))
    next(steps)
    steps.send({"total_variation": 90.0})
    end = list(steps)[-1]
    expected = last(Inversion("3", steps=4, starts=1, total_variation=90.0)(model, given))
    assert torch.equal(end.value.images[1], expected.images)


def test_a_sweep_refuses_before_it_begins():
    model, given = image_model("lenet"), photographs(28, channels=1)[:1]
    for layers, words in (((), "No layers were named"), (("0", "no"), "no layer 'no'")):
        with pytest.raises(XaiwidgetsError, match=words):
            next(inversion_sweep(Inversion("0"), model, given, layers))
