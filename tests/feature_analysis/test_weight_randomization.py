"""The check by random weights: how they are drawn, stage by stage, and how like the pictures stay."""

import numpy as np
import pytest
import torch
from captum import attr
from scipy import stats
from torch import nn

from tests.feature_analysis.guided import BOTH, weights
from tests.feature_analysis.rectifier_networks import captums, model_of, network, pictures
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.data import photographs
from xaiwidgets.methods import GuidedBackprop
from xaiwidgets.methods.feature_analysis._randomization import Randomization, correlation, ranks, scattered
from xaiwidgets.models import ImageModel, load_model


def test_ranks_and_their_correlation_are_scipys():
    one, other = weights(300), (weights(300, seed=1) * 2).round()
    np.testing.assert_array_equal(ranks(other).numpy(), stats.rankdata(other.numpy()))
    found = correlation(ranks(one), ranks(other))
    assert found == pytest.approx(stats.spearmanr(one.numpy(), other.numpy()).statistic, abs=1e-12)


@BOTH
def test_the_likeness_is_that_of_the_sizes_within_the_box_that_reaches_the_unit(kind):
    module, images = network("pooled"), pictures()
    model, method = model_of(module), kind("3", (2, 7), stages=2, seed=5)
    value = last(method(model, images))
    assert value.stages == ("3", "0")
    random = Randomization(model, "3", 2, 5)
    for stage in range(2):
        redrawn = random.network_at(stage)[:4]
        expected = [[], []]
        for image in range(2):
            for i, unit in enumerate((2, 7)):
                row, column = value.position[image, i].tolist()
                box = np.s_[:, 2 * row : 2 * row + 10, 2 * column : 2 * column + 10]
                for rule, first, theirs in (
                    (0, value.patterns, getattr(attr, kind.__name__)),
                    (1, value.gradient, attr.Saliency),
                ):
                    again = captums(theirs, redrawn, images[image : image + 1], (unit, row, column))[0]
                    expected[rule].append(
                        stats.spearmanr(
                            first[image, i][box].abs().numpy().ravel(), again[box].abs().numpy().ravel()
                        ).statistic
                    )
        np.testing.assert_allclose(value.similarity[:, stage].numpy(), np.mean(expected, 1), atol=0.02)


def test_random_weights_keep_their_mean_and_deviation_and_the_users_are_not_touched():
    module = network("residual")
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    random = Randomization(model_of(module), "4", 32, 0)
    assert random.stages == ("4.conv2", "4.conv1", "2.conv2", "2.conv1", "0")  # the normalisation is folded
    first, all_of_them = (dict(random.network_at(stage).named_parameters()) for stage in (0, 4))
    plain = dict(random.network.named_parameters())
    assert {name.rpartition(".")[0] for name in plain if not torch.equal(first[name], plain[name])} == {"4.conv2"}
    assert {name for name in plain if torch.equal(all_of_them[name], plain[name])} == {"7.weight", "7.bias"}
    assert torch.equal(first["4.conv2.weight"], all_of_them["4.conv2.weight"])  # a cascade
    for name in ("4.conv1.weight", "2.conv1.weight"):
        assert all_of_them[name].std().item() == pytest.approx(plain[name].std().item(), rel=0.15)
        assert all_of_them[name].mean().item() == pytest.approx(plain[name].mean().item(), abs=0.02)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_stages_are_spread_evenly_and_the_last_one_randomises_everything():
    model = load_model("efficientnet_lite0")
    random = Randomization(model, "_blocks.8", 4, 0)
    assert len(random.stages) == 4
    assert random.stages[-1] == "_conv_stem"
    sizes = np.diff([0, *random.cuts])
    assert sizes.max() - sizes.min() <= 1
    assert Randomization(model, "_conv_stem", 0, 0).stages == ()
    tokens = image_model("vision_transformer")
    last_stage = Randomization(tokens, "blocks.1", 3, 0)
    network_at = last_stage.network_at(2)
    assert not torch.equal(network_at.token, tokens.twin.token)
    assert torch.equal(last_stage.network_at(1).token, tokens.twin.token)
    weight = "blocks.0.self_attn.out_proj.weight"  # read by its parent, never called
    assert not torch.equal(network_at.get_parameter(weight), tokens.twin.get_parameter(weight))


def test_a_shared_weight_stays_shared():
    one, two = nn.Linear(64, 64), nn.Linear(64, 64)
    two.weight = one.weight
    model = ImageModel(nn.Sequential(one, nn.ReLU(), two), (64,))
    network_at = Randomization(model, "2", 1, 0).network_at(0)
    assert network_at[0].weight is network_at[2].weight
    assert not torch.equal(network_at[0].weight, one.weight)


def test_it_fails_the_check_that_the_gradient_passes():
    run = GuidedBackprop("", (285, 207), stages=8)(load_model("efficientnet_lite0"), photographs(224)[:1])
    value = last(run, stop=2)
    guided, gradient = value.similarity
    assert guided[0] > 0.9
    assert gradient[0] < 0.6


def test_chance_is_what_lying_in_the_same_place_is_worth():
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 64, 64, generator=draw)
    ramp = torch.linspace(-2, 2, 64)
    bell = (-(ramp[:, None] ** 2 + ramp**2)).exp()
    for picture, low, high in ((noise, -0.05, 0.05), (noise * bell, 0.5, 0.9)):
        mixed = scattered(picture.abs(), draw)
        assert torch.equal(mixed.unfold(1, 8, 8).unfold(2, 8, 8).flatten(3).sort().values,
                           picture.abs().unfold(1, 8, 8).unfold(2, 8, 8).flatten(3).sort().values)  # fmt: skip
        found = correlation(ranks(picture.abs().flatten()), ranks(mixed.flatten()))
        assert low < found < high
        other = (torch.randn(1, 64, 64, generator=draw) * (bell if low > 0 else 1)).abs()
        unrelated = stats.spearmanr(picture.abs().flatten(), other.flatten()).statistic
        assert abs(found - unrelated) < 0.06
