import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import photographs
from xaiwidgets.methods import Caricature
from xaiwidgets.methods.feature_analysis._caricature import Exaggerating
from xaiwidgets.models import ImageModel, load_model

WIDGET = "xw.CaricatureViewer(xw.load_model('lenet'), layer='conv2', steps=4000)"


def example():
    """A tiny call for the contract suite."""
    return Caricature("3", steps=4, jitter=2), (image_model("lenet"), photographs(28, channels=1)[:2])


def still(layer, **settings):
    """A method without transforms or prior."""
    return Caricature(layer, **{"jitter": 0, "rotate": 0.0, "scale": 0.0, "total_variation": 0.0, **settings})


def pictures(model, count=2):
    """Smooth images of the model's shape."""
    shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
    coarse = torch.rand((count, shape[0], 5, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return nn.functional.interpolate(coarse, shape[1:], mode="bicubic").clamp(0.05, 0.95).to(model.dtype)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_the_numbers_are_those_of_their_plain_form(power):
    model = image_model("functional_cnn", torch.float64)
    given, net = pictures(model), model.twin
    value = last(Caricature("conv2", steps=5, jitter=2, power=power)(model, given))
    found, wanted = (
        net.conv2(torch.max_pool2d(net.conv1(x).relu(), 2)).detach().numpy() for x in (value.images, given)
    )
    for i in range(2):
        a, t = found[i].reshape(12, -1).T, wanted[i].reshape(12, -1).T
        total = 0.0
        for p in range(len(a)):
            cosine = a[p] @ t[p] / np.linalg.norm(a[p]) / np.linalg.norm(t[p])
            total += a[p] @ t[p] * max(0.1, cosine) ** power
        assert value.objective[i].item() == pytest.approx(total / (t * t).sum(), rel=1e-9)
        similarity = (a * t).sum() / np.linalg.norm(a) / np.linalg.norm(t)
        assert value.similarity[i].item() == pytest.approx(similarity, rel=1e-9)
        assert value.strength[i].item() == pytest.approx((a * t).sum() / (t * t).sum(), rel=1e-9)


@pytest.mark.parametrize("parameterization", ["fourier", "pixel"])
def test_the_image_itself_has_one_of_everything(parameterization):
    model = image_model("resnet")
    value = next(
        iter(still("3", start="image", parameterization=parameterization, steps=1)(model, pictures(model)))
    ).value
    torch.testing.assert_close(value.history[0], torch.ones(2), rtol=1e-3, atol=0)
    torch.testing.assert_close(value.similarity_history[0], torch.ones(2), rtol=1e-3, atol=0)


@pytest.mark.parametrize("start", ["noise", "image"])
def test_the_caricature_of_a_linear_layer_is_the_image_at_its_extremes(start):
    torch.manual_seed(0)
    net = nn.Conv2d(3, 3, 1, bias=False)
    net.weight = nn.Parameter(torch.linalg.qr(torch.randn(3, 3))[0][:, :, None, None])
    model = ImageModel(nn.Sequential(net), (3, 9, 8), ((0.5,) * 3, (0.5,) * 3))
    given = pictures(model)
    method = still("0", start=start, power=0.0, parameterization="pixel", colors="none", steps=300, learning_rate=0.1)
    value = last(method(model, given))
    clear = (given - 0.5).abs() > 0.02
    assert ((value.images > 0.5) == (given > 0.5))[clear].all()
    assert (value.images - 0.5).abs()[clear].min() > 0.48
    assert (value.strength > 1).all()


def test_a_higher_power_keeps_nearer_to_the_image():
    model = image_model("functional_cnn", torch.float64)
    given = pictures(model)
    more, same = (last(still("conv2", power=power, steps=80)(model, given)) for power in (0.0, 6.0))
    assert (same.similarity > more.similarity).all()
    assert (same.strength < more.strength).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_it_works_on_every_kind_of_network(name):
    model = image_model(name)
    given = pictures(model)
    value = last(Caricature(layer_of(name), steps=12, jitter=1)(model, given))
    assert value.images.shape == given.shape
    assert 0 <= value.images.min() <= value.images.max() <= 1
    assert value.history_steps == (0, 1, 2, 4, 8, 12)
    assert torch.equal(value.history[-1], value.objective)
    assert torch.equal(value.similarity_history[-1], value.similarity)
    assert (value.objective > value.history[0]).all()


def test_drawing_and_image_are_moved_alike():
    model = image_model("resnet", torch.float64)
    given = pictures(model)
    method = Caricature("0", start="image", jitter=8, rotate=45.0, scale=0.3)
    drawing = Exaggerating(method, model, given)
    for _ in range(3):
        drawing.draw_transforms(method)
        seen = [drawing.view.moved(images, drawing.matrices, drawing.margins) for images in (given, drawing.images)]
        assert (seen[0] - given).abs().max() > 0.1
        torch.testing.assert_close(*seen, rtol=0, atol=1e-6)
    value = last(method.replace(steps=30, total_variation=0.0)(model, given))
    assert (value.similarity > 0.8).all()
    assert (value.objective > 1).all()


def test_an_image_alone_is_drawn_as_in_a_batch():
    model = image_model("resnet", torch.float64)
    given = pictures(model, 3)
    method = Caricature("3", steps=10)
    batch, alone = last(method(model, given)), last(method(model, given[2:]))
    assert (batch.images[2] - alone.images[0]).abs().max() <= 1e-6


def test_steering_takes_effect_and_replays_to_the_same_images():
    model, given = image_model("resnet"), pictures(image_model("resnet"))
    method = Caricature("3", steps=12)
    steps = method(model, given)
    for step in steps:
        newest = steps.send({"power": 4.0, "jitter": 3}) if step.done == 4 else step
        images = newest.value.images
    assert steps.steering == [(4, {"power": 4.0, "jitter": 3})]
    assert torch.equal(last(method(model, given), steering=steps.steering).images, images)
    assert not torch.equal(last(method(model, given)).images, images)


def test_more_smoothness_gives_smoother_images():
    model = image_model("functional_cnn")
    rough, smooth = (
        last(still("conv2", steps=40, total_variation=weight)(model, pictures(model))).images for weight in (0.0, 300.0)
    )
    assert smooth.diff(dim=-1).square().sum() < 0.5 * rough.diff(dim=-1).square().sum()


def test_micro_batches_yield_the_same_value_at_fractional_progress():
    model = load_model("efficientnet_lite0")
    steps = list(Caricature("_conv_stem", steps=1)(model, photographs()[:6]))
    assert [step.done for step in steps] == pytest.approx([0, 0.5, 0.75, 0.75 + 1 / 6, 1])
    assert steps[1].value is steps[2].value


class Fails(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.conv, self.how = nn.Conv2d(3, 4, 3), how

    def forward(self, x):
        x = self.conv(x)
        return {"zero": x * 0, "nan": x * float("nan"), "flat": x.detach(), "blocked": x.sign()}[self.how]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("zero", "answers image 0 with zeros alone, so that there is nothing to exaggerate"),
        ("nan", "not a finite number for image 0 at step 0; check the weights"),
        ("flat", "does not depend on the image by a gradient"),
        ("blocked", "answers every image near the start alike: there is no gradient to follow"),
    ],
)
def test_a_layer_that_cannot_be_exaggerated_is_refused_in_words(how, words):
    model = ImageModel(Fails(how), (3, 16, 16))
    with pytest.raises(XaiwidgetsError, match=words):
        last(Caricature("", steps=3)(model, pictures(model)))


@pytest.mark.parametrize(
    ("settings", "images", "error", "words"),
    [
        ({"layer": "no"}, torch.rand(1, 1, 28, 28), XaiwidgetsError, "no layer 'no'"),
        ({}, torch.rand(1, 3, 28, 28), XaiwidgetsError, r"images of shape \(1, 3, 28, 28\) were given"),
        ({}, torch.rand(1, 1, 11, 13), XaiwidgetsError, "Images of 11×13 pixels were given, on which Sequential does"),
        ({"start": "grey"}, None, InvalidSettingError, "start='grey' was given; give one of 'noise', 'image'"),
        ({"power": -1.0}, None, InvalidSettingError, "power=-1.0 was given; give a number from 0 to 8"),
    ],
)
def test_bad_input_gets_a_sentence(settings, images, error, words):
    with pytest.raises(error, match=words):
        last(Caricature(**{"layer": "3", "steps": 1, **settings})(image_model("lenet"), images))
