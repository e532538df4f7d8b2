"""The tables of a directory in the format of Broden, read whole and refused in words."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from xaiwidgets.core import XaiwidgetsError

INDEX = ("image", "split", "ih", "iw", "sh", "sw")
LABEL = ("number", "name", "category", "frequency", "coverage", "syns")
CATEGORY = ("name", "first", "last", "count", "frequency")
CODES = ("code", "number", "name", "frequency", "coverage")

MOST = 2**16 - 1
"""The largest number of a label: red + 256 · green."""

SUFFIXES = {"color": "-c", "scene": "-s"}
"""What Broden hangs onto the names of two categories, to tell them from objects."""


class Row(NamedTuple):
    """A line of index.csv: an image, its (height, width) and its labels', and a cell for each category."""

    line: int
    image: str
    split: str
    size: tuple[int, int]
    label_size: tuple[int, int]
    cells: Sequence[str]


class Table(NamedTuple):
    """A file of comma-separated values; ``lines`` are (line number, cells)."""

    path: Path
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def columns(self, *names: str) -> Iterable[tuple[int, list[str]]]:
        """The line number and the cells of some columns."""
        places = [self.header.index(name) for name in names]
        return ((line, [cells[place] for place in places]) for line, cells in self.lines)


def read_index(folder: Path) -> tuple[tuple[str, ...], list[Row]]:
    """The categories, which are the columns behind the sizes, and the rows of index.csv."""
    table = _read(folder / "index.csv", INDEX, INDEX)
    first = len(INDEX)
    if table.header[:first] != list(INDEX) or len(set(table.header)) < len(table.header):
        raise _header_error(table.path, table.header, [*INDEX, "one for each category"])
    if not table.lines:
        raise XaiwidgetsError(f"{str(table.path)!r} has no rows; give one for each image.")
    rows = []
    for line, cells in table.lines:
        try:
            ih, iw, sh, sw = map(int, cells[2:first])
        except ValueError:
            ih = iw = sh = sw = 0
        if min(ih, iw, sh, sw) < 1:
            raise XaiwidgetsError(
                f"{str(table.path)!r}, line {line}: the sizes ih,iw,sh,sw are {','.join(cells[2:first])}; give whole "
                "numbers of at least 1."
            )
        rows.append(Row(line, cells[0], cells[1], (ih, iw), (sh, sw), cells[first:]))
    return tuple(table.header[first:]), rows


def read_names(folder: Path, categories: Sequence[str]) -> dict[str, dict[int, str]]:
    """For each category the names of its labels by their numbers, in the order of its table.

    Where c_<category>.csv is missing the labels are those that label.csv has in the category.
    """
    labels = _read(folder / "label.csv", LABEL, LABEL[:3])
    known = _of_labels(labels)
    listed = folder / "category.csv"
    if listed.is_file():
        for _, (category,) in _read(listed, CATEGORY, CATEGORY[:1]).columns("name"):
            known.setdefault(category, {})
    for category in categories:
        own = folder / f"c_{category}.csv"
        if own.is_file():
            table = _read(own, CODES, CODES[1:3])
            known[category] = _numbered(table.path, table.columns("number", "name"))
    unknown = [category for category in categories if category not in known]
    if unknown:
        raise XaiwidgetsError(
            f"{str(folder / 'index.csv')!r} has a column {unknown[0]!r}, but there is no c_{unknown[0]}.csv, and "
            "neither category.csv nor label.csv has such a category; add the table, or take the column out."
        )
    return {category: _without_suffix(known[category], SUFFIXES.get(category, "")) for category in categories}


def _read(path: Path, standard: Sequence[str], needed: Sequence[str]) -> Table:
    """A table that has the columns needed, and in each row a cell for each column."""
    if not path.is_file():
        raise XaiwidgetsError(
            f"{str(path)!r} is missing; give a folder in the directory format of Broden, with index.csv, label.csv and "
            "images/."
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise XaiwidgetsError(f"{str(path)!r} is no table of comma-separated values in UTF-8 ({error}).") from None
    header = lines[0][1] if lines else []
    if not set(needed) <= set(header):
        raise _header_error(path, header, standard)
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            raise XaiwidgetsError(
                f"{str(path)!r}, line {line} has {len(cells)} cells ({','.join(cells)[:80]}); give {len(header)}: "
                f"{','.join(header)}."
            )
    return Table(path, header, lines[1:])


def _header_error(path: Path, header: Sequence[str], wanted: Sequence[str]) -> XaiwidgetsError:
    first = ",".join(header)[:120]
    return XaiwidgetsError(f"{str(path)!r} begins with the line {first!r}; give it the columns {','.join(wanted)}.")


def _of_labels(table: Table) -> dict[str, dict[int, str]]:
    """The labels of each category; label.csv has them as ``material(36);object(3)``, or without counts."""
    entries: dict[str, list[tuple[int, list[str]]]] = {}
    for line, (number, name, categories) in table.columns("number", "name", "category"):
        for category in filter(None, categories.split(";")):
            entries.setdefault(re.sub(r"\(\d+\)$", "", category.strip()), []).append((line, [number, name]))
    return {category: _numbered(table.path, lines) for category, lines in entries.items()}


def _numbered(path: Path, lines: Iterable[tuple[int, list[str]]]) -> dict[int, str]:
    """Names by numbers; 0, which some tables list, is none."""
    names: dict[int, str] = {}
    for line, (number, name) in lines:
        value = int(number) if number.isdecimal() and number.isascii() else -1
        if not 0 <= value <= MOST or value in names:
            raise XaiwidgetsError(
                f"{str(path)!r}, line {line}: the label {name!r} has the number {number!r}; give each another whole "
                f"number from 1 to {MOST}."
            )
        names[value] = name
    names.pop(0, None)
    return names


def _without_suffix(names: dict[int, str], suffix: str) -> dict[int, str]:
    """Names as people say them, unless two would then be the same."""
    short = {number: name.removesuffix(suffix) for number, name in names.items()}
    return short if len(set(short.values())) == len(set(names.values())) else names
