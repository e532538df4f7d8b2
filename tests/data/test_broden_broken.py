"""Folders in the format of Broden that are broken: which file, which row, and what to do."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data.broden_folder import change_row, save_labels, truncate, write_folder
from xaiwidgets import ConceptSet
from xaiwidgets.core import XaiwidgetsError

ALL = slice(None)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "set")


def _greyed(folder):
    path = folder / "images/a/2_color.png"
    Image.open(path).convert("L").save(path)


def _jpeg_in_disguise(folder):
    Image.open(folder / "images/a/2_color.png").save(folder / "images/a/2_color.png", format="JPEG")


BREAKS = {
    "no label file": (
        lambda folder: (folder / "images/a/2_part_2.png").unlink(),
        "index.csv, line 4: 'images/a/2_part_2.png' is missing; put it there",
    ),
    "no image": (
        lambda folder: (folder / "images/a/2.png").unlink(),
        "index.csv, line 4: 'images/a/2.png' is missing; put it there",
    ),
    "a folder for an image": (
        lambda folder: change_row(folder, 2, "image", "a"),
        "index.csv, line 4: 'images/a' is missing",
    ),
    "a label out of the table": (
        lambda folder: save_labels(np.full((4, 6), 517), folder / "images/a/2_object.png"),
        "index.csv, line 4: 'images/a/2_object.png' has the label 517 in the category 'object', which c_object.csv",
    ),
    "a label of another category": (
        lambda folder: save_labels(np.full((4, 6), 3), folder / "images/a/2_color.png"),
        "index.csv, line 4: 'images/a/2_color.png' has the label 3 in the category 'color', which c_color.csv",
    ),
    "a whole label out of the table": (
        lambda folder: change_row(folder, 2, "scene", "70000"),
        r"index.csv, line 4 \('a/2.png'\) has the label 70000 in the category 'scene', which c_scene.csv",
    ),
    "a negative whole label": (
        lambda folder: change_row(folder, 2, "scene", "-1"),
        r"line 4 \('a/2.png'\) has the label -1 in the category 'scene'",
    ),
    "labels of another size": (
        lambda folder: save_labels(np.ones((6, 4), int), folder / "images/a/2_color.png"),
        "line 4: 'images/a/2_color.png' has 6×4 pixels, its row says 4×6; put it right",
    ),
    "an image of another size": (
        lambda folder: Image.new("RGB", (8, 12)).save(folder / "images/a/2.png"),
        "line 4: 'images/a/2.png' has 12×8 pixels, its row says 8×12; put it right",
    ),
    "a row of another size": (
        lambda folder: change_row(folder, 2, "iw", "13"),
        "index.csv, line 4: 'a/2.png' has 8×13 pixels, line 2 has 8×12; put it right",
    ),
    "a row with another size of labels": (
        lambda folder: change_row(folder, 2, "sh", "5"),
        "index.csv, line 4: 'a/2.png' with its labels has 5×6 pixels, line 2 has 4×6",
    ),
    "half an image": (
        lambda folder: truncate(folder / "images/a/2.png"),
        "line 4: 'images/a/2.png' is damaged .*; give it anew, or leave broken images out with broken='skip'",
    ),
    "half a label file": (
        lambda folder: truncate(folder / "images/a/2_color.png"),
        "line 4: 'images/a/2_color.png' is damaged",
    ),
    "text for an image": (
        lambda folder: (folder / "images/a/2.png").write_text("hello"),
        "line 4: 'images/a/2.png' is no picture that can be read; give a PNG",
    ),
    "nothing for a label file": (
        lambda folder: (folder / "images/a/2_color.png").write_bytes(b""),
        "line 4: 'images/a/2_color.png' is no picture",
    ),
    "grey labels": (_greyed, "'images/a/2_color.png' is a PNG of mode L; labels are a PNG of mode RGB or RGBA or P"),
    "lossy labels": (_jpeg_in_disguise, "'images/a/2_color.png' is a JPEG of mode RGB; labels are a PNG"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_row_stops_with_a_sentence_or_is_skipped(folder, kind):
    break_it, words = BREAKS[kind]
    break_it(folder)
    with pytest.raises(XaiwidgetsError, match=words):
        ConceptSet.from_broden(folder).batch(ALL)
    assert len(ConceptSet.from_broden(folder).batch([0, 1, 3]).ids) == 3
    batch = ConceptSet.from_broden(folder, broken="skip").batch(ALL)
    assert batch.ids.tolist() == [0, 1, 3]
    assert len(batch.skipped) == 1
    with pytest.raises(XaiwidgetsError, match=words):
        raise XaiwidgetsError(batch.skipped[0])
    assert len(batch.images) == len(batch.layers) == len(batch.whole) == 3


def test_a_batch_of_broken_images_is_empty(folder):
    (folder / "images/a/2.png").unlink()
    batch = ConceptSet.from_broden(folder, broken="skip").batch([2])
    assert (batch.images.shape, batch.layers.shape[2:], len(batch.skipped)) == ((0, 3, 8, 12), (4, 6), 1)


def _rewrite(name, old, new):
    def change(folder):
        path = folder / name
        path.write_text(path.read_text().replace(old, new, 1))

    return change


TABLES = [
    (shutil.rmtree, r"index.csv' is missing; give a folder in the directory format of Broden"),
    (lambda folder: (folder / "label.csv").unlink(), r"label.csv' is missing; give a folder in the directory format"),
    (_rewrite("index.csv", "image,split", "picture,split"), r"index.csv' begins with the line 'picture,split,ih.*give"),
    (_rewrite("index.csv", "image,split", "split,image"), r"'split,image,ih.*give it the columns image,split,ih,iw,sh"),
    (_rewrite("index.csv", ",texture", ",scene"), r"begins with the line .*,scene,scene'; give"),
    (_rewrite("index.csv", ",texture", ",mood"), r"a column 'mood', but there is no c_mood.csv.*; add the table, or"),
    (
        _rewrite("label.csv", "number,name", "nr,name"),
        r"label.csv' begins with the line 'nr,name,.*columns number,name",
    ),
    (_rewrite("c_color.csv", "code,number", "code,nr"), r"c_color.csv' begins with the line 'code,nr,.*code,number"),
    (_rewrite("index.csv", "a/2_color.png,", ""), r"index.csv', line 4 has 10 cells \(a/2.png,.*\); give 11: image,"),
    (_rewrite("label.csv", "3,sky,", "3,sky,,"), r"label.csv', line 4 has 7 cells .*; give 6: number,"),
    (lambda folder: change_row(folder, 2, "ih", "8.5"), r"index.csv', line 4: the sizes ih,iw,sh,sw are 8.5,12,4,6; "),
    (lambda folder: change_row(folder, 2, "sw", "0"), r"index.csv', line 4: .* 8,12,4,0; give whole numbers"),
    (lambda folder: change_row(folder, 0, "number", "x", "c_part.csv"), r"c_part.csv', line 2: .*'wheel' has the num"),
    (lambda folder: change_row(folder, 1, "number", "4", "c_part.csv"), r"c_part.csv', line 3: .*'door' has .* '4'"),
    (lambda folder: change_row(folder, 8, "number", "65536", "label.csv"), r"label.csv', line 10: .* from 1 to 65535"),
    (lambda folder: (folder / "index.csv").write_bytes(b"\xff\xfe\x00"), r"index.csv' is no table of comma-separated"),
    (lambda folder: (folder / "index.csv").write_text(""), r"index.csv' begins with the line ''; give it"),
    (lambda folder: (folder / "index.csv").write_text("image,split,ih,iw,sh,sw,color\n"), r"index.csv' has no rows"),
    (
        lambda folder: (folder / "index.csv").write_text("image,split,ih,iw,sh,sw\na/0.png,x,8,12,4,6\n"),
        r"label.csv' has no labels; give one",
    ),
]


@pytest.mark.parametrize("broken", ["stop", "skip"])
@pytest.mark.parametrize(("change", "words"), TABLES)
def test_a_broken_table_is_refused_before_any_picture_is_read(folder, change, words, broken):
    change(folder)
    with pytest.raises(XaiwidgetsError, match=words):
        ConceptSet.from_broden(folder, broken=broken)
