"""A small folder in the directory format of Broden, with all that the real one has; and how sets are compared."""

import csv

import numpy as np
import torch
from PIL import Image

import xaiwidgets as xw

HEADER = "image,split,ih,iw,sh,sw,color,object,part,scene,texture"
SIZE, LABEL_SIZE = (8, 12), (4, 6)
CONCEPTS = (
    ("red", "color"),
    ("blue", "color"),
    ("sky", "object"),
    ("wheel", "object"),
    ("car, old", "object"),
    ("wheel", "part"),
    ("door", "part"),
    ("street", "scene"),
    ("striped", "texture"),
    ("dotted", "texture"),
)
_LABELS = """number,name,category,frequency,coverage,syns
1,red-c,color(4),4,2.0,
2,blue-c,color(4),4,2.0,azure-c
3,sky,object(4),4,1.0,
4,wheel,object(2);part(1),3,0.5,
5,street-s,scene(2),2,2.0,
6,striped,texture(1),1,1.0,
7,dotted,texture(1),1,1.0,
8,door,part(4),4,0.5,
300,"car, old",object(4),4,1.0,automobile;auto
"""
_CODES = {
    "color": "1,1,red-c,4,2.0\n2,2,blue-c,4,2.0",
    "object": '1,3,sky,4,1.0\n2,4,wheel,2,0.2\n3,300,"car, old",4,1.0',
    "part": "1,4,wheel,1,0.1\n2,8,door,4,0.5",
    "scene": "1,5,street-s,2,2.0",
    "texture": "1,6,striped,1,1.0\n2,7,dotted,1,1.0",
}


def write_folder(folder, count=4):
    """``count`` images "a/0.png" ... by turns of the splits "train" and "val"."""
    (folder / "images" / "a").mkdir(parents=True)
    rows = [HEADER]
    for place in range(count):
        pixels = np.random.default_rng(place).integers(0, 256, (*SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"a/{place}.png")
        for name, numbers in label_arrays(place).items():
            save_labels(numbers, folder / "images" / f"a/{place}_{name}.png")
        cells = [f"a/{place}_color.png", f"a/{place}_object.png", f"a/{place}_part.png;a/{place}_part_2.png"]
        cells += [["5", "", "0"][place % 3], ["", "6;7"][place % 2]]
        rows.append(f"a/{place}.png,{['train', 'val'][place % 2]},8,12,4,6,{','.join(cells)}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    (folder / "label.csv").write_text(_LABELS)
    first = {"color": 1, "object": 3, "part": 4, "scene": 5, "texture": 6}
    listed = "".join(f"{name},{first[name]},9,2,4\n" for name in _CODES)
    (folder / "category.csv").write_text("name,first,last,count,frequency\n" + listed)
    for category, lines in _CODES.items():
        (folder / f"c_{category}.csv").write_text(f"code,number,name,frequency,coverage\n{lines}\n")
    return folder


def label_arrays(place):
    """The labels' numbers of an image by the names of their files; the parts of a pixel may be the same twice."""
    draw = np.random.default_rng(100 + place)
    return {
        "color": draw.choice([1, 2], LABEL_SIZE),
        "object": draw.choice([0, 3, 4, 300], LABEL_SIZE),
        "part": draw.choice([0, 4, 8], LABEL_SIZE),
        "part_2": draw.choice([0, 4, 8], LABEL_SIZE),
    }


def save_labels(numbers, path):
    """Red + 256 · green."""
    Image.fromarray(np.stack([numbers % 256, numbers // 256, 0 * numbers], -1).astype(np.uint8)).save(path)


def change_row(folder, place, column, value, table="index.csv"):
    """Another value in a cell of a table."""
    with (folder / table).open(newline="") as file:
        rows = list(csv.reader(file))
    rows[place + 1][rows[0].index(column)] = value
    with (folder / table).open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def truncate(path):
    """Without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])


def label_sets(concepts, batch):
    """For each image the set of (name, category) of every pixel, and of the whole image."""
    names = [None, *concepts.concepts]
    found = []
    for layers, whole in zip(batch.layers, batch.whole, strict=True):
        pixels = layers.flatten(1).T.tolist()
        assert all(len(set(filter(None, pixel))) == sum(map(bool, pixel)) for pixel in pixels)
        found.append(
            (
                [{names[label] for label in pixel if label} for pixel in pixels],
                {names[place + 1] for place in whole.nonzero().flatten().tolist()},
            )
        )
    return found


def made_again(concepts):
    """The set that its source makes."""
    return eval(concepts.source, {"xw": xw})  # noqa: S307 - our own


def same(one, other):
    """Whether two batches are equal."""
    parts = ("ids", "images", "layers", "whole")
    return all(torch.equal(getattr(one, part), getattr(other, part)) for part in parts)
