import numpy as np
import pytest
import torch
from torch import nn

import xaiwidgets as xw
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import CounterfactualSwap
from xaiwidgets.methods.case._counterfactual_swap.result import box_of
from xaiwidgets.models import ImageModel

WIDGET = "xw.RegionSwapper(xw.load_model('lenet'), chosen=2)"
SHORT = True


def example():
    """A tiny call for the contract suite: two edits on a map of 5×5."""
    images = xw.data.fashion_mnist_small("test")
    return CounterfactualSwap("pool2", edits=2, orders=3), (xw.load_model("lenet"), images[2:3], images[0:1])


class Pooled(nn.Module):
    """A map, its average over positions, and a linear layer, as Goyal's networks end."""

    def __init__(self, classes=5):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 12, 3, 2, 1), nn.Tanh(), nn.Conv2d(12, 8, 3, 2, 1))
        self.last, self.head = nn.Conv2d(8, 16, 1), nn.Linear(16, classes)

    def forward(self, x):
        return self.head(torch.relu(self.last(torch.tanh(self.features(x)))).mean((2, 3)))


@pytest.fixture(scope="module")
def pooled():
    """A network whose rest adds its cells up, in double precision, and images of two of its classes."""
    torch.manual_seed(3)
    module = Pooled().double()
    with torch.no_grad():
        module.head.weight.mul_(20)
    draw = torch.Generator().manual_seed(1)
    images = torch.rand(60, 1, 20, 20, generator=draw).double()
    images[30:] = images[30:] ** 4
    model = ImageModel(module, (1, 20, 20))
    answers = model(images).argmax(1)
    other = (answers != answers[0]).nonzero().flatten()
    assert len(other) > 3
    return model, images[:1], images[other]


def explained(model, query, images, layer, **settings):
    return last(CounterfactualSwap(layer, **settings)(model, ImageSet(query), ImageSet(images)))


def written_out(rest, query, other, target, most):
    """The greedy search with one pass for each pair, all loops written out; ``rest`` takes one map (channel, cell)."""
    current, free, free_other, edits, seen = query.clone(), [*range(query.shape[1])], [*range(query.shape[1])], [], []
    while len(edits) < most:
        best = None
        for i in free:
            for j in free_other:
                tried = current.clone()
                tried[:, i] = other[:, j]
                p = rest(tried).softmax(0)
                if best is None or float(p[target]) > best[0]:
                    best = float(p[target]), i, j, int(p.argmax())
        p, i, j, answer = best
        current[:, i] = other[:, j]
        free.remove(i)
        free_other.remove(j)
        edits.append([i, j])
        seen.append(p)
        if answer == target:
            break
    return edits, seen


@pytest.mark.parametrize("layer", ["features", "last"])
def test_it_is_the_greedy_search_written_out_with_sums_and_without(pooled, layer):
    model, query, images = pooled
    module = model.module

    @torch.no_grad()
    def rest(cells):
        shown = cells.view(1, -1, 5, 5)
        shown = module.last(torch.tanh(shown)) if layer == "features" else shown
        return module.head(torch.relu(shown).mean((2, 3)))[0]

    fast = explained(model, query, images, layer, distractors=1)
    slow = explained(model, query, images, layer, distractors=1, sums=False)
    assert fast.sums
    assert not slow.sums
    with torch.no_grad():
        maps = [module.features(one) for one in (query, fast.distractor[None])]
        maps = [module.last(torch.tanh(one)) if layer == "last" else one for one in maps]
    edits, seen = written_out(rest, *(one[0].flatten(1) for one in maps), fast.target, 20)
    assert fast.edits.tolist() == slow.edits.tolist() == edits
    np.testing.assert_allclose(fast.probability[1:, 1], seen, rtol=1e-6)
    np.testing.assert_allclose(slow.probability, fast.probability, rtol=1e-6)
    assert fast.tried == sum((25 - done) ** 2 for done in range(len(edits)))


def lenet_swap(**settings):
    images = xw.data.fashion_mnist_small("test")
    return explained(xw.load_model("lenet"), images.batch([2]), images.batch(range(30)), "pool2", **settings)


def halves():
    """LeNet up to its last map, and what comes after it."""
    layers = list(xw.load_model("lenet").module.eval())
    return nn.Sequential(*layers[:6]), nn.Sequential(*layers[6:])


def test_the_first_edit_equals_brute_force_over_all_pairs_of_a_real_network():
    value = lenet_swap(distractors=1)
    model, (before, after) = xw.load_model("lenet"), halves()
    with torch.no_grad():
        query, other = (before(model.normalized(one[None]))[0].flatten(1) for one in (value.query, value.distractor))
        table = torch.zeros(25, 25)
        for i in range(25):
            for j in range(25):
                tried = query.clone()
                tried[:, i] = other[:, j]
                table[i, j] = after(tried.view(1, 16, 5, 5)).softmax(1)[0, value.target]
    first = divmod(int(table.argmax()), 25)
    assert tuple(value.edits[0].tolist()) == first
    assert float(value.probability[1, 1]) == pytest.approx(float(table.max()), abs=1e-6)
    steps = CounterfactualSwap("pool2", distractors=1)(
        model, ImageSet(value.query[None]), ImageSet(value.distractor[None])
    )
    gains = next(step.value.gains for step in steps if len(step.value.edits) == 1)
    np.testing.assert_allclose(gains, table, atol=1e-6)


def test_the_class_flips_at_the_last_edit_and_not_before():
    value, model, (before, after) = lenet_swap(), xw.load_model("lenet"), halves()
    assert value.flipped
    with torch.no_grad():
        current, other = (before(model.normalized(one[None]))[0].flatten(1) for one in (value.query, value.distractor))
        answers = [int(model(value.query[None]).argmax())]
        for mine, theirs in value.edits.tolist():
            current[:, mine] = other[:, theirs]
            answers.append(int(after(current.view(1, 16, 5, 5)).argmax()))
    assert answers[-1] == value.target
    assert value.target not in answers[:-1]
    assert answers[0] == value.query_class
    for column in value.edits.T.tolist():
        assert len(set(column)) == len(column)


def test_of_several_distractors_the_one_with_the_fewest_edits_is_shown():
    together = lenet_swap(distractors=4)
    images = xw.data.fashion_mnist_small("test")
    model, alone = xw.load_model("lenet"), []
    for place in together.places:
        value = explained(model, images.batch([2]), images.batch([place]), "pool2", distractors=1)
        alone.append(len(value.edits) if value.flipped else 99)
    assert len(together.edits) == min(alone)
    assert together.place == together.places[alone.index(min(alone))]
    assert [count for count in together.other_edits if count > 0][-1] == min(alone)


def test_random_swaps_take_more_edits():
    value = lenet_swap(orders=32, edits=25)
    assert value.random_edits.shape == (32,)
    assert value.random_probability.shape == (32, 26)
    assert int(value.random_edits.min()) >= len(value.edits)
    assert float(value.random_edits.double().median()) > 1.5 * len(value.edits)
    assert torch.allclose(value.random_probability[:, 0], value.probability[0, 1])


def test_pictures_hold_the_pixels_below_the_cells():
    value = lenet_swap(distractors=1)
    assert torch.equal(value.pictures[0], value.query)
    mine, theirs = (box_of(cell, (5, 5), (28, 28)) for cell in value.edits[0].tolist())
    changed = (value.pictures[1] != value.pictures[0])[0]
    changed[mine[0] : mine[2], mine[1] : mine[3]] = False
    assert not changed.any()
    if [mine[2] - mine[0], mine[3] - mine[1]] == [theirs[2] - theirs[0], theirs[3] - theirs[1]]:
        piece = value.distractor[:, theirs[0] : theirs[2], theirs[1] : theirs[3]]
        assert torch.equal(value.pictures[1][:, mine[0] : mine[2], mine[1] : mine[3]], piece)
    assert box_of(24, (5, 5), (28, 28)) == (22, 22, 28, 28)


def test_not_to_flip_is_an_answer():
    value = lenet_swap(distractors=1, edits=1, orders=2)
    assert not value.flipped
    assert len(value.edits) == 1
    assert value.other_edits == (-1,)
    assert value.stage == "done"
    assert value.tried == 625


@pytest.mark.parametrize("name", ["vision_transformer", "channels_last", "resnet", "functional_cnn"])
def test_maps_of_every_layout_are_swapped(name):
    """With every cell replaced by its own counterpart the map is the distractor's, but for a class token."""
    layer = {"resnet": "4", "vision_transformer": "blocks.0", "channels_last": "mix", "functional_cnn": "conv2"}[name]
    model = image_model(name)
    images = torch.rand(2, *model.input_shape, generator=torch.Generator().manual_seed(0))
    from xaiwidgets.methods.case._counterfactual_swap.rest import Rest

    rest = Rest(model, layer, images[:1])
    query, other = rest.read(images[:1]), rest.read(images[1:])
    cells = torch.arange(rest.cells)
    untouched = torch.cat(list(rest.outputs(query, query, cells[None], cells[None])))
    assert torch.allclose(untouched, model(images[:1]), atol=1e-4)
    whole = rest.swapped(query, other, cells[None].expand(3, -1), cells[None].expand(3, -1))
    assert torch.equal(rest.layout.arrange(whole)[1], rest.layout.arrange(other)[0])
    if name != "vision_transformer":
        answers = torch.cat(list(rest.outputs(query, other, cells[None], cells[None])))
        assert torch.allclose(answers, model(images[1:]), atol=1e-4)


def test_a_network_that_counts_its_images_is_run_with_its_early_layers_on_one():
    """EfficientNet reshapes by the number of images; its head adds its cells up, so that a step is one table."""
    model = xw.load_model("efficientnet_lite0")
    images = xw.data.photograph_set(224, 3)
    settings = {"distractors": 1, "edits": 3, "orders": 2}
    value = last(CounterfactualSwap("_blocks.15", **settings)(model, images[0:1], images[1:2]))
    assert value.sums
    assert value.grid == (7, 7)
    assert value.tried == 49**2 + 48**2 + 47**2
    with torch.no_grad():
        from xaiwidgets.methods.case._counterfactual_swap.rest import Rest

        rest = Rest(model, "_blocks.15", value.query[None])
        query, other = rest.read(value.query[None]), rest.read(value.distractor[None])
        some = torch.randperm(2401, generator=torch.Generator().manual_seed(0))[:200]
        tried = torch.cat(list(rest.outputs(query, other, some[:, None] // 49, some[:, None] % 49))).softmax(1)
    assert float(tried[:, value.target].max()) <= float(value.probability[1, 1]) * (1 + 1e-4)
