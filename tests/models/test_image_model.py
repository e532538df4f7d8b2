import pytest
import torch
from torch import nn

from tests.networks import NETWORKS, ChannelsLast, VisionTransformer, image_model, mlp, module, resnet
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data.photographs import NAMES, photographs
from xaiwidgets.models import ImageModel, as_image_model, load_model


def test_the_embedded_network_knows_real_photographs():
    model = load_model("efficientnet_lite0")
    named = dict(zip(NAMES, model(photographs()).argmax(1).tolist(), strict=True))
    assert model.class_names[named["cat"]] in {"Egyptian cat", "tabby", "tiger cat", "lynx"}
    assert model.class_names[named["coffee"]] in {"espresso", "cup", "coffee mug"}
    assert model.class_names[named["rocket"]] in {"missile", "projectile"}
    assert len(set(model.class_names)) == 1000


def test_the_normalisation_is_that_of_the_weights():
    model = load_model("efficientnet_lite0")
    x = torch.rand(1, 3, 224, 224)
    torch.testing.assert_close(model.normalized(x), (255 * x - 127) / 128, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_users_module_is_never_touched(name):
    plain = module(name)
    shape, normalize = (NETWORKS[name][1] or (3, 224, 224)), NETWORKS[name][2]
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    flags = [(p.requires_grad, p.grad) for p in plain.parameters()]
    modes = [(child.training, len(child._forward_hooks), getattr(child, "inplace", None)) for child in plain.modules()]
    model = ImageModel(plain, shape, normalize)
    model(torch.rand(2, *shape))
    model.layers()
    assert all(torch.equal(before[key], value) for key, value in plain.state_dict().items())
    assert flags == [(p.requires_grad, p.grad) for p in plain.parameters()]
    assert modes == [(c.training, len(c._forward_hooks), getattr(c, "inplace", None)) for c in plain.modules()]


def test_the_twin_shares_weights_and_follows_them():
    plain = mlp()
    model = ImageModel(plain, (64,))
    assert model.twin[0].weight.data_ptr() == plain[0].weight.data_ptr()
    convolutional = resnet()
    model = ImageModel(convolutional, (3, 32, 32))
    images = torch.rand(1, 3, 32, 32)
    before = model(images)
    with torch.no_grad():
        convolutional[0].weight.mul_(2)
        convolutional[1].running_mean.add_(1)
    expected = convolutional.eval()(images)
    assert not torch.allclose(model(images), before)
    torch.testing.assert_close(model(images), expected.detach(), rtol=1e-4, atol=1e-4)


def test_layouts():
    layers = image_model("vision_transformer").layers()
    assert (layers["blocks.1"].layout.grid, layers["blocks.1"].layout.prefix) == ((8, 8), 1)
    assert layers["patches"].shape == (24, 8, 8)
    assert layers["head"].layout.kind == "vector"
    without = ImageModel(VisionTransformer(class_token=False), (3, 32, 32)).layers()["blocks.0"].layout
    assert (without.grid, without.prefix, without.units) == ((8, 8), 0, 24)
    last = ImageModel(ChannelsLast(), (3, 32, 32)).layers()["mix"].layout
    assert (last.kind, last.units, last.grid) == ("map, channels last", 20, (8, 8))
    assert image_model("functional_cnn").layers()["conv2"].layout.grid == (9, 7)


def test_layouts_arrange_units_before_positions():
    layout = image_model("vision_transformer").layers()["blocks.1"].layout
    tokens = torch.arange(2 * 65 * 24.0).reshape(2, 65, 24)
    assert torch.equal(layout.arrange(tokens)[1, 5], tokens[1, 1:, 5])
    layout = ImageModel(ChannelsLast(), (3, 32, 32)).layers()["mix"].layout
    maps = torch.arange(2 * 64 * 20.0).reshape(2, 8, 8, 20)
    assert torch.equal(layout.arrange(maps)[1, 7].reshape(8, 8), maps[1, :, :, 7])
    assert layout.position() == 4 * 8 + 4
    assert layout.position(1, 2) == 10


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp", (64,)),
        ("lenet", (1, 28, 28)),
        ("resnet", (3, 224, 224)),
        ("vision_transformer", (3, 32, 32)),
    ],
)
def test_a_plain_module_is_taken_with_the_input_that_it_runs_on(name, shape):
    assert as_image_model(module(name)).input_shape == shape


def test_timms_own_record_is_believed():
    plain = resnet()
    plain.pretrained_cfg = {"input_size": (3, 96, 96), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    model = as_image_model(plain)
    assert model.input_shape == (3, 96, 96)
    assert model.normalized(torch.ones(1, 3, 96, 96)).unique().item() == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: as_image_model("resnet"), "str was given as the model"),
        (lambda: as_image_model(nn.LSTM(3, 4)), "runs on none of the usual image sizes"),
        (lambda: ImageModel(nn.LazyLinear(3), (8,)), "lazy layers"),
        (lambda: ImageModel(mlp(), (3, 4)), r"input_shape=\(3, 4\) was given"),
        (lambda: ImageModel(resnet(), (3, 32, 32), ((0.5, 0.5), (1, 1))), "one number for each of the 3 channels"),
        (lambda: ImageModel(resnet(), (1, 32, 32)).layers(), r"fails on images of shape \(1, 32, 32\)"),
        (lambda: load_model("efficientnet"), "no model 'efficientnet'; nearest: 'efficientnet_lite0'"),
    ],
)
def test_bad_input_gets_a_sentence(make, words):
    with pytest.raises(XaiwidgetsError, match=words):
        make()


def test_weights_on_two_devices_are_refused():
    split = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4, device="meta"))
    with pytest.raises(XaiwidgetsError, match="weights of Sequential are on cpu and meta; put them on one device"):
        ImageModel(split, (4,))


def test_a_module_that_cannot_be_copied_is_refused():
    plain = mlp()
    plain.cache = plain[0].weight * 2
    with pytest.raises(XaiwidgetsError, match="Sequential cannot be copied"):
        ImageModel(plain, (64,)).layers()


def test_the_users_hooks_stay_with_the_users_module():
    plain, heard = mlp(), []
    plain[0].register_forward_hook(lambda _m, _i, output: heard.append(output))
    model = ImageModel(plain, (64,))
    model(torch.rand(2, 64))
    model.layers()
    assert heard == []
    assert len(plain[0]._forward_hooks) == 1


def test_weights_that_torch_makes_before_a_pass_are_made():
    plain = nn.utils.spectral_norm(nn.Linear(64, 5)).eval()
    images = torch.rand(2, 64)
    torch.testing.assert_close(ImageModel(plain, (64,))(images), plain(images).detach())


def test_layers_follow_a_module_that_gets_others():
    plain = mlp()
    model = ImageModel(plain, (64,))
    assert model.layer("2").units == 10
    plain[2] = nn.Linear(32, 3)
    assert model.layer("2").units == 3


@pytest.mark.parametrize("device", ["gpu", "cuda:77"])
def test_a_device_that_is_not_there_is_refused_in_words(device):
    with pytest.raises(XaiwidgetsError, match=f"device='{device}' was given, which cannot be used here"):
        ImageModel(mlp(), (64,), device=device)
