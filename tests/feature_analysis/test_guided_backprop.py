import warnings

import numpy as np
import pytest
import torch
from captum import attr
from scipy import stats
from torch import nn
from torch.nn import functional

from tests.feature_analysis.rectifier_networks import (
    ARCHITECTURES,
    captums,
    largest_error,
    model_of,
    network,
    normalised,
    pictures,
)
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet, photographs
from xaiwidgets.methods import Deconvolution, GuidedBackprop
from xaiwidgets.methods.feature_analysis._randomization import Randomization, correlation, ranks, scattered
from xaiwidgets.models import ImageModel, load_model

BOTH = pytest.mark.parametrize("kind", [GuidedBackprop, Deconvolution])


WIDGET = "xw.GuidedBackpropViewer(xw.load_model('efficientnet_lite0'), layer='_blocks.8', units=[1, 4], stages=32)"


def example():
    """A tiny call for the contract suite."""
    return GuidedBackprop(layer="4", units=(1, 4), stages=2), (model_of(normalised()), pictures())


def shown(method, model, images):
    """The pictures, without the rest."""
    return next(method.replace(stages=0)(model, images)).value


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_is_captums_at_the_output(name):
    module, images = network(name), pictures()
    value = shown(GuidedBackprop("", (0, 5)), model_of(module), images)
    for i, unit in enumerate((0, 5)):
        assert largest_error(value.patterns[:, i], captums(attr.GuidedBackprop, module, images, unit)) <= 1e-5


@BOTH
@pytest.mark.parametrize(("name", "layer"), [("pooled", 3), ("normalised", 6), ("residual", 2)])
def test_it_is_captums_within_where_the_unit_is_strongest(kind, name, layer):
    module, images = network(name), pictures()
    value = shown(kind(str(layer), (2, 7)), model_of(module), images)
    cut = module[: layer + 1]
    mean, std = (torch.tensor(entry)[:, None, None] for entry in ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)))
    maps = cut((images - mean) / std).detach()
    for image in range(2):
        for i, unit in enumerate((2, 7)):
            row, column = np.unravel_index(int(maps[image, unit].argmax()), maps.shape[2:])
            assert value.position[image, i].tolist() == [row, column]
            assert value.activation[image, i] == pytest.approx(maps[image, unit].max().item(), rel=1e-4)
            theirs = getattr(attr, kind.__name__)
            expected = captums(theirs, cut, images[image : image + 1], (unit, int(row), int(column)))
            assert largest_error(value.patterns[image, i], expected[0]) <= 1e-5


def weights(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@BOTH
def test_the_formula_written_out(kind):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU6(), nn.Linear(7, 3))
    net.double()
    with torch.no_grad():
        net[3].bias.copy_(torch.tensor([8.0, 8, 2, 2, 0, 0, -1]))
    images = weights(2, 3, 2, 2, seed=3).sigmoid()
    value = shown(kind("", (2,)), ImageModel(net, (3, 2, 2)), images)
    (A, a), (B, b), (C, _) = ((net[i].weight.detach().numpy(), net[i].bias.detach().numpy()) for i in (1, 3, 5))
    for image in range(2):
        f = A @ images[image].flatten().numpy() + a
        g = B @ np.maximum(f, 0) + b
        assert 0 < ((g > 0) & (g < 6)).sum() < 7
        for found, rule in ((value.patterns, kind.__name__), (value.gradient, "derivative")):
            R = C[2]
            for forward, high, below in ((g, 6, B), (f, np.inf, A)):
                inside = (forward > 0) & (forward < high)
                R = {
                    "derivative": R * inside,
                    "GuidedBackprop": np.maximum(R, 0) * inside,
                    "Deconvolution": np.maximum(R, 0),
                }[rule]
                R = R @ below
            np.testing.assert_allclose(found[image, 0].flatten().numpy(), R, rtol=1e-10, atol=1e-12)


FORMS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "function": functional.relu,
    "function in place": lambda x: functional.relu(x, inplace=True),
    "function in place by name": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "in place, unnamed result": lambda x: (x.relu_(), x)[1],
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: x.clamp_(0),
    "clamp of a tensor": lambda x: torch.clamp(x, torch.zeros(())),
    "clamp of a tensor of zeros": lambda x: x.clamp(torch.zeros_like(x)),
    "clip": lambda x: x.clip(0.0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "clamp_min in place": lambda x: x.clamp_min_(min=0),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "maximum, the other way": lambda x: torch.maximum(torch.zeros(()), x),
    "max": lambda x: torch.max(x, x.new_zeros(1)),
    "threshold": lambda x: functional.threshold(x, 0, 0),
    "threshold module": nn.Threshold(0.0, 0.0, inplace=True),
    "hardtanh": lambda x: functional.hardtanh(x, 0, 1),
    "bounded clamp": lambda x: x.clamp(0, 1.0),
    "bounded clamp, hardtanh in place": lambda x: functional.hardtanh_(x, 0.0, 1.0),
}


class Formed(nn.Module):
    """A small network with its rectifier in a form of one's own."""

    def __init__(self, form):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.form = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3), form

    def forward(self, x):
        return self.two(self.form(self.one(x)))


@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_rectifier_is_seen(kind, form):
    usual = nn.ReLU() if "hardtanh" not in form and "bounded" not in form else nn.Hardtanh(0, 1)
    value, expected = (
        shown(kind("two", (1, 3)), ImageModel(Formed(act), (3, 20, 20)), pictures()) for act in (FORMS[form], usual)
    )
    assert largest_error(expected.patterns, expected.gradient) > 0.1
    assert largest_error(value.patterns, expected.patterns) <= 1e-5
    assert largest_error(value.gradient, expected.gradient) <= 1e-5


@pytest.mark.parametrize("act", [nn.LeakyReLU(), nn.GELU(), nn.SiLU(), nn.Hardtanh(-1, 1), nn.Threshold(0.1, 0.0)])
def test_other_nonlinearities_keep_their_derivative(act):
    model = ImageModel(Formed(act), (3, 20, 20))
    with pytest.raises(XaiwidgetsError, match=r"Formed has no rectifier \(ReLU\) between the image and layer 'two'"):
        shown(GuidedBackprop("two", (1,)), model, pictures())
    both = ImageModel(nn.Sequential(Formed(act), nn.ReLU(), nn.Conv2d(4, 2, 1)), (3, 20, 20))
    value = shown(GuidedBackprop("1", (1,)), both, pictures())  # the seed is positive: nothing differs but the gate
    torch.testing.assert_close(value.patterns, value.gradient)


@pytest.mark.parametrize(("name", "layer"), [("lenet", ""), ("channels_last", ""), ("resnet", "0")])
def test_a_network_without_rectifiers_is_refused(name, layer):
    model = image_model(name)
    images = torch.rand(1, *model.input_shape)
    with pytest.raises(XaiwidgetsError, match=r"no rectifier .* plain gradient; choose a deeper layer"):
        next(GuidedBackprop(layer, (0,))(model, images))


class Own(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context, gradient):
        return gradient * (context.saved_tensors[0] > 0)


def test_rectifiers_that_cannot_be_seen_are_refused():
    with pytest.raises(XaiwidgetsError, match=r"an autograd function of its own \(Own\), in which rectifiers"):
        shown(GuidedBackprop("two", (1,)), ImageModel(Formed(Own.apply), (3, 20, 20)), pictures())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(lambda x: torch.relu(x), torch.rand(2, 6, 18, 18))  # noqa: PLW0108
    model = ImageModel(Formed(lambda x: torch.relu(traced(x))), (3, 20, 20))
    for _ in range(4):  # the compiler takes over after some calls
        with pytest.raises(XaiwidgetsError, match=r"up to layer 'two' passes through a compiled part"):
            shown(GuidedBackprop("two", (1,)), model, pictures())


def test_every_kind_of_network_with_rectifiers_works():
    for name, layer in (("functional_cnn", ""), ("vision_transformer", "blocks.1"), ("mlp", "2"), ("resnet", "3")):
        model = image_model(name)
        shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
        images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))
        value = last(GuidedBackprop(layer, (0, 2), stages=2)(model, images))
        assert value.patterns.shape == value.gradient.shape == (2, 2, *shape)
        assert value.patterns.ne(0).flatten(2).any(2).all()
        assert largest_error(value.patterns, value.gradient) > 1e-3
        assert value.similarity.isfinite().all()


@BOTH
def test_the_mean_the_sum_and_one_neuron(kind):
    model, method, images = model_of(network("pooled")), kind("5", (3,)), pictures()
    mean, total = (shown(method.replace(target=target), model, images) for target in ("mean", "sum"))
    torch.testing.assert_close(total.patterns, mean.patterns * 9, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(total.activation, mean.activation * 9)
    places = [(row, column) for row in range(3) for column in range(3)]
    each = [
        shown(method.replace(target="neuron", row=row, column=column), model, images).gradient for row, column in places
    ]
    torch.testing.assert_close(torch.stack(each).sum(0), total.gradient, rtol=1e-3, atol=1e-5)
    assert shown(method.replace(target="neuron"), model, images).position[0, 0].tolist() == [1, 1]
    with pytest.raises(XaiwidgetsError, match="row=3 was given; layer '5' has positions 0 to 2 there"):
        shown(method.replace(target="neuron", row=3), model, images)


def test_a_unit_that_is_shut_has_an_empty_picture_and_no_likeness():
    module = network("pooled")
    with torch.no_grad():
        module[0].bias[2] = -99
    value = last(GuidedBackprop("1", (2,), stages=1)(model_of(module), pictures()))
    assert not value.patterns.any()
    assert value.similarity.isnan().all()


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


def test_other_images_sizes_sets_and_settings():
    model = model_of(network("normalised"))
    large = torch.rand(1, 3, 32, 28)
    assert shown(GuidedBackprop("4", (1,)), model, large).patterns.shape == (1, 1, 3, 32, 28)
    value = shown(GuidedBackprop("4", (1, 2)), model, ImageSet(pictures()))
    assert torch.equal(value.patterns, shown(GuidedBackprop("4", (1, 2)), model, pictures()).patterns)
    with pytest.raises(InvalidSettingError, match="name at least one unit"):
        GuidedBackprop("4", ())
    with pytest.raises(XaiwidgetsError, match="Unit 8 was asked for; layer '4' has 8 units"):
        next(GuidedBackprop("4", (8,))(model, pictures()))
    with pytest.raises(XaiwidgetsError, match="has no layer 'no'"):
        next(GuidedBackprop("no", (1,))(model, pictures()))


def test_the_pictures_come_first_and_long_runs_are_cut():
    model, images = load_model("efficientnet_lite0"), photographs(224)[:1]
    steps = list(GuidedBackprop("_blocks.1", (1, 2), stages=1)(model, images))
    assert [step.done for step in steps] == [0.5, 1, 1.5, 2]
    assert steps[0].value.patterns[0, 1].isnan().all()
    assert steps[1].value.patterns.isfinite().all()
    assert steps[1].value.similarity.isnan().all()
    assert steps[2].value is steps[1].value
    assert steps[3].value.similarity.isfinite().all()
    assert torch.equal(steps[3].value.patterns, steps[1].value.patterns)


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
