"""Sets in COCO's panoptic format."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.broden_folder import made_again, same, truncate
from xaiwidgets import ConceptSet
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import read_image

ALL = slice(None)


def masks_of(place):
    """0 for none, 1 for the cat, 2 for the sky."""
    return np.random.default_rng(place).integers(0, 3, (20, 30))


IDS = np.array([0, 70, 3 + 256 * 5 + 65536 * 9])


@pytest.fixture
def coco(tmp_path):
    """Three pictures of 20×30 in COCO's panoptic format: a cat (17, a thing) of id 70 and sky (187) beyond 2 bytes."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    known = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 187, "name": "sky", "isthing": 0}, {"id": 17, "name": "cat", "isthing": 1}],
    }
    segments = [{"id": 70, "category_id": 17}, {"id": int(IDS[2]), "category_id": 187}]
    for place in range(3):
        pixels = np.random.default_rng(place).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"images/{place}.jpg")
        save_ids(IDS[masks_of(place)], tmp_path / f"masks/{place}.png")
        known["images"].append({"id": 10 + place, "file_name": f"{place}.jpg", "height": 20, "width": 30})
        known["annotations"].append({"image_id": 10 + place, "file_name": f"{place}.png", "segments_info": segments})
    known["images"].reverse()
    (tmp_path / "panoptic.json").write_text(json.dumps(known))
    return tmp_path


def save_ids(ids, path):
    Image.fromarray(np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1).astype(np.uint8)).save(path)


def panoptic(folder, **options):
    options = {"size": (20, 30), **options}
    return ConceptSet.from_panoptic(folder / "panoptic.json", folder / "images", folder / "masks", **options)


def test_segments_are_things_and_stuff(coco):
    concepts = panoptic(coco)
    assert concepts.concepts == (("sky", "stuff"), ("cat", "thing"))
    batch = concepts.batch(ALL)
    assert np.array_equal(batch.layers[:, 0].numpy(), [np.array([0, 2, 1])[masks_of(place)] for place in range(3)])
    assert torch.equal(batch.images[1], read_image(coco / "images/1.jpg", (3, 20, 30)))
    assert same(batch, made_again(concepts).batch(ALL))
    square = panoptic(coco, size=10, broken="skip")
    assert (square.shape, square.label_shape) == ((3, 10, 10), (10, 10))
    assert same(square.batch(ALL), made_again(square).batch(ALL))


def edited(part, place, **changes):
    def change(folder):
        known = json.loads((folder / "panoptic.json").read_text())
        known[part][place].update(changes)
        (folder / "panoptic.json").write_text(json.dumps(known))

    return change


COCO_BREAKS = {
    "an id without a segment": (
        lambda folder: save_ids(np.full((20, 30), 71), folder / "masks/1.png"),
        "panoptic.json, annotation 1: the mask '1.png' has the id 71, which no segment names; put it right",
    ),
    "an unknown category": (
        edited("annotations", 1, segments_info=[{"id": 70, "category_id": 99}]),
        "panoptic.json, annotation 1 has a segment 70 of the category 99, which 'categories' lacks",
    ),
    "an unknown image": (
        edited("annotations", 1, image_id=99),
        "annotation 1 is of the image 99, which 'images' lacks",
    ),
    "no picture": (
        lambda folder: (folder / "images/1.jpg").unlink(),
        "panoptic.json, annotation 1: the picture '1.jpg' is missing; put it there",
    ),
    "no mask": (lambda folder: (folder / "masks/1.png").unlink(), "annotation 1: the mask '1.png' is missing"),
    "another size": (edited("images", 1, width=31), "the picture '1.jpg' has 20×30 pixels, panoptic.json says 20×31"),
    "another size of the mask": (
        lambda folder: save_ids(np.zeros((20, 31), int), folder / "masks/1.png"),
        "the mask '1.png' has 20×31 pixels, its picture '1.jpg' 20×30",
    ),
    "half a mask": (lambda folder: truncate(folder / "masks/1.png"), "the mask '1.png' is damaged"),
    "half a picture": (lambda folder: truncate(folder / "images/1.jpg"), "the picture '1.jpg' is damaged"),
    "a grey mask": (
        lambda folder: Image.new("L", (30, 20)).save(folder / "masks/1.png"),
        "the mask '1.png' is a PNG of mode L; labels are a PNG of mode RGB or RGBA",
    ),
}


@pytest.mark.parametrize("kind", COCO_BREAKS)
def test_a_broken_annotation_stops_with_a_sentence_or_is_skipped(coco, kind):
    break_it, words = COCO_BREAKS[kind]
    break_it(coco)
    with pytest.raises(XaiwidgetsError, match=words):
        panoptic(coco).batch(ALL)
    batch = panoptic(coco, broken="skip").batch(ALL)
    assert batch.ids.tolist() == [0, 2]
    assert len(batch.skipped) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "panoptic.json' is missing; give a JSON file in COCO's panoptic format"),
        ("{", "panoptic.json' is no JSON"),
        ("[]", "panoptic.json' has no images"),
        ('{"images": [{"id": 1}]}', "entry 0 of 'images' has no 'file_name' as it should be; give it id, file_name"),
    ],
)
def test_a_file_that_is_not_in_the_format_is_refused(coco, text, words):
    (coco / "panoptic.json").unlink()
    if text is not None:
        (coco / "panoptic.json").write_text(text)
    with pytest.raises(XaiwidgetsError, match=words):
        panoptic(coco)


def test_a_set_of_segments_is_saved_in_the_format_of_broden(coco, tmp_path):
    concepts = panoptic(coco)
    saved = ConceptSet.from_broden(concepts.save(tmp_path / "saved"))
    assert saved.concepts == concepts.concepts
    assert torch.equal(saved.batch(ALL).images, concepts.batch(ALL).images)
    assert torch.equal(saved.batch(ALL).layers.sum(1), concepts.batch(ALL).layers.sum(1))
