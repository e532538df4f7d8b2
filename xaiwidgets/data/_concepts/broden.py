"""Sets of labelled images in the directory format of Broden.

Bau, Zhou, Khosla, Oliva and Torralba, "Network Dissection: Quantifying Interpretability of Deep Visual
Representations", CVPR 2017, http://netdissect.csail.mit.edu.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.data._concepts.broden_tables import MOST, Row, read_index, read_names
from xaiwidgets.data._concepts.files import (
    REMEDY,
    FileStore,
    color_codes,
    decoded_image,
    decoding,
    label_array_type,
    opened_file,
    opened_labels,
    same_size,
    upright_size,
)
from xaiwidgets.data._concepts.stores import Labelled, distinct

_UNKNOWN = -1


class BrodenStore(FileStore):
    """A folder with index.csv, label.csv, c_<category>.csv and images/.

    A row of index.csv has for each category a cell with nothing, with numbers of labels that the whole image has, or
    with PNG files under images/ whose pixels are labelled red + 256 · green, 0 for none; several are divided by
    semicolons, the dominant first. A label's number in another category is another concept. Concepts stand by
    categories, in the order of the columns. Their names lose the ``-c`` that Broden hangs onto every color ("red-c")
    and the ``-s`` of every scene ("street-s"); no other name is changed.
    """

    def __init__(self, folder: Path, split: str | None) -> None:
        self.folder = folder
        self._categories, rows = read_index(folder)
        self._rows = rows if split is None else _of_split(rows, split, folder)
        names = read_names(folder, self._categories)
        self.concepts = tuple((name, category) for category in self._categories for name in names[category].values())
        if not self.concepts:
            raise XaiwidgetsError(f"{str(folder / 'label.csv')!r} has no labels; give one or more, each in a category.")
        self.shape, self.label_shape = (3, *self._rows[0].size), self._rows[0].label_size
        self._lookup = _lookup_tables(names)
        self.source = f"xw.ConceptSet.from_broden({str(folder)!r}{f', split={split!r}' * (split is not None)})"

    def __len__(self) -> int:
        return len(self._rows)

    def image(self, place: int) -> Tensor:
        """Decoded; its size is what its row and the first row say."""
        row = self._rows[place]
        self._refuse_other_sizes(row)
        name = _name(row, row.image)
        with opened_file(self.folder / "images" / row.image, name) as picture, decoding(name):
            same_size(upright_size(picture), row.size, name, "its row says")
            return decoded_image(picture, row.size)

    def read(self, place: int) -> Labelled:
        """With the labels of every category."""
        image, row = self.image(place), self._rows[place]
        layers, whole = [], []
        for category, cell in zip(self._categories, row.cells, strict=True):
            if cell:
                found, places = self._labels(row, category, cell)
                layers.append(found)
                whole += places
        return Labelled(image, torch.cat(layers) if layers else self._no_layers(), tuple(whole))

    def _labels(self, row: Row, category: str, cell: str) -> tuple[Tensor, list[int]]:
        """The layers and the whole labels of one category."""
        items = [item.strip() for item in cell.split(";")]
        numbers = [int(item) for item in items if _is_number(item)]
        files = [item for item in items if item and not _is_number(item)]
        places = [self._place(row, category, number) for number in dict.fromkeys(numbers) if number]
        if not files:
            return self._no_layers(), places
        layers = np.stack([self._layer(row, category, file) for file in files])
        return distinct(torch.from_numpy(layers), places), places

    def _layer(self, row: Row, category: str, file: str) -> np.ndarray:
        """1 + the concept's place in every pixel, 0 for none."""
        name = _name(row, file)
        with opened_labels(self.folder / "images" / file, name, ("RGB", "RGBA", "P")) as picture, decoding(name):
            same_size(picture.size[::-1], row.label_size, name, "its row says")
            numbers = color_codes(picture, last=2)
        layer = self._lookup[category].take(numbers)
        if layer.min() == _UNKNOWN:
            raise self._unknown(f"{name} has", category, numbers[layer == _UNKNOWN][0])
        return layer

    def _place(self, row: Row, category: str, number: int) -> int:
        found = self._lookup[category][number] if 0 <= number <= MOST else _UNKNOWN
        if found == _UNKNOWN:
            raise self._unknown(f"index.csv, line {row.line} ({row.image!r}) has", category, number)
        return int(found) - 1

    def _unknown(self, said: str, category: str, number: int) -> XaiwidgetsError:
        own = f"c_{category}.csv"
        table = own if (self.folder / own).is_file() else "label.csv"
        return XaiwidgetsError(
            f"{said} the label {number} in the category {category!r}, which {table} does not have; {REMEDY}."
        )

    def _refuse_other_sizes(self, row: Row) -> None:
        name, first = f"index.csv, line {row.line}: {row.image!r}", f"line {self._rows[0].line} has"
        same_size(row.size, self.shape[1:], name, first)
        same_size(row.label_size, self.label_shape, f"{name} with its labels", first)

    def _no_layers(self) -> Tensor:
        return torch.from_numpy(np.empty((0, *self.label_shape), label_array_type(len(self.concepts))))


def _of_split(rows: list[Row], split: str, folder: Path) -> list[Row]:
    kept = [row for row in rows if row.split == split]
    if not kept:
        close = nearest(split, sorted({row.split for row in rows}))
        raise XaiwidgetsError(f"{str(folder / 'index.csv')!r} has no rows of the split {split!r}; {close}.")
    return kept


def _lookup_tables(names: dict[str, dict[int, str]]) -> dict[str, np.ndarray]:
    """For each category 1 + the concept's place by the label's number."""
    count, tables = 0, {}
    kind = label_array_type(sum(map(len, names.values())))
    for category, numbers in names.items():
        tables[category] = np.full(MOST + 1, _UNKNOWN, kind)
        tables[category][0] = 0
        tables[category][list(numbers)] = np.arange(count + 1, count + 1 + len(numbers))
        count += len(numbers)
    return tables


def _is_number(item: str) -> bool:
    return item.isascii() and item.removeprefix("-").isdecimal()


def _name(row: Row, file: str) -> str:
    return f"index.csv, line {row.line}: {f'images/{file}'!r}"
