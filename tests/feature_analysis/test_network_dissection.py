"""A dissection's counts are those of the definition, for every denominator, label, unit and network."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.dissected import activations, convolution, dissected, some_concepts, upsampled
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import NetworkDissection
from xaiwidgets.methods.feature_analysis import _scan
from xaiwidgets.models import ImageModel

WIDGET = (
    "xw.Dissector(xw.load_model('efficientnet_lite0'), xw.data.scenes(1000, size=112), layer='_blocks.4', "
    "denominator='all')"
)


def example():
    """A tiny call for the contract suite: two batches in each pass."""
    concepts = some_concepts(260, size=(8, 8), labels=(4, 4))
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    return NetworkDissection("0", quantile=0.05, top=2), (ImageModel(network, (3, 8, 8)), concepts)


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(_scan, "_LARGEST", 4)


@pytest.mark.parametrize("upsampling", ["plain", "receptive_field"])
@pytest.mark.parametrize("denominator", ["original", "lite", "all"])
def test_counts_are_those_of_the_definition(denominator, upsampling, in_small_batches):
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05, denominator=denominator, upsampling=upsampling)
    value = last(method(model, concepts))
    maps = activations(model, concepts)
    # A kernel of 3 at stride 2 with one pixel of padding: position i looks at pixels 2i - 1 to 2i + 1.
    middles = [(2 * np.arange(n) + 0.5) / (2 * n) for n in (12, 10)]
    rows, columns = middles if upsampling == "receptive_field" else [(np.arange(n) + 0.5) / n for n in (12, 10)]
    up = upsampled(maps, (12, 10), rows, columns)
    both, size, area, iou = dissected(up, value.threshold, concepts, denominator)
    counts = value.counts.whole()
    np.testing.assert_array_equal(counts.intersection[0], both)
    np.testing.assert_array_equal(counts.labels[0], area)
    category = value.category
    masks = {"original": counts.masks, "lite": counts.touching, "all": counts.anywhere[..., None]}[denominator][0]
    np.testing.assert_array_equal(masks.expand(-1, 2)[:, category], size)
    np.testing.assert_allclose(value.iou, iou, rtol=1e-12)
    assert value.labels == tuple(concepts.concepts[i] for i in iou.argmax(1))


def test_the_denominators_differ_and_none_needs_a_pass():
    model, concepts = convolution(), some_concepts()
    given = {
        name: last(NetworkDissection("1", quantile=0.05, denominator=name)(model, concepts))
        for name in ("original", "lite", "all")
    }
    assert not torch.equal(given["original"].iou, given["lite"].iou)
    assert not torch.equal(given["original"].iou, given["all"].iou)
    for name, value in given.items():
        assert torch.equal(given["original"].rescored(denominator=name).iou, value.iou)


def test_labels_of_the_whole_image_and_several_a_pixel_are_counted(tmp_path):
    generator = torch.Generator().manual_seed(3)
    first = torch.randint(0, 4, (30, 12, 10), generator=generator)
    second = torch.where(first > 0, first % 3 + 1, 0)
    scene = torch.randint(1, 3, (30,), generator=generator)[:, None, None].expand(-1, 12, 10)
    concepts = some_concepts(30)
    images = concepts.batch(slice(None)).images
    masks = {"color": first, "color again": second, "scene": scene}
    names = {"color": ["red", "green", "blue"], "color again": ["green", "blue", "red"], "scene": ["day", "night"]}
    concepts = ConceptSet.from_arrays(images, masks, names)
    model = convolution()
    value = last(NetworkDissection("1", quantile=0.05, upsampling="plain")(model, concepts))
    up = upsampled(activations(model, concepts), (12, 10), *[(np.arange(n) + 0.5) / n for n in (12, 10)])
    both, _, area, iou = dissected(up, value.threshold, concepts, "original")
    np.testing.assert_array_equal(value.counts.whole().intersection[0], both)
    np.testing.assert_array_equal(value.counts.whole().labels[0], area)
    np.testing.assert_allclose(value.iou, iou, rtol=1e-12)
    assert area[-2:].sum() == 30 * 120


def test_a_dead_first_unit_changes_nothing_for_the_others():
    model, concepts = convolution(), some_concepts()
    method = NetworkDissection("1", quantile=0.05)
    before = last(method(model, concepts))
    with torch.no_grad():
        model.module[0].weight[0] = 0
        model.module[0].bias[0] = -1
    after = last(method(model, concepts))
    assert after.dead.tolist() == [True] + 4 * [False]
    for quantile in before.levels:
        one, other = (value.rescored(quantile=quantile) for value in (before, after))
        assert torch.equal(one.iou[1:], other.iou[1:])


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_saturated_unit_has_an_empty_mask(kind):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardtanh(-1, 0.1)).to(kind)
    value = last(NetworkDissection("1")(ImageModel(network, (3, 24, 20)), some_concepts()))
    assert value.dead.all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_is_dissected(name):
    model = image_model(name)
    channels, height, width = model.picture_shape
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(6, channels, height, width, generator=generator)
    masks = {"part": (images.mean(1) > 0.5).long() + 1}
    value = last(NetworkDissection(layer_of(name))(model, ConceptSet.from_arrays(images, masks, {"part": ["a", "b"]})))
    assert value.iou.shape == (model.layer(layer_of(name)).units, 2)
    assert value.seen == 6
    assert value.counts.anywhere.sum() > 0
