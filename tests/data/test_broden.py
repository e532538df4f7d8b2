"""Sets in the directory format of Broden: what is read, and by several threads."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.broden_folder import (
    CONCEPTS,
    change_row,
    label_arrays,
    label_sets,
    made_again,
    same,
    write_folder,
)
from xaiwidgets import ConceptSet
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.reading_pool import together
from xaiwidgets.data._concepts.stores import ConceptStore

ALL = slice(None)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "set")


def expected_labels(place):
    """What `label_sets` should find in an image, written down once more from the arrays."""
    names = {"color": {1: "red", 2: "blue"}, "object": {3: "sky", 4: "wheel", 300: "car, old"}}
    names["part"] = {4: "wheel", 8: "door"}
    arrays = label_arrays(place)
    pixels = [
        {(names[file.split("_")[0]][n], file.split("_")[0]) for file in arrays if (n := int(arrays[file].flat[pixel]))}
        for pixel in range(24)
    ]
    whole = {("striped", "texture"), ("dotted", "texture")} if place % 2 else set()
    return pixels, whole | ({("street", "scene")} if place % 3 == 0 else set())


def test_a_folder_is_read_as_it_was_written(folder):
    concepts = ConceptSet.from_broden(folder)
    assert (len(concepts), concepts.shape, concepts.label_shape) == (4, (3, 8, 12), (4, 6))
    assert concepts.concepts == CONCEPTS
    assert concepts.categories == ("color", "object", "part", "scene", "texture")
    batch = concepts.batch(ALL)
    assert label_sets(concepts, batch) == [expected_labels(place) for place in range(4)]
    for place in range(4):
        pixels = np.asarray(Image.open(folder / f"images/a/{place}.png"))
        assert torch.equal(batch.images[place], torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255)
    assert torch.equal(concepts.images.batch([2, 0]), batch.images[[2, 0]])


def test_the_dominant_label_of_a_pixel_stands_first_and_alone_if_the_second_is_the_same(folder):
    concepts = ConceptSet.from_broden(folder)
    first, second = concepts.batch([0]).layers[0, 2:4].numpy()
    arrays = label_arrays(0)
    wheel = 1 + CONCEPTS.index(("wheel", "part"))
    assert np.array_equal(first == wheel, arrays["part"] == 4)
    assert np.array_equal(second == wheel, (arrays["part_2"] == 4) & (arrays["part"] != 4))


def test_a_label_of_the_whole_image_is_in_no_pixel_of_it(folder):
    change_row(folder, 1, "part", "4;a/1_part.png")
    concepts = ConceptSet.from_broden(folder)
    batch, wheel = concepts.batch([1]), CONCEPTS.index(("wheel", "part"))
    assert batch.whole[0, wheel]
    assert not (batch.layers == wheel + 1).any()


def test_a_split_is_its_rows(folder):
    part = ConceptSet.from_broden(folder, split="val")
    assert torch.equal(part.batch(ALL).images, ConceptSet.from_broden(folder).batch([1, 3]).images)
    with pytest.raises(XaiwidgetsError, match=r"index.csv' has no rows of the split 'vale'; nearest: 'val'"):
        ConceptSet.from_broden(folder, split="vale")


@pytest.mark.parametrize("options", [{}, {"split": "val"}, {"broken": "skip"}, {"split": "train", "broken": "skip"}])
def test_a_source_makes_an_equal_set(folder, options):
    concepts = ConceptSet.from_broden(folder, **options)
    again = made_again(concepts)
    assert (again.broken, again.concepts) == (concepts.broken, concepts.concepts)
    assert same(concepts.batch(ALL), again.batch(ALL))


def test_without_tables_of_categories_the_labels_say_what_they_are(folder):
    expected = ConceptSet.from_broden(folder).batch(ALL)
    for path in [*folder.glob("c_*.csv"), folder / "category.csv"]:
        path.unlink()
    concepts = ConceptSet.from_broden(folder)
    assert set(concepts.concepts) == set(CONCEPTS)
    assert label_sets(concepts, concepts.batch(ALL)) == [expected_labels(place) for place in range(4)]
    assert torch.equal(concepts.batch(ALL).images, expected.images)


def test_an_image_without_labels_has_no_layers(folder):
    for column in ("color", "object", "part", "scene"):
        change_row(folder, 0, column, "")
    concepts = ConceptSet.from_broden(folder)
    assert concepts.batch([0]).layers.shape == (1, 0, 4, 6)
    assert not concepts.batch([0, 1]).layers[0].any()


def test_suffixes_stay_where_two_names_would_become_one(folder):
    path = folder / "c_color.csv"
    path.write_text(path.read_text().replace("blue-c", "red"))
    assert ConceptSet.from_broden(folder).concepts[:2] == (("red-c", "color"), ("red", "color"))


def test_a_png_with_a_palette_or_transparency_holds_the_same_labels(folder):
    expected = ConceptSet.from_broden(folder).batch(ALL)
    for place, mode in enumerate(["P", "RGBA"]):
        path = folder / f"images/a/{place}_object.png"
        colors = Image.open(path)
        (colors.convert("P", palette=Image.Palette.ADAPTIVE) if mode == "P" else colors.convert(mode)).save(path)
    assert torch.equal(ConceptSet.from_broden(folder).batch(ALL).layers, expected.layers)


def test_tables_of_other_programs_are_read_too(folder):
    for path in folder.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert ConceptSet.from_broden(folder).concepts == CONCEPTS


def test_threads_keep_the_order(tmp_path):
    concepts = ConceptSet.from_broden(write_folder(tmp_path / "set", count=40))
    store, order = concepts._store, np.random.default_rng(0).permutation(40).tolist()
    many, one = store.read_many(order), ConceptStore.read_many(store, order)
    for first, second in zip(many, one, strict=True):
        assert torch.equal(first.image, second.image)
        assert torch.equal(first.layers, second.layers)
        assert first.whole == second.whole


def test_several_are_read_at_a_time():
    meeting = threading.Barrier(2, timeout=20)
    assert len(together(lambda _: meeting.wait(), [0, 1])) == 2  # each waits for the other


def test_a_table_of_the_real_size_is_read(folder):
    lines = (folder / "index.csv").read_text().splitlines()
    (folder / "index.csv").write_text("\n".join([lines[0], *(lines[1:] * 16_000)]))
    assert len(ConceptSet.from_broden(folder)) == 64_000
