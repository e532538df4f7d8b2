"""What stands around each image of a FrameView: a name, what it shows in words, one number, a colour."""

from collections.abc import Sequence

Cell = dict[str, str]


def describe_cells(
    labels: Sequence[str], alts: Sequence[str], notes: Sequence[str], colors: Sequence[str]
) -> list[Cell]:
    """Return one description per cell, or say which list has another length."""
    columns = {"label": labels, "alt": alts, "note": notes, "color": colors}
    if len({len(column) for column in columns.values()}) != 1:
        counts = ", ".join(f"{len(column)} {name}s" for name, column in columns.items())
        raise ValueError(f"set_grid got {counts}, but wants as many of each. Give one of each per cell.")
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, map(str, row), strict=True)) for row in rows]


def number_cells(count: int) -> list[Cell]:
    """Return plain descriptions for images that nobody named."""
    names = [str(index + 1) for index in range(count)]
    return describe_cells(names, [f"image {name}" for name in names], [""] * count, ["#0072b2"] * count)


def write_notes(cells: list[Cell], notes: Sequence[str]) -> None:
    """Put the numbers below the cells."""
    for cell, note in zip(cells, notes, strict=False):
        cell["note"] = note
