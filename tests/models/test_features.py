"""The features of a set of images: what a plain forward pass has, read once, and anew when anything changed."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from tests import networks
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import head_of, read_features

SMALL = [name for name in networks.NETWORKS if name != "efficientnet_lite0"]
HEADS = {
    "resnet": "7",
    "vision_transformer": "head",
    "functional_cnn": "head",
    "channels_last": "head",
    "lenet": "9",
    "mlp": "2",
}


@pytest.fixture(autouse=True)
def forget():
    RESULTS.clear()
    yield
    RESULTS.clear()


def noise(count=11, shape=(1, 8, 8), seed=0):
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))


def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 10))


def model_of(module, normalize=None):
    return ImageModel(module, (1, 8, 8), normalize)


def read(model, images, layer="head", **options):
    """The answer, and in how many steps it came."""
    steps = list(read_features(model, images, layer, **options))
    return steps[-1].value, len(steps)


def values(model, images, layer="head", **options):
    return read(model, images, layer, **options)[0].values


def by_hand(model, images, name):
    """What the module takes in and gives out in a plain forward pass of a copy in evaluation mode."""
    module, seen = copy.deepcopy(model.module).eval(), {}
    named = module.get_submodule(name)
    named.register_forward_hook(lambda _module, given, output: seen.update(given=given[0], output=output.clone()))
    with torch.no_grad():
        x = model.normalized(images.batch(slice(None)).reshape(len(images), *model.input_shape))
        return seen, module(x)


@pytest.mark.parametrize("name", SMALL)
def test_the_head_is_the_last_linear_layer_and_its_features_are_its_input(name):
    model = networks.image_model(name)
    images = ImageSet(noise(7, model.picture_shape))
    assert head_of(model)[0] == HEADS[name]
    assert isinstance(head_of(model)[1], nn.Linear)
    found, _ = read(model, images, outputs=True, batch=3)
    seen, outputs = by_hand(model, images, HEADS[name])
    torch.testing.assert_close(found.values, seen["given"], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found.outputs, outputs, atol=1e-6, rtol=1e-6)
    weight, bias = model.module.get_submodule(HEADS[name]).parameters()
    torch.testing.assert_close(found.augmented @ torch.cat([weight, bias[:, None]], 1).T, outputs, atol=1e-5, rtol=1e-5)


# How the positions of each network's layer lie in its output.
MEANS = {
    "resnet": lambda maps: maps.mean((2, 3)),
    "vision_transformer": lambda tokens: tokens[:, 1:].mean(1),
    "functional_cnn": lambda maps: maps.mean((2, 3)),
    "channels_last": lambda maps: maps.mean((1, 2)),
    "lenet": lambda maps: maps.mean((2, 3)),
    "mlp": lambda vectors: vectors,
}


@pytest.mark.parametrize("name", SMALL)
def test_maps_and_tokens_are_averaged_over_their_positions(name):
    model, layer = networks.image_model(name), networks.layer_of(name)
    images = ImageSet(noise(7, model.picture_shape))
    seen, _ = by_hand(model, images, layer)
    torch.testing.assert_close(values(model, images, layer), MEANS[name](seen["output"]), atol=1e-6, rtol=1e-5)


def test_there_is_a_step_for_each_batch_and_an_earlier_one_is_not_written_over():
    model, images = model_of(classifier()), ImageSet(noise())
    steps = read_features(model, images, batch=4)
    first = next(steps)
    kept = first.value.values.clone()
    shares = [first.progress, *(step.progress for step in steps)]
    assert shares == [4 / 11, 8 / 11, 1.0]
    assert torch.equal(first.value.values, kept)
    assert first.value.values.shape == (4, 20)


def test_the_size_of_a_batch_changes_nothing():
    model, images = model_of(classifier()), ImageSet(noise(60))
    one = values(model, images, batch=1)
    for batch in (7, 60, 4096):
        RESULTS.clear()
        assert float((values(model, images, batch=batch) - one).abs().max()) <= 1e-6


def test_equal_images_in_another_set_are_not_read_again():
    module, images = classifier(), noise()
    first, steps = read(model_of(module), ImageSet(images), batch=4)
    again, known = read(model_of(module), ImageSet(images.clone()), batch=4)
    assert (steps, known) == (3, 1)
    assert again is first


def test_another_batch_size_asks_for_what_is_known():
    model, images = model_of(classifier()), ImageSet(noise())
    values(model, images, batch=4)
    assert read(model, images, batch=5)[1] == 1


def test_layers_and_outputs_are_kept_apart():
    model, images = model_of(classifier()), ImageSet(noise())
    assert read(model, images)[0].outputs is None
    assert read(model, images, outputs=True)[0].outputs.shape == (11, 10)
    assert values(model, images, "1").shape == values(model, images, "2").shape == (11, 20)
    assert not torch.equal(values(model, images, "1"), values(model, images, "2"))


def scaled_weights(module):
    with torch.no_grad():
        module[1].weight.mul_(2)


def other_statistics(module):
    module[2].running_mean.add_(1)


def assigned_weights(module):
    module[1].weight.data = module[1].weight.data + 1


def another_activation(module):
    module[3] = nn.Tanh()


def another_epsilon(module):
    module[2].eps = 1.0


@pytest.mark.parametrize(
    "change", [scaled_weights, other_statistics, assigned_weights, another_activation, another_epsilon]
)
def test_a_changed_network_is_read_anew(change):
    module, images = classifier(), ImageSet(noise())
    before = values(model_of(module), images)
    change(module)
    held, model = RESULTS.size, model_of(module)
    after = values(model, images)
    seen, _ = by_hand(model, images, "4")
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, seen["given"], atol=1e-6, rtol=1e-6)
    assert RESULTS.size > held


def test_another_normalisation_is_read_anew():
    module, images = classifier(), ImageSet(noise())
    plain = values(model_of(module), images)
    for normalize in (((0.5,), (0.2,)), ((0.5,), (0.3,)), lambda x: x - 0.5, lambda x: x * 2):
        model = model_of(module, normalize)
        found = values(model, images)
        seen, _ = by_hand(model, images, "4")
        assert not torch.allclose(found, plain)
        torch.testing.assert_close(found, seen["given"], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", [lambda tensor: tensor, lambda tensor: tensor.numpy()], ids=["tensor", "array"])
def test_images_that_were_written_to_are_read_anew(kind):
    model, pixels = model_of(classifier()), kind(noise())
    images = ImageSet(pixels)
    before = values(model, images)
    pixels[3] = 0
    after, seen = values(model, images), by_hand(model, images, "4")[0]
    torch.testing.assert_close(after, seen["given"], atol=1e-6, rtol=1e-6)
    assert (after != before).any(1).nonzero().flatten().tolist() in ([3], [])


class Augmented(Dataset):
    """Another image each time it is asked for one."""

    def __len__(self):
        return 8

    def __getitem__(self, place):
        return torch.rand(1, 8, 8), place % 2


def test_a_set_that_gives_other_images_each_time_is_refused():
    with pytest.raises(XaiwidgetsError, match="other images when it was read a second time; turn shuffling and"):
        read(model_of(classifier()), ImageSet(Augmented()))


class Dividing(nn.Module):
    """Divides by zero where an image is all white."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = x.flatten(1)
        return self.head(x / (x.mean(1, keepdim=True) < 1))


def test_features_that_are_no_finite_numbers_are_refused_and_the_image_is_named():
    pixels = noise(9)
    pixels[7] = 1
    with pytest.raises(XaiwidgetsError, match=r"Dividing gives features that are no finite numbers for image 7 \("):
        read(model_of(Dividing()), ImageSet(pixels), batch=4)
    assert RESULTS.size == 0


class Doubled(nn.Module):
    """Does something to what its last linear layer gives out."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return 2 * self.fc(x.flatten(1))


class Twice(nn.Module):
    """Uses one linear layer twice."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 64)

    def forward(self, x):
        return self.fc(self.fc(x.flatten(1)))


@pytest.mark.parametrize(
    ("module", "ends_in"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.LogSoftmax(1)), "'2', a LogSoftmax,"),
        (nn.Sequential(nn.Conv2d(1, 10, 8), nn.Flatten()), "'1', a Flatten,"),
        (Doubled(), "'fc'"),
        (Twice(), "'fc'"),
    ],
)
def test_a_network_that_ends_in_no_linear_layer_is_refused(module, ends_in):
    with pytest.raises(XaiwidgetsError, match=re.escape(ends_in)) as refused:
        head_of(model_of(module))
    assert "name a layer instead, whose features take the head's place" in str(refused.value)
    assert values(model_of(module), ImageSet(noise(3)), "1" if isinstance(module, nn.Sequential) else "fc").ndim == 2


def test_a_head_may_be_followed_by_what_changes_nothing():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Identity(), nn.Dropout())
    assert head_of(model_of(module))[0] == "1"


def test_a_network_that_is_one_linear_layer_is_its_own_head():
    model, images = ImageModel(nn.Linear(64, 10), (64,)), ImageSet(noise(5))
    assert head_of(model)[1].out_features == 10
    torch.testing.assert_close(values(model, images), images.batch(slice(None)).flatten(1))


def test_a_layer_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'"):
        read(model_of(classifier()), ImageSet(noise(3)), "conv9")


def test_networks_work_in_evaluation_mode_and_are_left_as_found():
    module = classifier().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    steps = read_features(model_of(module), ImageSet(noise()), batch=4)
    for _ in steps:
        assert torch.is_grad_enabled()
        assert module.training
        assert module[2].training
        assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
        assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())
        assert all(parameter.grad is None for parameter in module.parameters())
    one_by_one = torch.cat(
        [by_hand(model_of(module), ImageSet(noise()[i : i + 1]), "4")[0]["given"] for i in range(11)]
    )
    torch.testing.assert_close(values(model_of(module), ImageSet(noise())), one_by_one, atol=1e-6, rtol=1e-6)


def test_a_reading_that_was_broken_off_keeps_nothing():
    steps = read_features(model_of(classifier()), ImageSet(noise()), batch=4)
    next(steps)
    steps.close()
    assert RESULTS.size == 0
