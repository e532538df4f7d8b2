"""An inversion's images and errors on every network, at every step, in any batch, and what it refuses."""

import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch import nn

from tests.feature_analysis.inverted import pictures
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet, photographs
from xaiwidgets.methods import Inversion
from xaiwidgets.methods.feature_analysis._descent import Descent
from xaiwidgets.methods.feature_analysis._drawing import encoded
from xaiwidgets.models import ImageModel, load_model

WIDGET = "xw.Inverter(xw.load_model('lenet'), layer='conv2', steps=4000)"


def example():
    """A tiny call for the contract suite."""
    return Inversion("3", steps=4), (image_model("lenet"), photographs(28, channels=1)[:3])


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
