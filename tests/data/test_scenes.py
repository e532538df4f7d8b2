"""Painted scenes: the labels are those of the paint, and a scene depends on its seed and place alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import xaiwidgets
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet, scenes
from xaiwidgets.data._concepts.stores import distinct
from xaiwidgets.data._scenes.canvas import Canvas
from xaiwidgets.data._scenes.concepts import COLORS, CONCEPTS, JITTER, LAYERS, PARTS, TEXTURES
from xaiwidgets.data._scenes.light import FINISHES
from xaiwidgets.data._scenes.making import AT_HOME, HEIGHTS, THINGS, compose
from xaiwidgets.data._scenes.noise import Grid
from xaiwidgets.data._scenes.patterns import PATTERNS
from xaiwidgets.data._scenes.places import PLACES
from xaiwidgets.data._scenes.shapes import rectangle
from xaiwidgets.data._scenes.store import SceneStore
from xaiwidgets.data._scenes.surfaces import plain

TONES = [(name, tone) for name, tones in COLORS.items() for tone in tones]


@pytest.fixture(scope="module")
def small():
    """The first two hundred scenes, all at once."""
    return scenes(200, size=48).batch(slice(None))


def of_category(category):
    """The numbers that its concepts have in layers."""
    return [1 + place for place, (_, of) in enumerate(CONCEPTS) if of == category]


def nearest(pixels):
    """The names of the colours that pixels (…, 3) are nearest to."""
    tones = np.array([tone for _, tone in TONES])
    return np.array([name for name, _ in TONES])[((pixels[..., None, :] - tones) ** 2).sum(-1).argmin(-1)]


def painted(seed, size=96):
    canvas = Canvas(size, np.random.default_rng(seed))
    compose(canvas)
    return canvas


def inner(same):
    """Pixels whose eight neighbours are in the mask too."""
    padded = np.pad(same, 1)
    height, width = same.shape
    return np.all([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)


def same_batches(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("ids", "images", "layers", "whole"))


def test_images_and_labels_have_the_shape_that_was_asked_for():
    made = scenes(3, size=40)
    batch = made.batch(slice(None))
    assert made.shape == (3, 40, 40)
    assert made.label_shape == (40, 40)
    assert batch.images.shape == (3, 3, 40, 40)
    assert batch.images.dtype == torch.float32
    assert 0 <= batch.images.min() < batch.images.max() <= 1
    assert batch.layers.shape == (3, len(LAYERS), 40, 40)
    assert batch.layers.dtype == torch.int16


def test_a_scene_depends_on_its_seed_and_place_alone():
    whole = scenes(6, size=32, seed=3).batch(slice(None))
    longer = scenes(40, size=32, seed=3)
    backwards = longer.batch([5, 4, 3, 2, 1, 0])
    assert torch.equal(backwards.images.flip(0), whole.images)
    assert torch.equal(backwards.layers.flip(0), whole.layers)
    assert torch.equal(longer.batch([2]).images, whole.images[2:3])
    assert same_batches(longer.batch(slice(6)), whole)  # from what is kept


def test_many_threads_see_the_same_scenes():
    made = scenes(8, size=32, seed=4)
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(made.batch, [slice(None)] * 4))
    assert all(same_batches(batch, batches[0]) for batch in batches)
    assert same_batches(batches[0], scenes(8, size=32, seed=4).batch(slice(None)))


def test_seeds_and_places_give_different_scenes():
    images = torch.cat([scenes(4, size=32, seed=seed).batch(slice(None)).images for seed in (0, 1, 2**40)])
    assert len(torch.unique(images.flatten(1), dim=0)) == 12


def test_a_scene_looks_the_same_at_every_size():
    for place in range(8):
        small, large = (scenes(8, size=size).batch([place]) for size in (48, 144))
        pooled = torch.nn.functional.avg_pool2d(large.images, 3)
        assert (pooled - small.images).abs().mean() < 0.08
        assert (large.layers[:, :, 1::3, 1::3] == small.layers)[:, 0].float().mean() > 0.95
        assert torch.equal(large.whole, small.whole)


def test_the_latest_scenes_are_kept_and_no_more(monkeypatch):
    monkeypatch.setattr("xaiwidgets.data._scenes.store._KEPT_BYTES", 2 * 9 * 32**2)
    store = SceneStore(5, 32, 0)
    for place in (0, 1, 0, 2):
        store.read(place)
    assert list(store._kept) == [0, 2]
    kept = store._kept[0]
    assert kept.picture.nbytes + kept.labels.nbytes == 9 * 32**2


def test_every_concept_occurs_early_and_is_large_enough(small):
    assert len(CONCEPTS) == len(set(CONCEPTS)) > 80
    pixels = torch.stack([(small.layers == 1 + place).flatten(1).sum(1) for place in range(len(CONCEPTS))], dim=1)
    pixels += small.whole * 48 * 48
    rare = [concept for concept, count in zip(CONCEPTS, (pixels > 0).sum(0), strict=True) if count < 4]
    assert rare == []
    tiny = [concept for concept, count in zip(CONCEPTS, pixels.sum(0), strict=True) if count < 150]
    assert tiny == []


def test_every_layer_holds_labels_of_its_category(small):
    for layer, category in zip(small.layers.unbind(1), LAYERS, strict=True):
        assert set(layer.unique().tolist()) <= {0, *of_category(category)}


def test_parts_lie_in_objects(small):
    objects, parts = small.layers[:, 0], small.layers[:, 1]
    assert bool((objects[parts > 0] > 0).all())
    wheels = parts == 1 + CONCEPTS.index(("wheel", "part"))
    assert set(objects[wheels].tolist()) == {1 + CONCEPTS.index(("car", "object"))}


def test_every_pixel_has_a_colour_and_none_a_label_twice(small):
    first, second = small.layers[:, 2], small.layers[:, 3]
    assert bool((first > 0).all())
    assert 0.05 < (second > 0).float().mean() < 0.6
    for layers in small.layers:
        assert torch.equal(distinct(layers), layers)


def test_every_image_is_of_a_scene_and_some_are_of_two(small):
    scene = [place - 1 for place in of_category("scene")]
    assert set(small.whole[:, scene].sum(1).tolist()) == {1, 2}
    assert not small.whole[:, : scene[0]].any()


def test_the_labelled_colour_is_the_one_that_was_painted():
    one, two = [], []
    for seed in range(40):
        canvas = painted(seed)
        alike = np.unique(canvas.labels.reshape(len(LAYERS), -1), axis=1, return_inverse=True)[1].reshape(96, 96)
        within = np.any([inner(alike == kind) for kind in np.unique(alike)], axis=0)  # neighbours have the same labels
        right = nearest(canvas.paint) == np.array(["", *(name for name, _ in CONCEPTS)])[canvas.labels[2]]
        one.append(right[within & (canvas.labels[3] == 0)])
        two.append(right[within & (canvas.labels[3] > 0)])
    # thin lines cover pixels in part, and clouds have colours between their two
    assert np.mean(np.concatenate(one)) > 0.998
    assert np.mean(np.concatenate(two)) > 0.95
    assert len(np.concatenate(two)) > 20_000


def test_every_paint_is_nearest_to_its_own_colour():
    corners = JITTER * np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T
    for name, tone in TONES:
        assert set(nearest(np.array(tone) + corners)) == {name}


def test_what_is_painted_later_hides_what_is_below():
    canvas = Canvas(40, np.random.default_rng(0))
    canvas.draw([rectangle(0, 0, 1, 1)], plain(canvas.rng, "blue"), "sky")
    canvas.draw([rectangle(0.25, 0.25, 0.75, 0.75)], plain(canvas.rng, "red", "metal"), "car", "wheel")
    canvas.draw([rectangle(1.5, 0, 2, 1)], plain(canvas.rng, "green"), "tree")
    car = canvas.labels[0] == 1 + CONCEPTS.index(("car", "object"))
    expected = np.zeros((40, 40), bool)
    expected[10:30, 10:30] = True
    assert np.array_equal(inner(car), inner(expected))
    assert abs(car.sum() - expected.sum()) < 90  # a border may go either way
    assert set(canvas.labels[0].ravel()) == {1 + CONCEPTS.index((name, "object")) for name in ("sky", "car")}
    assert np.array_equal(canvas.labels[1] > 0, car)


@pytest.mark.parametrize("name", sorted(PATTERNS))
@pytest.mark.parametrize("side", [1, 2, 40])
def test_patterns_are_light_and_paint_of_every_pixel(name, side):
    flat = Grid.flat(slice(60, 60 + side), slice(3, 3 + 2 * side), 112)
    for grid in (flat, flat.lying(0.5)):
        weight, relief = (
            np.broadcast_to(field, (side, 2 * side)) for field in PATTERNS[name](np.random.default_rng(0), grid, 0.1)
        )
        assert 0 <= weight.min() <= weight.max() <= 1
        assert np.isfinite(relief).all()
        assert 0.7 < relief.mean() < 1.3 or side < 40


def test_the_vocabulary_is_what_can_be_painted():
    names = {category: {name for name, of in CONCEPTS if of == category} for category in LAYERS}
    assert set(PATTERNS) == set(TEXTURES)
    assert set(THINGS) == set(HEIGHTS) == names["object"] - {"cloud", "moon", "mountain", "sky", "sun"}
    assert set(AT_HOME) == set(PLACES)
    assert set().union(*AT_HOME.values()) == set(THINGS)
    assert set(FINISHES) <= names["material"]
    assert names["part"] == set(PARTS)


def test_its_source_makes_it_again():
    made = scenes(9, size=32, seed=7)
    assert made.source == "xw.data.scenes(9, size=32, seed=7)"
    again = eval(made.source, {"xw": xaiwidgets})  # noqa: S307 - the expression is ours
    assert isinstance(again, ConceptSet)
    assert same_batches(again.batch(slice(None)), made.batch(slice(None)))
    assert again.concepts == made.concepts
    assert again.categories == ("object", "part", "color", "texture", "material", "scene")


def test_a_subset_keeps_its_ids():
    assert scenes(20, size=32)[5:8].batch(slice(None)).ids.tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"count": 0}, "count=0 was given; give a whole number, at least 1"),
        ({"count": 2.5}, r"count=2\.5 was given; give a whole number"),
        ({"count": True}, "count=True was given"),
        ({"size": 31}, r"size=31 was given; give a whole number, 32 to 512 \(pixels of a side\)"),
        ({"size": 513}, "size=513 was given"),
        ({"size": "112"}, "size='112' was given"),
        ({"seed": -1}, "seed=-1 was given; give a whole number, 0 or more"),
        ({"seed": None}, "seed=None was given"),
    ],
)
def test_other_arguments_are_refused(given, words):
    with pytest.raises(XaiwidgetsError, match=words):
        scenes(**given)


def test_whole_numbers_of_numpy_are_taken():
    made = scenes(np.int64(2), size=np.int32(32), seed=np.int64(5))
    assert made.source == "xw.data.scenes(2, size=32, seed=5)"


@pytest.mark.parametrize("size", [32, 33, 512])
def test_the_smallest_and_the_largest_size_work(size):
    batch = scenes(2, size=size).batch(slice(None))
    assert batch.images.shape == (2, 3, size, size)
    assert bool((batch.layers[:, 2] > 0).all())
