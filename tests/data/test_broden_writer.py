"""Sets written in the format of Broden, and read again."""

import shutil

import numpy as np
import pytest
import torch

from tests.data.broden_folder import label_sets, write_folder
from xaiwidgets import ConceptSet
from xaiwidgets.core import XaiwidgetsError

ALL = slice(None)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "set")


def test_what_is_saved_is_read_again(folder, tmp_path):
    concepts = ConceptSet.from_broden(folder)
    saved = ConceptSet.from_broden(concepts.save(tmp_path / "new" / "copy"))
    assert saved.concepts == concepts.concepts
    one, other = concepts.batch(ALL), saved.batch(ALL)
    assert torch.equal(one.images, other.images)  # they were bytes
    assert label_sets(concepts, one) == label_sets(saved, other)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]


def test_layers_of_mixed_categories_and_numbers_beyond_a_byte_are_saved(tmp_path):
    names = {"thing": [f"thing {n}" for n in range(400)], "color": ["red-c", "red"], "a b": ["x, y"]}
    draw = np.random.default_rng(0)
    masks = {category: draw.integers(0, len(known) + 1, (5, 7, 9)) for category, known in names.items()}
    concepts = ConceptSet.from_arrays(torch.rand(5, 3, 14, 18), masks, names)
    saved = ConceptSet.from_broden(concepts[1:4].save(tmp_path / "copy"))
    one, other = concepts.batch([1, 2, 3]), saved.batch(ALL)
    assert (one.images - other.images).abs().max() <= 1 / 510 + 1e-6
    assert label_sets(concepts, one) == label_sets(saved, other)


def test_the_tables_count_images_and_what_labels_cover(tmp_path):
    masks = {"object": np.array([[[1, 0], [0, 0]], [[1, 1], [0, 2]]])}
    ConceptSet.from_arrays(torch.rand(2, 1, 2, 2), masks, {"object": ["a", "b", "never"]}).save(tmp_path / "set")
    lines = (tmp_path / "set/label.csv").read_text().splitlines()[1:]
    assert lines == [
        "1,a,object(2),2,0.750000,",
        "2,b,object(1),1,0.250000,",
        "3,never,object(0),0,0.000000,",
    ]
    assert (tmp_path / "set/c_object.csv").read_text().splitlines()[2] == "2,2,b,1,0.250000"
    assert (tmp_path / "set/category.csv").read_text().splitlines()[1:] == ["object,1,3,3,3"]
    index = (tmp_path / "set/index.csv").read_text().splitlines()
    assert index == ["image,split,ih,iw,sh,sw,object", *(f"{n}.png,train,2,2,2,2,{n}_object.png" for n in range(2))]
    assert ConceptSet.from_broden(tmp_path / "set").shape == (3, 2, 2)


def test_a_whole_label_covers_its_image(folder, tmp_path):
    ConceptSet.from_broden(folder).save(tmp_path / "copy")
    street = (tmp_path / "copy/c_scene.csv").read_text().splitlines()[1]
    assert street == "1,8,street-s,2,2.000000"
    second = (tmp_path / "copy/index.csv").read_text().splitlines()[2]
    assert second.split(",")[-3:] == ["1_part.png;1_part_1.png", "", "9;10"]


def test_broken_images_are_left_out_or_nothing_is_written(folder, tmp_path):
    (folder / "images/a/2.png").unlink()
    with pytest.raises(XaiwidgetsError, match="line 4"):
        ConceptSet.from_broden(folder).save(tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    saved = ConceptSet.from_broden(ConceptSet.from_broden(folder, broken="skip").save(tmp_path / "copy"))
    assert len(saved) == 3
    shutil.rmtree(folder / "images")
    with pytest.raises(XaiwidgetsError, match="Every image of the set is broken"):
        ConceptSet.from_broden(folder, broken="skip").save(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_set_is_saved_into_a_new_or_an_empty_folder(folder, tmp_path):
    concepts = ConceptSet.from_broden(folder)
    (tmp_path / "empty").mkdir()
    assert len(ConceptSet.from_broden(concepts.save(tmp_path / "empty"))) == 4
    for taken in (folder, folder / "label.csv"):
        with pytest.raises(XaiwidgetsError, match="is there already; give a new folder, or an empty one"):
            concepts.save(taken)


@pytest.mark.parametrize(
    ("channels", "category", "words"),
    [
        (2, "object", "2 channels; those of 1 or 3 can be written"),
        (3, "a/b", "The category 'a/b' cannot be a column"),
        (3, "split", "The category 'split' cannot be a column"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, channels, category, words):
    concepts = ConceptSet.from_arrays(
        torch.rand(1, channels, 2, 2), {category: np.ones((1, 2, 2), int)}, {category: ["a"]}
    )
    with pytest.raises(XaiwidgetsError, match=words):
        concepts.save(tmp_path / "set")
    assert not (tmp_path / "set").exists()
