import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import photographs
from xaiwidgets.methods import ActivationMaximization
from xaiwidgets.methods.feature_analysis._comparison import largest_objective
from xaiwidgets.models import ImageModel, Probe, load_model

WIDGET = "xw.FeatureVisualizer(xw.load_model('lenet'), layer='conv2', units=[1, 4], steps=4000)"


def example():
    """A tiny call for the contract suite."""
    method = ActivationMaximization(layer="3", units=(1, 4, 1), steps=5, jitter=2)
    return method, (image_model("lenet"),)


def plain(layer="3", units=(0,), **settings):
    """A method without transforms or penalties."""
    return ActivationMaximization(
        layer=layer, units=units, **{"jitter": 0, "rotate": 0.0, "scale": 0.0, "total_variation": 0.0, **settings}
    )


class Product(nn.Module):
    """One convolution whose kernel covers the image: its activation is ⟨w, x⟩."""

    def __init__(self, weight):
        super().__init__()
        self.conv = nn.Conv2d(weight.shape[1], len(weight), weight.shape[2:], bias=False)
        self.conv.weight = nn.Parameter(weight)

    def forward(self, x):
        return self.conv(x)


@pytest.mark.parametrize("parameterization", ["pixel", "fourier"])
def test_a_planted_answer_is_found(parameterization):
    weight = 0.4 * torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    decay = 2.0
    model = ImageModel(Product(weight), (3, 9, 7))
    method = plain("conv", (0, 1), parameterization=parameterization, l2=decay, steps=1500, learning_rate=0.02)
    expected = 0.5 + weight / (2 * decay)
    free = (expected > 0.05) & (expected < 0.95)
    assert free.all()
    images = last(method(model)).images
    assert (images - expected).abs().max() < 2e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_it_works_on_every_kind_of_network(name):
    model = image_model(name)
    method = ActivationMaximization(layer=layer_of(name), units=(0, 2), steps=12, jitter=1)
    first = next(method(model)).value
    value = last(method(model))
    shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
    assert value.images.shape == (2, *shape)
    assert 0 <= value.images.min() <= value.images.max() <= 1
    assert value.history_steps == (1, 2, 4, 8, 12)
    assert torch.equal(value.history[-1], value.objective)
    assert (value.objective > first.objective).all()
    assert value.alive.all()


def test_the_objective_is_the_networks_own_without_transforms():
    model = image_model("functional_cnn", torch.float64)
    for objective, units in (("channel", (3, 5)), ("neuron", (3, 5)), ("layer", (0,)), ("direction", (0, 1))):
        directions = torch.randn(2, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        method = ActivationMaximization(
            layer="conv2", units=units, objective=objective, directions=directions, steps=4, jitter=2
        )
        value = last(method(model))
        activation = (
            model.module.double()
            .eval()
            .conv2(torch.max_pool2d(torch.relu(model.module.conv1(value.images)), 2))
            .detach()
            .numpy()
        )
        if objective == "channel":
            expected = [activation[i, u].mean() for i, u in enumerate(units)]
        elif objective == "neuron":
            expected = [activation[i, u, 4, 3] for i, u in enumerate(units)]
        elif objective == "layer":
            expected = [(activation[0] ** 2).mean()]
        else:
            expected = []
            for i, unit in enumerate(units):
                v, a = directions[unit].numpy(), activation[i].reshape(12, -1)
                dot, cosine = v @ a, v @ a / (np.linalg.norm(v) * np.linalg.norm(a, axis=0))
                expected.append((dot * np.maximum(0.1, cosine) ** 2).mean())
        np.testing.assert_allclose(value.objective.numpy(), expected, rtol=1e-9)


def test_a_logit_is_one_output_of_the_network():
    model = image_model("lenet")
    value = last(plain("", (7,), objective="logit", steps=8)(model))
    torch.testing.assert_close(value.objective[0], model(value.images)[0, 7], rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_bit_equal_images_and_another_seed_others():
    model = image_model("resnet")
    method = ActivationMaximization(layer="3", units=(1, 2), steps=6)
    assert torch.equal(last(method(model)).images, last(method(model)).images)
    assert not torch.equal(last(method.replace(seed=1)(model)).images, last(method(model)).images)


def test_a_batch_and_single_runs_agree_in_one_step_and_in_double_precision_after_sixteen():
    model, layer = image_model("resnet"), "3"
    batch = next(ActivationMaximization(layer=layer, units=(1, 5), steps=1)(model)).value.images
    single = next(ActivationMaximization(layer=layer, units=(5,), steps=1)(model)).value.images
    assert (batch[1] - single[0]).abs().max() <= 1e-5
    model = image_model("resnet", torch.float64)
    batch = last(ActivationMaximization(layer=layer, units=(1, 5), steps=16)(model)).images
    single = last(ActivationMaximization(layer=layer, units=(5,), steps=16)(model)).images
    assert (batch[1] - single[0]).abs().max() <= 1e-6


def test_on_the_real_network_a_batch_and_single_runs_reach_the_same_objective():
    model = load_model("efficientnet_lite0")
    method = ActivationMaximization(layer="_blocks.5", units=(4, 11), steps=48)
    batch = last(method(model)).objective
    for i, unit in enumerate(method.units):
        assert abs(last(method.replace(units=(unit,))(model)).objective[0] / batch[i] - 1) <= 0.05


def test_a_unit_named_twice_gives_two_images():
    value = last(ActivationMaximization(layer="3", units=(1, 1), steps=4)(image_model("lenet")))
    assert not torch.equal(value.images[0], value.images[1])


def test_micro_batches_yield_the_same_value_at_fractional_progress():
    model = load_model("efficientnet_lite0")
    steps = [
        step
        for step, _ in zip(
            ActivationMaximization(layer="_blocks.0", units=tuple(range(6)), steps=2)(model), range(3), strict=False
        )
    ]
    assert [step.done for step in steps] == [pytest.approx(4 / 6), 1, pytest.approx(1 + 4 / 6)]
    assert torch.equal(steps[1].value.images, steps[2].value.images)


def test_steering_takes_effect_and_replays_to_the_same_images():
    model, method = image_model("resnet"), ActivationMaximization(layer="3", units=(1, 2), steps=12)
    steps = method(model)
    for step in steps:
        newest = steps.send({"total_variation": 0.5, "jitter": 3}) if step.done == 4 else step
        images = newest.value.images
    assert steps.steering == [(4, {"total_variation": 0.5, "jitter": 3})]
    assert torch.equal(last(method(model), steering=steps.steering).images, images)
    assert not torch.equal(last(method(model)).images, images)


def test_more_smoothness_gives_smoother_images():
    model = image_model("functional_cnn")
    rough, smooth = (
        last(plain("conv2", (1,), steps=40, total_variation=weight)(model)).images for weight in (0.0, 0.3)
    )
    assert smooth.diff(dim=-1).square().sum() < 0.5 * rough.diff(dim=-1).square().sum()


def test_diversity_drives_images_of_one_unit_apart():
    model = image_model("functional_cnn", torch.float64)

    def likeness(diversity):
        method = plain("conv2", (1, 1), steps=60, diversity=diversity)
        activation = Probe(model, ["conv2"]).arranged(last(method(model)).images, "conv2")
        first, second = (torch.nn.functional.normalize((a @ a.T).flatten(), dim=0) for a in activation)
        return float(first @ second)

    assert likeness(20.0) < likeness(0.0) - 1e-3


def test_blur_keeps_images_smooth():
    model = image_model("functional_cnn")
    sharp, blurred = (last(plain("conv2", (1,), steps=40, blur=blur)(model)).images for blur in (0.0, 2.0))
    assert blurred.diff(dim=-1).square().sum() < sharp.diff(dim=-1).square().sum()


def test_a_picture_of_another_size_is_seen_as_it_is_or_resized():
    value = last(ActivationMaximization(layer="conv2", units=(1,), steps=2, size=48)(image_model("functional_cnn")))
    assert value.images.shape == (1, 3, 48, 40)
    value = last(
        ActivationMaximization(layer="blocks.1", units=(1,), steps=2, size=48)(image_model("vision_transformer"))
    )
    assert value.images.shape == (1, 3, 48, 48)


class Dead(nn.Module):
    """ReLUs that are shut for a grey image: biases far below zero."""

    def __init__(self, bias, inplace=False):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv, self.act, self.last = nn.Conv2d(3, 8, 5), nn.ReLU(inplace), nn.Conv2d(8, 4, 3)
        with torch.no_grad():
            self.conv.weight.copy_(torch.randn(8, 3, 5, 5, generator=generator) / 4)
            self.conv.bias.fill_(bias)
            self.last.weight.copy_(torch.rand(4, 8, 3, 3, generator=generator))

    def forward(self, x):
        return self.last(self.act(self.conv(x - 0.5)))


@pytest.mark.parametrize("inplace", [False, True])
def test_a_unit_that_starts_dead_is_helped(inplace):
    method = plain("last", (0, 3), steps=40)
    value = last(method(ImageModel(Dead(-0.6, inplace), (3, 16, 16))))
    assert value.alive.all()
    assert (value.objective > value.history[0] + 0.1).all()


def test_a_layer_without_any_gradient_is_an_error_in_words():
    model = image_model("lenet")
    model.module[3].weight.data.zero_()
    model = ImageModel(model.module, (1, 28, 28))
    with pytest.raises(XaiwidgetsError, match="answers every image alike: no unit asked for has a gradient"):
        last(plain("3", (0,), steps=20)(model))


def test_maco_keeps_the_magnitudes_and_marks_what_matters():
    model, images = image_model("resnet"), photographs(32)
    value = last(plain("3", (1, 2), parameterization="maco", colors="none", steps=10)(model, images))
    assert value.transparency.shape == value.images.shape
    assert value.transparency.min() >= 0
    wanted = torch.fft.rfft2(images.double()).abs().mean(0)
    logits = torch.logit(value.images.double().clamp(1e-6, 1 - 1e-6))
    found = torch.fft.rfft2(logits).abs()[:, :, 1:16, 1:16]  # away from the zero and the Nyquist frequency
    ratio = found / wanted[:, 1:16, 1:16]
    assert (ratio / ratio.mean((1, 2, 3), keepdim=True) - 1).abs().max() < 0.02


def test_colours_are_those_of_the_images_on_request():
    model, images = image_model("resnet"), photographs(32)
    images[:, 1:] = 0.5  # nothing but red varies
    value = last(plain("3", (1,), colors="images", steps=6)(model, images)).images
    assert value[:, 0].std() > 20 * value[:, 1:].sub(value[:, 1:].mean((2, 3), keepdim=True)).abs().max()
    with pytest.raises(InvalidSettingError, match="no images were given"):
        last(plain("3", (1,), colors="images", steps=1)(model))


def test_most_units_exceed_what_real_photographs_give():
    model = load_model("efficientnet_lite0")
    units = tuple(np.random.default_rng(0).choice(112, 16, replace=False).tolist())
    method = ActivationMaximization(layer="_blocks.8", units=units, steps=64, seed=0)
    largest = last(largest_objective(method, model, photographs()))
    share = (last(method(model)).objective > largest).float().mean().item()
    assert share >= 0.9


def test_the_null_level_is_the_largest_mean_activation():
    model, images = load_model("efficientnet_lite0"), photographs()
    method = ActivationMaximization(layer="_blocks.2", units=(3, 7))
    activation = Probe(model, ["_blocks.2"]).read(images)["_blocks.2"]
    torch.testing.assert_close(last(largest_objective(method, model, images)), activation.mean(2).amax(0)[[3, 7]])


def test_the_middle_neuron_is_that_of_the_picture_not_of_the_models_usual_size():
    net = nn.Conv2d(3, 2, 1, bias=False)
    model = ImageModel(nn.Sequential(net), (3, 32, 32))
    method = plain("0", (1,), objective="neuron", size=64, steps=30, parameterization="pixel")
    image = last(method(model)).images[0]
    changed = (image - 0.5).abs().sum(0)
    assert (changed == changed.amax()).nonzero().tolist() == [[32, 32]]


@pytest.mark.parametrize("features", [20, 300])
def test_plain_vectors_of_any_length_work(features):
    model = ImageModel(nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, 3)), (features,))
    value = last(ActivationMaximization(layer="2", units=(0, 2), steps=12)(model))
    assert value.images.shape == (2, 1, 1, features)
    assert (value.objective > value.history[0]).all()


def test_wide_images_work():
    model = ImageModel(nn.Sequential(nn.Conv2d(1, 4, 3)), (1, 8, 128))
    assert last(ActivationMaximization(layer="0", units=(1,), steps=6)(model)).images.shape == (1, 1, 8, 128)


def test_help_for_a_dead_image_leaves_the_others_alone():
    first, last_one = nn.Conv2d(3, 2, 3), nn.Conv2d(2, 3, 1, bias=False)
    with torch.no_grad():
        first.bias.copy_(torch.tensor([1.0, -9.0]))  # one branch is open, the other shut
        last_one.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]])[:, :, None, None])
    model = ImageModel(nn.Sequential(first, nn.ReLU(), last_one).double(), (3, 12, 12))
    both = next(plain("2", (1, 2), steps=1)(model)).value  # unit 1 is dead, unit 2 only half of it
    alone = next(plain("2", (2,), steps=1)(model)).value
    assert both.alive.all()
    assert (both.images[1] - alone.images[0]).abs().max() <= 1e-9
