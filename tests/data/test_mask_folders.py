"""Sets from a folder of pictures and one of masks."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.broden_folder import made_again, same, truncate
from xaiwidgets import ConceptSet
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import read_image

ALL = slice(None)
INDICES = {"cat": 3, "sky": 200}
COLORS = {"cat": (255, 0, 0), "sky": (0, 10, 255)}


def masks_of(place):
    """0 for none, 1 for the cat, 2 for the sky."""
    return np.random.default_rng(place).integers(0, 3, (20, 30))


def coded(numbers, mode):
    """The mask as a picture of a mode; the value 77 and black are no class."""
    if mode in {"L", "P"}:
        picture = Image.fromarray(np.array([77, 3, 200], np.uint8)[numbers])
        if mode == "P":
            palette = np.zeros((256, 3), np.uint8)
            palette[3], palette[200] = COLORS.values()
            picture.putpalette(palette.tobytes())
        return picture
    colors = np.array([(0, 0, 0), *COLORS.values()], np.uint8)[numbers]
    return Image.fromarray(colors).convert(mode)


@pytest.fixture
def folders(tmp_path):
    """Four pictures of 20×30 with masks of mode L."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for place, suffix in enumerate(["jpg", "png", "webp", "JPEG"]):
        pixels = np.random.default_rng(place).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(images / f"{place}.{suffix}")
        coded(masks_of(place), "L").save(masks / f"{place}.png")
    (images / "notes.txt").write_text("no picture")
    return images, masks


@pytest.mark.parametrize(
    ("mode", "classes"), [("L", INDICES), ("P", INDICES), ("RGB", COLORS), ("RGBA", COLORS), ("P", COLORS)]
)
def test_masks_of_every_mode_say_the_same(folders, mode, classes):
    images, masks = folders
    for place in range(4):
        coded(masks_of(place), mode).save(masks / f"{place}.png")
    concepts = ConceptSet.from_masks(images, masks, classes, category="animal")
    assert concepts.concepts == (("cat", "animal"), ("sky", "animal"))
    assert (concepts.shape, concepts.label_shape) == ((3, 20, 30), (20, 30))
    batch = concepts.batch(ALL)
    assert np.array_equal(batch.layers[:, 0].numpy(), [masks_of(place) for place in range(4)])
    for place, path in enumerate(sorted(images.glob("[0-9].*"))):
        assert torch.equal(batch.images[place], read_image(path, concepts.shape))
    assert same(batch, made_again(concepts).batch(ALL))


@pytest.mark.parametrize("size", [10, (20, 10)])
def test_pictures_and_masks_are_cropped_to_the_same_middle(folders, size):
    images, masks = folders
    numbers = np.random.default_rng(5).integers(0, 3, (4, 6)).repeat(5, 0).repeat(5, 1)
    coded(numbers, "RGB").save(images / "1.png")
    coded(numbers, "RGB").save(masks / "1.png")
    batch = ConceptSet.from_masks(images, masks, COLORS, size=size).batch([1])
    seen = torch.zeros(batch.layers.shape[2:], dtype=torch.int16)  # what the picture itself shows
    for label, color in enumerate(COLORS.values(), 1):
        near = (batch.images[0] - torch.tensor(color)[:, None, None] / 255).abs().amax(0) < 0.3
        seen[near] = label
    sure = seen > 0
    assert sure.sum() > 20
    assert torch.equal(seen[sure], batch.layers[0, 0][sure])


def test_a_picture_on_its_side_is_turned_before_it_meets_its_mask(folders):
    images, masks = folders
    pixels = np.random.default_rng(9).integers(0, 256, (30, 20, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(images / "0.jpg", exif=exif)
    concepts = ConceptSet.from_masks(images, masks, INDICES)
    assert concepts.shape == (3, 20, 30)
    assert torch.equal(concepts.batch([0]).images[0], read_image(images / "0.jpg", (3, 20, 30)))


def test_without_a_size_it_is_that_of_the_first_picture_that_opens(folders):
    images, masks = folders
    (images / "0.jpg").write_bytes(b"")
    concepts = ConceptSet.from_masks(images, masks, INDICES, broken="skip")
    assert concepts.shape == (3, 20, 30)
    assert concepts.batch(ALL).ids.tolist() == [1, 2, 3]
    assert same(concepts.batch(ALL), made_again(concepts).batch(ALL))


def _coded_otherwise(_images, masks):
    coded(masks_of(1), "RGB").save(masks / "1.png")


BREAKS = {
    "no mask": (
        lambda _, masks: (masks / "1.png").unlink(),
        "The picture '1.png' has no mask in '.*masks'; put '1.png' there, take the picture away, or leave broken",
    ),
    "no picture": (
        lambda images, _: (images / "1.png").unlink(),
        "The mask '1.png' has no picture in '.*images'; put a picture named '1' there",
    ),
    "another size": (
        lambda _, masks: Image.new("L", (20, 30)).save(masks / "1.png"),
        "The mask '1.png' has 30×20 pixels, its picture '1.png' 20×30; put it right",
    ),
    "half a picture": (lambda images, _: truncate(images / "1.png"), "'1.png' is damaged .*; give it anew"),
    "half a mask": (lambda _, masks: truncate(masks / "1.png"), "The mask '1.png' is damaged .*; give it anew"),
    "text": (lambda _, masks: (masks / "1.png").write_text("hello"), "The mask '1.png' is no picture that can be read"),
    "colors for indices": (_coded_otherwise, "The mask '1.png' is a PNG of mode RGB; labels are a PNG of mode P or L"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_pair_stops_with_a_sentence_or_is_skipped(folders, kind):
    break_it, words = BREAKS[kind]
    break_it(*folders)
    concepts = ConceptSet.from_masks(*folders, INDICES)
    with pytest.raises(XaiwidgetsError, match=words):
        concepts.batch(ALL)
    batch = ConceptSet.from_masks(*folders, INDICES, broken="skip").batch(ALL)
    assert batch.ids.tolist() == [0, 2, 3]
    assert len(batch.skipped) == 1


@pytest.mark.parametrize(
    "classes",
    [{}, ["cat"], {"a": 1, "b": (0, 0, 1)}, {"a": 1, "b": 1}, {"a": 256}, {"a": -1}, {"a": 1.5}, {"a": (1, 2)}],
)
def test_classes_that_are_neither_indices_nor_colors_are_refused(folders, classes):
    with pytest.raises(XaiwidgetsError, match=r"^classes=.* was given; give"):
        ConceptSet.from_masks(*folders, classes)


def test_folders_that_hold_no_pairs_are_refused(folders, tmp_path):
    images, masks = folders
    (tmp_path / "empty").mkdir()
    with pytest.raises(XaiwidgetsError, match=r"no such' is no folder; give the one that holds the masks"):
        ConceptSet.from_masks(images, tmp_path / "no such", INDICES)
    with pytest.raises(XaiwidgetsError, match="holds no pictures; put PNG or JPEG files there"):
        ConceptSet.from_masks(tmp_path / "empty", masks, INDICES)
    with pytest.raises(XaiwidgetsError, match=r"size=0 was given"):
        ConceptSet.from_masks(images, masks, INDICES, size=0)
    Image.new("L", (2, 2)).save(tmp_path / "empty" / "other.png")
    with pytest.raises(XaiwidgetsError, match=r"No mask in .* has the name of a picture in"):
        ConceptSet.from_masks(images, tmp_path / "empty", INDICES)
    Image.new("L", (2, 2)).save(images / "0.png")
    with pytest.raises(XaiwidgetsError, match=r"holds '0.jpg' and '0.png'; leave one of each name"):
        ConceptSet.from_masks(images, masks, INDICES)
