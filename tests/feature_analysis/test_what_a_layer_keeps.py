"""What inversion shows of a layer: all that it keeps, nothing of what it drops, and layer after layer by depth."""

import pytest
import torch
from torch import nn

from tests.feature_analysis.inverted import pictures
from tests.networks import NETWORKS, image_model
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import photographs
from xaiwidgets.methods import Inversion
from xaiwidgets.methods.feature_analysis._sweep import inversion_sweep, layers_by_depth
from xaiwidgets.models import ImageModel, load_model


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


def test_a_shallow_layer_of_the_real_network_gives_the_photograph_back():
    given = photographs()[[3]]
    value = last(Inversion("_blocks.0", steps=80, starts=1)(load_model("efficientnet_lite0"), given))
    assert value.feature_error < 0.2
    assert value.image_error < 0.12
    likeness = torch.corrcoef(torch.stack([value.images.mean(1).flatten(), given.mean(1).flatten()]))[0, 1]
    assert likeness > 0.95


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
