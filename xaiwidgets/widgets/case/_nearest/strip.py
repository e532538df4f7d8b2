"""The nearest training images, a row of pictures for each layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW, MID_GREY
from xaiwidgets.widgets.parts.thumbnails import Thumbnails

EACH = 6
_SIDE = 160


class NeighborStrip:
    """Which training images stand in the cells, and what stands around them."""

    def __init__(self, train: ImageSet) -> None:
        self._train, self._pictures = train, Thumbnails(train, _SIDE)
        self._laid: Any = None
        self._layers: tuple[str, ...] = ()

    def of(self, value: Neighbors | None, layers: int) -> list[int]:
        """The training images of the cells, −1 for a cell that is empty."""
        if value is None or not value.indices.shape[1]:
            return [-1] * EACH * layers
        rows = value.indices[:, 0, :EACH].tolist()
        return [place for row in rows for place in [*row, *[-1] * (EACH - len(row))]]

    def pixels(self, value: Neighbors, layers: int) -> np.ndarray:
        """The pictures."""
        return self._pictures(self.of(value, layers))

    def notes(self, value: Neighbors, names: Sequence[str]) -> list[str]:
        """A tick where the class is the predicted one, the class, and the distance."""
        return [
            "" if found is None else f"{'✓' if found.agrees else '≠'} {names[found.label]} {found.distance:.2g}"
            for found in self._found(value)
        ]

    def sentence(self, value: Neighbors, cell: int, names: Sequence[str]) -> str:
        """A neighbour in words."""
        found = self._found(value)[cell]
        if found is None:
            return ""
        relation = "as predicted" if found.agrees else f"predicted: {names[int(value.predictions[0])]}"
        kind = "1 − cosine" if value.metric == "cosine" else "distance"
        return (
            f"training image {found.place:,}, {names[found.label]} ({relation}) · {kind} {found.distance:.4g} in "
            f"{value.layers[cell // EACH]} · click to ask about it"
        )

    def lay_out(self, frame: FrameView, layers: Sequence[str], value: Neighbors | None, names: Sequence[str]) -> None:
        """Name the cells and say above each row what it shows; once for each answer.

        Without an answer the cells of the one before stay, where they are of the same layers.
        """
        if value is None and self._layers == tuple(layers):
            return
        self._layers = tuple(layers)
        found = [None] * EACH * len(layers) if value is None else self._found(value)
        headings = {at * EACH: _heading(layer, value, at, names) for at, layer in enumerate(layers)}
        colors = [MID_GREY if one is None else ABOVE if one.agrees else BELOW for one in found]
        if self._laid == (headings, colors):
            return
        self._laid = (headings, colors)
        ranks = [(at // EACH, at % EACH + 1) for at in range(EACH * len(layers))]
        alts = [f"neighbour {rank} in {layers[layer]}" for layer, rank in ranks]
        _, height, width = self._train.shape
        frame.set_grid(
            [str(rank) for _, rank in ranks],  # names that stay: a frame for other names is not drawn
            alts,
            [""] * len(ranks),
            colors,
            width / height,
            columns=EACH,
            headings=headings,
        )

    @staticmethod
    def _found(value: Neighbors) -> list["_Cell | None"]:
        cells: list[_Cell | None] = []
        for layer in range(len(value.layers)):
            count = min(EACH, value.k) if value.indices.shape[1] else 0
            cells += [_Cell(value, layer, rank) for rank in range(count)] + [None] * (EACH - count)
        return cells


class _Cell:
    """One neighbour of the first query."""

    def __init__(self, value: Neighbors, layer: int, rank: int) -> None:
        self.place, self.label = int(value.indices[layer, 0, rank]), int(value.labels[layer, 0, rank])
        self.distance = float(value.distances[layer, 0, rank])
        self.agrees = self.label == int(value.predictions[0])


def _heading(layer: str, value: Neighbors | None, place: int, names: Sequence[str]) -> str:
    if value is None or not value.indices.shape[1] or not value.k:
        return f"Nearest in {layer}"
    count = round(float(value.agreement(place)[0]) * value.k)
    return f"Nearest in {layer}: {count} of {value.k} are {names[int(value.predictions[0])]}, as predicted"
