"""Receptive fields that are measured: covered place by place, averaged, refined, and found where they were planted."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.layer_outputs import planted
from tests.networks import image_model, layer_of
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import ReceptiveField
from xaiwidgets.methods.feature_analysis import _receptive, _scan
from xaiwidgets.methods.feature_analysis._occlusion import Lattice
from xaiwidgets.models import ImageModel

WIDGET = "xw.ReceptiveFieldViewer(xw.load_model('efficientnet_lite0'), layer='_blocks.4', units=[3, 7])"


def example():
    """A tiny call for the contract suite."""
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return ReceptiveField("3", units=(4,), top=2, occluder=7, stride=6), (image_model("lenet"), images)


@pytest.mark.parametrize("shape", [(72, 72), (26, 30), (5, 9), (1, 1)])
def test_levels_cover_every_place_once(shape):
    lattice = Lattice(shape[0] + 2, shape[1] + 2, 3, 1)
    assert lattice.shape == shape
    assert lattice.levels[-1] == 1
    assert all(one == 2 * other for one, other in itertools.pairwise(lattice.levels))
    places = [place for level in lattice.levels for place in lattice.new_places(level)]
    assert sorted(places) == [(i, j) for i in range(shape[0]) for j in range(shape[1])]


def test_the_papers_occluders_are_the_default_at_their_size():
    settings = ReceptiveField("0", units=(0,))
    assert _receptive._lattice(settings, 227, 227).shape == (73, 73)  # 5,329, as in the paper
    lattice = _receptive._lattice(settings, 224, 224)
    assert (lattice.occluder, lattice.stride, lattice.shape) == (11, 3, (72, 72))


def plain_map(network, image, unit, occluder, stride, patches):
    """Every place, one at a time, in double precision: the map around the position, by interpolation between places."""
    with torch.no_grad():
        maps = network(image[None])[0, unit]
        row, column = divmod(int(maps.argmax()), maps.shape[1])
        _, height, width = image.shape
        places = [range(0, side - occluder + 1, stride) for side in (height, width)]
        found = np.zeros([len(axis) for axis in places])
        for (i, y), (j, x) in itertools.product(*map(enumerate, places)):
            other = image.clone()
            other[:, y : y + occluder, x : x + occluder] = patches[i, j]
            found[i, j] = abs(float(network(other[None])[0, unit, row, column] - maps[row, column]))
    return found, (row, column)


@pytest.mark.parametrize("fill", ["grey", "noise"])
def test_the_map_is_that_of_covering_every_place_in_turn(fill):
    weight = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    network = nn.Sequential(planted(weight, padding=1), nn.ReLU())
    image = torch.rand(3, 18, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model = ImageModel(network, (3, 18, 20))
    settings = ReceptiveField("1", units=(1,), top=1, occluder=3, stride=2, fill=fill, seed=5)
    value = last(settings(model, image[None]))
    state = _receptive.generators_for(5, [1])[0]
    patches = torch.rand(8, 9, 3, 3, 3, generator=state).double()
    patches = patches if fill == "noise" else image.mean((1, 2))[:, None, None].expand(8, 9, 3, 3, 3)
    found, (row, column) = plain_map(network, image, 1, 3, 2, patches)
    center = (row - 1 + 5 / 2, column - 1 + 4 / 2)
    for r, c in itertools.product(range(18), range(20)):
        y, x = center[0] - 9 + r + 0.5, center[1] - 10 + c + 0.5
        if not (0 < y < 18 and 0 < x < 20):
            assert value.count[0, r, c] == value.maps[0, r, c] == 0
            continue
        at = [min(max((p - 1.5) / 2, 0), n - 1) for p, n in ((y, 8), (x, 9))]
        corners = [(int(a), min(int(a) + 1, n - 1), a - int(a)) for a, n in zip(at, (8, 9), strict=True)]
        (i, i2, v), (j, j2, u) = corners
        expected = (found[i, j] * (1 - u) + found[i, j2] * u) * (1 - v) + (
            found[i2, j] * (1 - u) + found[i2, j2] * u
        ) * v
        assert value.maps[0, r, c] == pytest.approx(expected, abs=1e-6)
        assert value.count[0, r, c] == 1
    assert value.stride.tolist() == [2]
    assert value.theoretical == (5, 4)


def test_several_images_are_averaged_around_one_middle():
    model, images = image_model("lenet"), torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    settings = ReceptiveField("3", units=(2,), top=3, occluder=5, stride=4, fill="grey")
    value = last(settings(model, images))
    alone = [last(settings.replace(top=1)(model, images[[i]])) for i in value.top.indices[0].tolist()]
    total = sum(one.maps * one.count for one in alone)
    count = sum(one.count for one in alone)
    assert torch.equal(value.count, count)
    assert count.max() == 3
    torch.testing.assert_close(value.maps, total / count.clamp(min=1), rtol=1e-3, atol=1e-5)


def test_a_planted_field_is_found_where_it_is():
    """A kernel of 15×15 with weights in a part of it: 4×6 pixels, off its middle."""
    weight = torch.zeros(1, 3, 15, 15)
    weight[:, :, 2:6, 8:14] = 1.0
    network = planted(weight, padding=7)
    images = torch.rand(5, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    value = last(ReceptiveField("0", units=(0,), top=4, occluder=3, stride=1)(ImageModel(network, (3, 48, 48)), images))
    found = value.maps[0] > 1e-5
    rows, columns = (found.any(axis).nonzero()[:, 0] for axis in (1, 0))
    top, left, bottom, right = value.box
    assert value.box == (16, 16, 31, 31)
    assert rows.min() >= top - 1
    assert rows.max() < bottom + 1
    assert columns.min() >= left - 1
    assert columns.max() < right + 1
    weights = value.maps[0] / value.maps[0].sum()
    middle = [float((weights.sum(1 - axis) * (torch.arange(48) + 0.5)).sum()) for axis in (0, 1)]
    assert middle[0] == pytest.approx(16.5 + 4, abs=1)  # the kernel's middle row is 7.5, that of its weights 4
    assert middle[1] == pytest.approx(16.5 + 11, abs=1)
    assert 4 < value.size[0] < 8  # 4×6 pixels, blurred by 3


def test_a_rough_map_comes_first_and_every_unit_has_one_before_any_is_refined():
    model, images = image_model("resnet"), torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    steps = list(ReceptiveField("3", units=(1, 5), top=2, occluder=5, stride=2)(model, images))
    strides = [tuple(step.value.stride.tolist()) for step in steps]
    assert list(dict.fromkeys(strides)) == [(0, 0), (4, 0), (4, 4), (2, 4), (2, 2)]
    assert steps[-1].total == 4 + 2 * 2 * 14 * 14
    for one, other in itertools.pairwise(steps):
        changed = (one.value.maps != other.value.maps).any() or one.value.count.sum() != other.value.count.sum()
        assert not changed or other.value is not one.value


def test_the_batch_changes_nothing(monkeypatch):
    model, images = image_model("resnet"), torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    settings = ReceptiveField("3", units=(1, 3), top=2, occluder=5, stride=4)
    whole = last(settings(model, images))
    monkeypatch.setattr(_scan, "_LARGEST", 3)
    small = list(settings(model, ImageSet(images)))
    assert len(small) == 18
    torch.testing.assert_close(small[-1].value.maps, whole.maps, rtol=1e-4, atol=1e-5)
    alone = last(settings.replace(units=(3,))(model, images))
    torch.testing.assert_close(alone.maps[0], whole.maps[1], rtol=1e-4, atol=1e-5)
    other = last(settings.replace(seed=1)(model, images))
    assert not torch.allclose(other.maps, whole.maps)


@pytest.mark.parametrize("name", ["vision_transformer", "channels_last", "mlp"])
def test_it_works_on_every_kind_of_layer(name):
    model = image_model(name)
    shape = model.input_shape if len(model.input_shape) == 3 else (1, 8, 8)
    value = last(ReceptiveField(layer_of(name), units=(0, 2), top=2)(model, torch.rand(3, *shape)))
    assert value.maps.shape == (2, *shape[1:])
    assert (value.maps.amax((1, 2)) > 0).all()
    assert value.stride.tolist() == [1, 1]
    assert (value.size > 0).all()


def test_a_dead_unit_has_an_empty_map():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    with torch.no_grad():
        network[0].bias.fill_(-100.0)
    value = last(ReceptiveField("1", units=(0,), top=2)(ImageModel(network, (1, 12, 12)), torch.rand(3, 1, 12, 12)))
    assert not value.maps.any()
    assert value.size.tolist() == [0]


def test_what_cannot_be_measured_is_refused_in_words():
    model, images = image_model("lenet"), torch.rand(3, 1, 28, 28)
    with pytest.raises(InvalidSettingError, match=r"units=\(\) was given; name at least one unit"):
        ReceptiveField("3", units=())
    with pytest.raises(InvalidSettingError, match="occluder=29 was given for images of 28×28 pixels; give at most 28"):
        last(ReceptiveField("3", units=(0,), occluder=29)(model, images))
    with pytest.raises(XaiwidgetsError, match="Unit 99 was asked for"):
        last(ReceptiveField("3", units=(99,))(model, images))
