import json

import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ImageSet, fashion_mnist_small
from xaiwidgets.methods import Inversion, LearnedInversion
from xaiwidgets.methods.feature_analysis._decoder import Plan
from xaiwidgets.methods.feature_analysis._decoder_training import Training
from xaiwidgets.models import ImageModel, Probe, load_model

WIDGET = "xw.LearnedInverter(xw.load_model('lenet'), layer='conv2', steps=4000)"


def noise(count, *shape, seed=0, dtype=torch.float32):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def example():
    """A tiny call for the contract suite."""
    method = LearnedInversion("9", steps=3, batch=4)
    return method, (image_model("lenet"), noise(6, 1, 28, 28), noise(2, 1, 28, 28, seed=1))


def slope(x):
    return np.where(x > 0, x, 0.3 * x)


def plain_convolution(x, weight, bias):
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.empty((len(weight), *x.shape[1:]))
    for o in range(len(weight)):
        for r in range(x.shape[1]):
            for c in range(x.shape[2]):
                out[o, r, c] = (padded[:, r : r + 3, c : c + 3] * weight[o]).sum() + bias[o]
    return out


def plain_up_convolution(x, weight, bias, height, width):
    """Each pixel spreads a patch of 4×4, two pixels apart; a border of one is cut off."""
    full = np.zeros((weight.shape[1], 2 * x.shape[1] + 2, 2 * x.shape[2] + 2))
    for r in range(x.shape[1]):
        for c in range(x.shape[2]):
            full[:, 2 * r : 2 * r + 4, 2 * c : 2 * c + 4] += np.einsum("i,ioyx->oyx", x[:, r, c], weight)
    return full[:, 1 : 1 + height, 1 : 1 + width] + bias[:, None, None]


@pytest.mark.parametrize("features", [(5,), (6, 4, 3)])
def test_the_decoder_written_out(features):
    plan = Plan(features=features, image=(2, 9, 7))
    weights = plan.start(torch.Generator().manual_seed(0))
    weights = {name: (w + 0.05 * noise(*w.shape, seed=3)).double() for name, w in weights.items()}
    given = noise(2, *features, seed=5, dtype=torch.float64) - 0.5
    found = plan.decode(weights, given)
    w = {name: weight.numpy() for name, weight in weights.items()}
    for image, x in zip(found, given.numpy(), strict=True):
        if len(features) == 1:
            for name in ("in1", "in2", "in3"):
                x = slope(w[name] @ x + w[f"{name}.bias"])  # noqa: PLW2901 - layer by layer
            x = x.reshape(plan.channels[0], *plan.sides[0])  # noqa: PLW2901
        else:
            for name in ("in1", "in2"):
                x = slope(plain_convolution(x, w[name], w[f"{name}.bias"]))  # noqa: PLW2901
            assert plan.sides[0] != x.shape[1:]
            x = nn.functional.interpolate(torch.tensor(x)[None], plan.sides[0], mode="bilinear")[0].numpy()  # noqa: PLW2901
        for i, side in enumerate(plan.sides[1:], 1):
            x = slope(plain_up_convolution(x, w[f"up{i}"], w[f"up{i}.bias"], *side))  # noqa: PLW2901
        logits = plain_convolution(x, w["out"], w["out.bias"])
        np.testing.assert_allclose(image.numpy(), 1 / (1 + np.exp(-logits)), rtol=1e-10)


@pytest.mark.parametrize(
    ("features", "image", "sides", "channels"),
    [
        ((10,), (1, 28, 28), [7, 14, 28], [64, 32, 16]),
        ((1000,), (3, 224, 224), [7, 14, 28, 56, 112, 224], [256, 128, 64, 32, 16, 16]),
        ((16, 5, 5), (1, 28, 28), [7, 14, 28], [64, 32, 16]),
        ((6, 28, 28), (1, 28, 28), [28], [32]),
        ((8, 1, 2), (3, 3, 3), [2, 3], [32, 16]),
    ],
)
def test_the_decoder_is_as_large_as_the_layer_and_the_image_ask_for(features, image, sides, channels):
    plan = Plan(features=features, image=image)
    assert [side[0] for side in plan.sides] == sides
    assert plan.channels == channels


def test_training_is_what_torchs_own_layers_and_adam_do():
    model = image_model("mlp", torch.float64)
    train, images = noise(20, 1, 8, 8, dtype=torch.float64), noise(3, 1, 8, 8, seed=2, dtype=torch.float64)
    settings = LearnedInversion("0", steps=6, batch=8, learning_rate=3e-3)
    training = Training(settings, model, train, images)
    training.batches.size = 3  # a batch in three parts
    start = training._weights(training.free.clone())
    net = nn.Sequential(
        *(nn.Linear(32, 128), nn.LeakyReLU(0.3), nn.Linear(128, 128), nn.LeakyReLU(0.3)),
        *(nn.Linear(128, 512), nn.LeakyReLU(0.3), nn.Unflatten(1, (32, 4, 4))),
        *(nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.LeakyReLU(0.3)),
        *(nn.Conv2d(16, 1, 3, padding=1), nn.Sigmoid()),
    ).double()
    net.load_state_dict(dict(zip(net.state_dict(), start.values(), strict=True)))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    weight, bias = model.module[0].weight.detach(), model.module[0].bias.detach()
    features = train.flatten(1) @ weight.T + bias
    features = (features - features.mean(0)) / features.std(0, correction=0)
    for _ in range(6):
        training.draw()
        assert list(training.gradients()) == [pytest.approx(3 / 8), pytest.approx(6 / 8), 1]
        training.descend(3e-3)
        loss = (net(features[training.rows]) - train[training.rows]).square().mean()
        assert training.losses[-1].item() == pytest.approx(loss.item(), rel=1e-9)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for found, expected in zip(training._weights(training.free).values(), net.parameters(), strict=True):
        torch.testing.assert_close(found, expected.detach(), rtol=1e-7, atol=1e-9)
    held_out = model.module[0](images.flatten(1)).detach()
    all_features = train.flatten(1) @ weight.T + bias
    decoded = net((held_out - all_features.mean(0)) / all_features.std(0, correction=0))
    value = training.evaluate()
    torch.testing.assert_close(value.images, decoded.detach())
    errors = (decoded - images).flatten(1).detach().numpy()
    np.testing.assert_allclose(value.image_error.numpy(), np.sqrt((errors**2).mean(1)))
    np.testing.assert_allclose(value.held_out_error.numpy(), [(errors**2).mean()])
    mean = (train.mean(0) - images).flatten(1).numpy()
    np.testing.assert_allclose(value.mean_error.numpy(), np.sqrt((mean**2).mean(1)))


def test_a_layer_that_keeps_nothing_leaves_the_mean_of_the_training_images():
    blind = nn.Linear(64, 4)
    nn.init.zeros_(blind.weight)
    model = ImageModel(nn.Sequential(nn.Flatten(), blind), (1, 8, 8))
    train = noise(40, 1, 8, 8).mul(0.3)
    train[:, :, 2:5, 3:7] += 0.6
    value = last(LearnedInversion("1", steps=300, learning_rate=3e-3)(model, train, train[:3]))
    assert (value.images[0] - value.images[1]).abs().max() < 1e-6
    assert (value.images[0] - train.mean(0)).abs().mean() < 0.03
    torch.testing.assert_close(value.image_error, value.mean_error, rtol=0.05, atol=0)


def test_a_layer_that_keeps_everything_leaves_the_image():
    torch.manual_seed(0)
    mixing = nn.Linear(64, 64, bias=False)
    nn.init.orthogonal_(mixing.weight)
    model = ImageModel(nn.Sequential(mixing, nn.Tanh()), (64,))
    corners = torch.nn.functional.interpolate(noise(600, 1, 3, 3), (8, 8), mode="bilinear")
    value = last(LearnedInversion("0", steps=500, learning_rate=2e-3)(model, corners[8:], corners[:8]))
    assert value.image_error.mean() < 0.35 * value.mean_error.mean()


@pytest.fixture(scope="module")
def fashion():
    return load_model("lenet"), fashion_mnist_small("train"), fashion_mnist_small("test").batch(range(0, 1000, 125))


def test_it_beats_optimisation_at_the_deepest_layer(fashion):
    model, train, images = fashion
    learned = last(LearnedInversion("", steps=64)(model, train, images))
    optimised = last(Inversion("", steps=100, starts=1)(model, images))
    assert learned.image_error.mean() < 0.6 * optimised.image_error.mean()
    assert learned.image_error.mean() < 0.7 * learned.mean_error.mean()
    assert (learned.image_error < optimised.image_error).all()


def test_a_deeper_layer_keeps_less(fashion):
    model, train, images = fashion
    errors = [
        last(LearnedInversion(layer, steps=48)(model, train, images)).image_error.mean() for layer in ("conv1", "fc3")
    ]
    assert errors[0] < 0.7 * errors[1]


def test_the_error_falls_and_is_noted(fashion):
    model, train, images = fashion
    steps = list(LearnedInversion("fc1", steps=40, every=10)(model, train, images))
    value = steps[-1].value
    assert value.history_steps == (0, 1, 2, 4, 8, 10, 16, 20, 30, 40)
    assert value.loss.isfinite().all()
    assert value.held_out_error[-1] < 0.5 * value.held_out_error[0]
    assert value.held_out_error[-1] == pytest.approx(value.image_error.square().mean().item(), rel=1e-5)
    assert steps[0].done == 0
    assert len(steps[0].value.loss) == 1
    assert steps[3].value is steps[2].value  # nothing new was made after step 3


def test_a_large_batch_is_cut_and_the_first_answer_comes_at_once():
    model = load_model("efficientnet_lite0")
    images = noise(4, 3, 224, 224)
    steps = list(LearnedInversion("_blocks.1", steps=1, batch=4)(model, images, images[:1]))
    assert [step.done for step in steps] == [0, 0.5, 1]


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "efficientnet_lite0"])
def test_it_works_on_every_kind_of_network(name):
    model = image_model(name)
    shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
    for layer in (layer_of(name), ""):
        train, images = 0.3 * noise(8, *shape), 0.3 * noise(2, *shape, seed=1)
        value = last(LearnedInversion(layer, steps=12, batch=4)(model, train, images))
        assert value.images.shape == (2, *shape)
        assert 0 <= value.images.min() <= value.images.max() <= 1
        assert value.held_out_error[-1] < value.held_out_error[0]


def test_sets_and_tensors_give_the_same_and_the_seed_another():
    model, train, images = image_model("lenet"), noise(9, 1, 28, 28), noise(2, 1, 28, 28, seed=1)
    method = LearnedInversion("3", steps=2, batch=4)
    found = last(method(model, train, images)).images
    assert torch.equal(found, last(method(model, ImageSet(train), ImageSet(images))).images)
    assert not torch.equal(found, last(method.replace(seed=1)(model, train, images)).images)


@pytest.fixture
def trained():
    model = image_model("functional_cnn")
    train, images = noise(9, 3, 24, 20), noise(2, 3, 24, 20, seed=1)
    return model, images, last(LearnedInversion("conv2", steps=2, batch=4)(model, train, images))


def test_the_decoder_takes_images_and_features(trained):
    model, images, value = trained
    assert torch.equal(value.decoder(images), value.images)
    features = Probe(model, ["conv2"]).arranged(images, "conv2")
    torch.testing.assert_close(value.decoder(features), value.images)
    assert value.decoder.steps == 2
    assert not value.decoder(images).requires_grad


def test_a_saved_decoder_is_the_same_when_it_is_loaded(trained, tmp_path):
    _, images, value = trained
    path = tmp_path / "decoder.safetensors"
    value.decoder.save(path)
    again = LearnedInversion.load(path, image_model("functional_cnn"), "conv2")
    assert torch.equal(again(images), value.images)
    assert again.settings == "LearnedInversion(layer='conv2', steps=2, batch=4, seed=0)"
    assert again.steps == 2
    header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
    assert header["__metadata__"]["format"] == "xaiwidgets decoder 1"


def test_another_network_layer_or_file_is_refused(trained, tmp_path):
    model, _, value = trained
    path = tmp_path / "decoder.safetensors"
    value.decoder.save(path)
    with pytest.raises(XaiwidgetsError, match="holds a decoder of layer 'conv2', not of 'conv1'"):
        LearnedInversion.load(path, model, "conv1")
    other = image_model("functional_cnn")
    with torch.no_grad():
        other.module.head.bias[0] += 1
    with pytest.raises(
        XaiwidgetsError, match="of a network with other weights than FunctionalCNN; give the network that"
    ):
        LearnedInversion.load(path, other)
    content = path.read_bytes()
    longer = content.replace(b'\\"features\\": [12, ', b'\\"features\\": [13, ')
    assert longer != content
    (tmp_path / "shape.safetensors").write_bytes(longer)
    with pytest.raises(
        XaiwidgetsError, match=r"decodes features of shape \(13, 9, 7\); layer 'conv2' .* has \(12, 9, 7\)"
    ):
        LearnedInversion.load(tmp_path / "shape.safetensors", model)
    for wrong in (content[:-4000], b"no such thing", b""):
        (tmp_path / "damaged.safetensors").write_bytes(wrong)
        with pytest.raises(XaiwidgetsError, match="is damaged or no file of a decoder"):
            LearnedInversion.load(tmp_path / "damaged.safetensors", model)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, str(tmp_path / "foreign.safetensors"))
    with pytest.raises(XaiwidgetsError, match="holds no decoder of xaiwidgets"):
        LearnedInversion.load(tmp_path / "foreign.safetensors", model)
    with pytest.raises(XaiwidgetsError, match="There is no file"):
        LearnedInversion.load(tmp_path / "missing.safetensors", model)


def test_images_that_do_not_fit_are_refused():
    model, train = image_model("lenet"), noise(5, 1, 28, 28)
    method = LearnedInversion("3", steps=1)
    with pytest.raises(XaiwidgetsError, match="Images of 20×20 pixels were given, on which Sequential does not run"):
        next(method(model, noise(5, 1, 20, 20), train))
    with pytest.raises(XaiwidgetsError, match=r"give a tensor \(image, 1, height, width\)"):
        next(method(model, noise(5, 3, 28, 28), train))
    model = image_model("functional_cnn")
    with pytest.raises(XaiwidgetsError, match=r"images of shape \(3, 24, 20\) were given with training images of"):
        next(LearnedInversion("conv2", steps=1)(model, noise(5, 3, 28, 28), noise(2, 3, 24, 20)))


def test_a_rate_that_is_too_high_for_finite_numbers_is_an_error_in_words():
    model, train = image_model("functional_cnn"), noise(9, 3, 24, 20)
    training = Training(LearnedInversion("conv2", steps=3), model, train, train[:2])
    training.free[:] = torch.nan
    with pytest.raises(XaiwidgetsError, match="not a finite number at step 0; lower the learning rate"):
        training.evaluate()
