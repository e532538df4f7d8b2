"""A set written as a directory in the format of Broden."""

import csv
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.broden_tables import CATEGORY, CODES, INDEX, LABEL, MOST, SUFFIXES
from xaiwidgets.data._concepts.reading_pool import together
from xaiwidgets.data.concept_set import ConceptBatch, ConceptSet

_BATCH = 64
_CHANNELS = {1, 3}
_UNFIT = set('/\\:*?"<>|;')  # in the name of a file, or of a cell's item


def write_broden(concepts: ConceptSet, folder: Path) -> Path:
    """Write the set into a new folder that `ConceptSet.from_broden` reads again; returns the folder.

    Images are PNG files of 8 bits: bytes come back equal, other numbers within 1/510; grey images come back with three
    equal channels. A label's number is 1 + its concept's place; colors and scenes get the suffixes that reading takes
    away. Concepts come back by categories. Every image is of the split "train". Broken images are left out of a set
    with ``broken="skip"``; otherwise the first one raises, and nothing is written. So does a folder that is not empty.
    """
    _refuse(concepts, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # beside its place, and moved when it is whole
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder.parent) as work:
        half = Path(work) / "set"
        (half / "images").mkdir(parents=True)
        _Writer(concepts, half).write()
        if folder.is_dir():  # empty; not every system moves onto it
            folder.rmdir()
        half.rename(folder)
    return folder


class _Writer:
    """Writes images as they come, counts, and writes the tables at the end."""

    def __init__(self, concepts: ConceptSet, folder: Path) -> None:
        self.concepts, self.folder, self.categories = concepts, folder, concepts.categories
        count = len(concepts.concepts)
        self.frequency, self.coverage = np.zeros(count + 1, np.int64), np.zeros(count + 1)
        places = [0, *(1 + self.categories.index(category) for _, category in concepts.concepts)]
        self.category_of = np.array(places)  # by the label's number; 1 + its place, 0 for none

    def write(self) -> None:
        rows = []
        for start in range(0, len(self.concepts), _BATCH):
            batch = self.concepts.batch(slice(start, start + _BATCH))
            rows += together(lambda place, batch=batch: self._image(batch, place), range(len(batch.ids)))
            self._count(batch)
        if not rows:
            raise XaiwidgetsError("Every image of the set is broken, so nothing was written.")
        _write_table(self.folder / "index.csv", [*INDEX, *self.categories], rows)
        self._write_labels()

    def _image(self, batch: ConceptBatch, place: int) -> list[Any]:
        """Write the files of an image; returns its row of index.csv."""
        name = int(batch.ids[place])
        pixels = batch.images[place].mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        _save(pixels[..., 0] if pixels.shape[2] == 1 else pixels, self.folder / "images" / f"{name}.png")
        layers = batch.layers[place].numpy()
        whole = batch.whole[place].nonzero().flatten().add(1).tolist()
        cells = [
            ";".join([*self._label_files(name, layers, category), *(str(n) for n in whole if self._is(n, category))])
            for category in range(len(self.categories))
        ]
        sizes = [*self.concepts.shape[1:], *self.concepts.label_shape]
        return [f"{name}.png", "train", *sizes, *cells]

    def _label_files(self, name: int, layers: np.ndarray, category: int) -> list[str]:
        """A file for each layer that has a label of the category."""
        files: list[str] = []
        for layer in layers:
            numbers = np.where(self.category_of[layer] == category + 1, layer, 0)
            if numbers.any():
                files.append(f"{name}_{self.categories[category]}{f'_{len(files)}' * bool(files)}.png")
                colors = np.stack([numbers & 255, numbers >> 8, np.zeros_like(numbers)], axis=-1)
                _save(colors.astype(np.uint8), self.folder / "images" / files[-1])
        return files

    def _is(self, number: int, category: int) -> bool:
        return self.category_of[number] == category + 1

    def _count(self, batch: ConceptBatch) -> None:
        """Add up for each label the images that have it, and the parts of them that it covers."""
        pixels = np.prod(self.concepts.label_shape)
        for layers, whole in zip(batch.layers.numpy(), batch.whole, strict=True):
            covered = np.bincount(layers.ravel(), minlength=len(self.frequency)) / pixels
            covered[1:][whole.numpy()] = 1
            covered[0] = 0
            self.frequency += covered > 0
            self.coverage += covered

    def _write_labels(self) -> None:
        names = [name + SUFFIXES.get(category, "") for name, category in self.concepts.concepts]
        stands = [(number, name) for number, name in enumerate(names, 1)]
        how = {number: (int(self.frequency[number]), f"{self.coverage[number]:.6f}") for number, _ in stands}
        kinds = [category for _, category in self.concepts.concepts]
        rows = [(n, name, f"{kinds[n - 1]}({how[n][0]})", *how[n], "") for n, name in stands]
        _write_table(self.folder / "label.csv", LABEL, rows)
        listed = []
        for category in self.categories:
            own = [(n, name) for n, name in stands if kinds[n - 1] == category]
            rows = [(code, n, name, *how[n]) for code, (n, name) in enumerate(own, 1)]
            _write_table(self.folder / f"c_{category}.csv", CODES, rows)
            listed.append((category, own[0][0], own[-1][0], len(own), sum(how[n][0] for n, _ in own)))
        _write_table(self.folder / "category.csv", CATEGORY, listed)


def _refuse(concepts: ConceptSet, folder: Path) -> None:
    """What cannot be written, or not there."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise XaiwidgetsError(f"{str(folder)!r} is there already; give a new folder, or an empty one.")
    if len(concepts.concepts) > MOST:
        raise XaiwidgetsError(f"The set has {len(concepts.concepts):,} concepts; files of labels number {MOST:,}.")
    if concepts.shape[0] not in _CHANNELS:
        raise XaiwidgetsError(f"The images have {concepts.shape[0]} channels; those of 1 or 3 can be written.")
    for category in concepts.categories:
        if not category.strip() or category in INDEX or _UNFIT & set(category) or not category.isprintable():
            raise XaiwidgetsError(
                f"The category {category!r} cannot be a column and part of a file's name; give it another name."
            )


def _save(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels).save(path, compress_level=3)  # a third of the time for a tenth more bytes


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
