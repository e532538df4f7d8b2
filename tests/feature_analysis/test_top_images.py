import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.layer_outputs import outputs, planted, precise, some_images, tolerance
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import TopImages
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.models import ImageModel

# A large network looks at many small images, so that there is time to press Pause.
WIDGET = (
    "xw.TopImageBrowser(xw.load_model('efficientnet_lite0'), xw.data.fashion_mnist_small('train'), "
    "layer='_blocks.2', units=[1, 4])"
)


def example():
    """A tiny call for the contract suite: two batches."""
    images = torch.rand(260, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return TopImages(layer="0, 3", units=(1, 4), k=3), (image_model("lenet"), images)


def tensors(value):
    names = ("activation", "indices", "rows", "columns", "boxes", "alive")
    return {name: getattr(value, name) for name in names}


def same(one, other):
    return all(torch.equal(tensors(one)[name], tensors(other)[name]) for name in tensors(one))


@pytest.mark.parametrize("name", NETWORKS)
def test_it_finds_what_sorting_everything_finds(name, monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)
    images = some_images(name, 3 if name == "efficientnet_lite0" else 11)
    maps, k = outputs(name, images), 3
    value = last(TopImages(layer_of(name), k=k)(precise(name), images))
    largest = maps.max((2, 3)).T
    order = np.argsort(-largest, axis=1, kind="stable")[:, :k]
    np.testing.assert_allclose(value.activation, np.take_along_axis(largest, order, 1), **tolerance(name))
    if name != "efficientnet_lite0":  # rounding may change the order there
        np.testing.assert_array_equal(value.indices, order)
    unit = np.arange(maps.shape[1])[:, None]
    np.testing.assert_allclose(
        maps[value.indices, unit, value.rows, value.columns], value.activation, **tolerance(name)
    )
    assert value.units == tuple(range(maps.shape[1]))
    assert value.layers == (layer_of(name),) * maps.shape[1]
    assert value.seen == len(images)
    assert value.alive.all()


def with_ties():
    """Whole numbers throughout, so that nothing is rounded: many images are equal."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randint(-2, 3, (5, 1, 3, 3), generator=generator).float()
    few = torch.randint(0, 2, (4, 1, 6, 6), generator=generator).float()
    return ImageModel(planted(weight), (1, 6, 6)), few[torch.randint(4, (40,), generator=generator)]


@pytest.mark.parametrize("batch", [1, 3, 7, 39, 40])
def test_ties_go_to_the_first_image_whatever_the_batch(batch, monkeypatch):
    model, images = with_ties()
    monkeypatch.setattr(_scan, "_LARGEST", batch)
    value = last(TopImages("0", k=6)(model, images))
    largest = outputs_of(model, images).amax((2, 3)).T.numpy()
    np.testing.assert_array_equal(value.indices, np.argsort(-largest, axis=1, kind="stable")[:, :6])
    flat = outputs_of(model, images).flatten(2)
    position = value.rows * 4 + value.columns
    first = [[flat[i, u].argmax() for i in row] for u, row in enumerate(value.indices)]
    assert torch.equal(position, torch.tensor(first))


def outputs_of(model, images):
    with torch.no_grad():
        return model.module(images)


def test_every_batch_gives_the_best_so_far(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 7)
    model, images = image_model("lenet"), some_images("lenet", 20).float()
    method = TopImages("3", units=(3, 0), k=4)
    for step in method(model, images):
        alone = last(method(model, images[: int(step.done)]))
        torch.testing.assert_close(step.value.activation, alone.activation)
        assert torch.equal(step.value.indices, alone.indices)
        assert step.value.seen == step.done
    assert step.done == step.total == 20


def test_a_dead_unit_is_said_to_be_dead():
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
    with torch.no_grad():
        network[0].weight.abs_()
        network[0].bias.copy_(torch.tensor([0.0, -100.0, 0.0]))
    value = last(TopImages("1", k=4)(ImageModel(network, (1, 8, 8)), torch.rand(9, 1, 8, 8)))
    assert value.alive.tolist() == [True, False, True]
    assert value.indices[1].tolist() == [0, 1, 2, 3]
    assert not value.activation[1].any()


def test_with_fewer_images_than_places_the_rest_is_empty():
    value = last(TopImages("3", k=5)(image_model("lenet"), torch.rand(2, 1, 28, 28)))
    assert value.activation[:, :2].isfinite().all()
    assert (value.activation[:, 2:] == -torch.inf).all()
    for part in (value.indices, value.rows, value.columns):
        assert (part[:, :2] >= 0).all()
        assert (part[:, 2:] == -1).all()
    assert not value.boxes[:, 2:].any()


def test_sets_and_tensors_give_the_same():
    model, images = image_model("resnet"), torch.randint(256, (6, 3, 32, 32), dtype=torch.uint8)
    method = TopImages("3", k=2)
    floats = last(method(model, images.float() / 255))
    assert same(last(method(model, ImageSet(images))), floats)
    assert same(last(method(model, ImageSet(images.float() / 255))), floats)


def test_several_layers_in_one_pass_give_what_each_gives_alone():
    # 3.relu is used twice in a pass, and what follows works in place: only its first output counts.
    model, images = image_model("resnet"), some_images("resnet", 5).float()
    value = last(TopImages("3.relu, 4,1 ", units=(2, 5), k=2)(model, images))
    assert value.layers == ("3.relu",) * 2 + ("4",) * 2 + ("1",) * 2
    assert value.units == (2, 5) * 3
    for layer in ("3.relu", "4", "1"):
        alone = last(TopImages(layer, units=(2, 5), k=2)(model, images))
        torch.testing.assert_close(tensors(value.of(layer)), tensors(alone))
    with pytest.raises(XaiwidgetsError, match=r"'2' was asked for, whose images were not sought; there are '3\.relu'"):
        value.of("2")


def test_only_what_lies_in_the_box_matters():
    model, images = image_model("functional_cnn"), some_images("functional_cnn", 6).float()
    value = last(TopImages("conv2", k=1)(model, images))
    for unit in range(12):
        top, left, bottom, right = value.boxes[unit, 0].tolist()
        assert (bottom - top, right - left) == (8, 8)
        changed = torch.rand_like(images[:1])
        changed[..., top:bottom, left:right] = images[value.indices[unit, 0], :, top:bottom, left:right]
        row, column = value.rows[unit, 0], value.columns[unit, 0]
        there = model.module.conv2(torch.max_pool2d(torch.relu(model.module.conv1(changed)), 2))[0, unit, row, column]
        torch.testing.assert_close(there, value.activation[unit, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("units", [1, 6, 31, 32, 33])
@pytest.mark.parametrize("positions", [1, 4, 5, 49, 100])
def test_the_largest_is_the_maximum_in_any_memory_layout(units, positions):
    last_channels = torch.randn(3, positions, units).transpose(1, 2)
    assert torch.equal(_scan.largest_of(last_channels), last_channels.contiguous().amax(2))


def test_what_cannot_be_looked_at_is_refused_in_words():
    model, images = image_model("lenet"), torch.rand(3, 1, 28, 28)
    with pytest.raises(XaiwidgetsError, match="Unit 16 was asked for; layer '3' has 16 units, 0 to 15"):
        last(TopImages("3", units=(16,))(model, images))
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'"):
        last(TopImages("3, conv9")(model, images))
    with pytest.raises(XaiwidgetsError, match=r"give a tensor \(image, 1, height, width\)"):
        last(TopImages("3")(model, torch.rand(3, 3, 28, 28)))
    with pytest.raises(XaiwidgetsError, match="Images of 20×20 pixels were given, on which Sequential does not run"):
        last(TopImages("3")(model, torch.rand(3, 1, 20, 20)))
    with pytest.raises(InvalidSettingError, match="k=0 was given"):
        TopImages("3", k=0)


def test_an_activation_that_is_no_number_is_refused_in_words():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 1)

        def forward(self, x):
            return self.conv(torch.where(x > 0.99, x / 0, x))

    images = torch.full((300, 1, 4, 4), 0.5)
    images[270, 0, 2, 2] = 1.0
    with pytest.raises(XaiwidgetsError, match="unit 0 a value that is not a finite number for image 270"):
        last(TopImages("conv")(ImageModel(Odd(), (1, 4, 4)), images))
