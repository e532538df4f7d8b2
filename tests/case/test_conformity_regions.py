"""The regions that are covered, what covers them, the curves, and what is refused."""

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans

import xaiwidgets as xw
from tests.case.plain_conformity import mean_fill, shares_of
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import ConformityImportance
from xaiwidgets.methods.case._conformity.cover import filling
from xaiwidgets.methods.case._conformity.regions import levels_of, patch_level, patch_sizes, tiles
from xaiwidgets.methods.case._conformity.superpixels import kmeans


@pytest.fixture(scope="module")
def double():
    images = torch.rand(61, 1, 28, 28, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return image_model("lenet", torch.float64), ImageSet(images[:60].float(), torch.arange(60) % 10), images[60].float()


@pytest.mark.parametrize(("shape", "size"), [((28, 28), 4), ((9, 14), 3), ((20, 11), 7), ((8, 8), 1), ((6, 6), 6)])
def test_patches_cover_every_pixel_and_overlap_by_half(shape, size):
    level = patch_level(size, shape, max(1, size // 2))
    masks = level.masks(list(range(len(level))))
    assert bool(masks.any(0).all())
    assert (masks.sum((1, 2)) == size**2).all()
    assert len({tuple(box) for box in level.boxes.tolist()}) == len(level)
    tops = sorted({box[0] for box in level.boxes.tolist()})
    assert all(0 < after - before <= max(1, size // 2) for before, after in itertools.pairwise(tops))
    disjoint = tiles(size, shape).masks(list(range(len(tiles(size, shape)))))
    assert (disjoint.sum(0) == 1).all()


def test_patches_double_up_to_two_thirds_of_the_side():
    assert patch_sizes(2, (28, 28)) == [16, 8, 4, 2]
    assert patch_sizes(16, (224, 300)) == [128, 64, 32, 16]
    assert patch_sizes(28, (28, 28)) == [28]


def test_super_pixels_are_nested_and_keep_to_colours():
    """Two halves of two colours: no region crosses the border between them."""
    image = torch.zeros(3, 24, 24)
    image[0, :, :11], image[2, :, 11:] = 1.0, 1.0
    *_, (share, levels) = levels_of("superpixels", 3, image, 0)
    assert share == 1
    assert [level.size for level in levels] == sorted({level.size for level in levels})
    for level in levels:
        masks = level.masks(list(range(len(level))))
        assert (masks.sum(0) == 1).all()
        for mask, (top, left, bottom, right) in zip(masks, level.boxes.tolist(), strict=True):
            assert not mask[:, :11].any() or not mask[:, 11:].any()
            inside = mask[top:bottom, left:right]
            assert mask.sum() == inside.sum()
            assert inside[0].any()
            assert inside[:, -1].any()
    for coarse, fine in itertools.pairwise(levels):
        for region in range(len(fine)):
            assert len(coarse.labels[fine.labels == region].unique()) == 1


def test_clusters_are_a_fixed_point_of_scikit_learns_lloyd():
    points = torch.cat(
        [torch.randn(40, 3, generator=torch.Generator().manual_seed(i)).double() + 9 * i for i in range(4)]
    )
    own = kmeans(points, 4, torch.Generator().manual_seed(0))
    centers = np.stack([points[own == cluster].mean(0) for cluster in range(4)])
    reference = KMeans(4, init=centers, n_init=1, algorithm="lloyd").fit(points.numpy())
    np.testing.assert_array_equal(reference.labels_, own)
    assert sorted(torch.bincount(own).tolist()) == [40] * 4


def test_what_covers_is_the_mean_the_blur_the_noise_or_black():
    image = torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(filling(image, "mean", 0), mean_fill(image))
    assert torch.equal(filling(image, "black", 0), torch.zeros_like(image))
    expected = np.stack([gaussian_filter(channel, 3.0, mode="nearest", truncate=2.0) for channel in image.numpy()])
    np.testing.assert_allclose(filling(image, "blur", 0), expected, atol=1e-12)
    noise = filling(image, "noise", 3)
    assert torch.equal(noise, filling(image, "noise", 3))
    assert not torch.equal(noise, filling(image, "noise", 4))
    assert noise.min() >= 0
    assert noise.max() <= 1


def test_the_curve_is_that_of_covering_tiles_in_the_order_of_the_map(double):
    model, train, image = double
    value = last(ConformityImportance(k=9, patch=7, fill="mean", draws=3)(model, train, image))
    tiled = value.importance.unfold(0, 7, 7).unfold(1, 7, 7).mean((2, 3)).flatten()
    order = sorted(range(16), key=lambda tile: (-float(tiled[tile].double()), tile))
    covered = []
    for count in range(17):
        one = image.clone()
        for tile in order[:count]:
            top, left = 7 * (tile // 4), 7 * (tile % 4)
            one[:, top : top + 7, left : left + 7] = mean_fill(image)[:, :7, :7]
        covered.append(one)
    covered = torch.stack(covered).double()
    shares = shares_of(model, ("head",), train, covered, 9, "cosine")[:, value.predicted]
    np.testing.assert_allclose(value.ordered[0], shares, atol=1e-12)
    np.testing.assert_allclose(value.ordered[1], model(covered).softmax(1)[:, value.predicted], atol=1e-7)
    np.testing.assert_allclose(value.removed, np.arange(17) / 16)
    assert torch.equal(value.random[:, :, 0], value.ordered[:, 0].expand(3, 2))
    assert torch.equal(value.random[:, :, -1], value.ordered[:, -1].expand(3, 2))
    gains = (value.random.mean(0) - value.ordered).mean(1)
    assert torch.equal(value.gains, gains)


def test_on_real_images_the_map_beats_random_orders():
    model, test = xw.load_model("lenet"), xw.data.fashion_mnist_small("test")
    train = xw.data.fashion_mnist_small("train")
    method = ConformityImportance(patch=4, draws=3, batch=64)
    gains = torch.stack([last(method(model, train, test.subset([image]))).gains for image in range(6)])
    assert (gains.mean(0) > 0.15).all()


def test_a_region_is_found_by_its_pixel(double):
    model, train, image = double
    for regions in ("patches", "superpixels"):
        value = last(ConformityImportance(k=9, patch=7, regions=regions, draws=1)(model, train, image))
        for level, row, column in ((0, 3, 4), (1, 27, 0), (None, 13, 20)):
            region = value.region_at(row, column, level)
            assert value.mask(region)[row, column]
            assert int(value.levels[region]) == (value.finest if level is None else level)
        maps = torch.stack([value.level_maps(level) for level in range(len(value.sizes))]).mean(0)
        torch.testing.assert_close(maps[0], value.importance, rtol=0, atol=1e-12)
        torch.testing.assert_close(maps[1], value.probability_importance, rtol=0, atol=1e-12)


def test_the_first_of_equal_regions_is_the_smallest(double):
    model, train, image = double
    value = last(ConformityImportance(k=1, patch=7, draws=1)(model, train, image))
    best = (value.drops == value.drops.max()).nonzero().flatten()
    assert value.top() == int(best[value.levels[best] == value.levels[best].max()][0])
    assert int(value.levels[value.top(0)]) == 0


def test_what_does_not_fit_is_refused_in_words(double):
    model, train, image = double
    method = ConformityImportance(k=9)
    with pytest.raises(XaiwidgetsError, match="k=60 neighbours were asked for among 59 training examples"):
        last(method.replace(k=60)(model, train, 3))
    with pytest.raises(InvalidSettingError, match="patch=40 was given for images of 28×28; give at most 28"):
        last(method.replace(patch=40)(model, train, image))
    with pytest.raises(XaiwidgetsError, match="2 images were given as the query; give one"):
        last(method(model, train, torch.rand(2, 1, 28, 28)))
    with pytest.raises(XaiwidgetsError, match="Training example 60 was named"):
        last(method(model, train, 60))
    with pytest.raises(XaiwidgetsError, match="training images have no labels"):
        last(method(model, torch.rand(20, 1, 28, 28), image))
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'"):
        last(method.replace(layers=("conv9",))(xw.load_model("lenet"), train, image))
    with pytest.raises(InvalidSettingError, match="names 'fc1' twice"):
        ConformityImportance(("fc1", "fc1"))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(64, 3))
    images = torch.rand(20, 1, 8, 8)
    images[4] = 0
    with pytest.raises(XaiwidgetsError, match="training example 4 in layer 'head' are all zero"):
        last(method(xw.ImageModel(network, (1, 8, 8)), ImageSet(images, [0] * 20), images[0]))


def test_an_image_whose_features_are_all_zero_is_equally_far_from_all():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(64, 3))
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    train = ImageSet(images, torch.arange(20) % 3)
    method = ConformityImportance(k=5, patch=8, fill="black", draws=1)
    value = last(method(xw.ImageModel(network, (1, 8, 8)), train, images[0]))
    np.testing.assert_allclose(value.label_shares[0], [7 / 20, 7 / 20, 6 / 20])
