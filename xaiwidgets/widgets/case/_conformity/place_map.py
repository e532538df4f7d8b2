"""A picture of tiles at which one can point: each stands for a region that was left out."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.widgets.case._conformity.picture import over_image
from xaiwidgets.widgets.case._conformity.words import without_in_words
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.tile_sheet import TileSheet

_ACROSS = 14  # tiles along the longer side, at most
_TILE = 24  # pixels
_TITLE = "Point at a place"


class PlaceMap(widgets.VBox):
    """The map of one level, or of all, as tiles; ``region_of`` says which region a tile stands for."""

    def __init__(self, on_choose: Callable[[], object]) -> None:
        self.heading, self.sheet = heading(_TITLE), TileSheet()
        self._shape, self._side, self._across = (1, 1), 1, 1
        self._regions: list[int] = []
        self._shown: tuple[Any, ...] = ()
        super().__init__([self.heading, self.sheet])
        self.layout.grid_gap = "12px"
        self.sheet.observe(lambda _change: on_choose(), "selected")
        self.sheet.observe(lambda _change: on_choose(), "hovered")

    @property
    def region(self) -> int:
        """The region of the tile that is chosen, −1 for none."""
        return self._at(self.sheet.selected)

    @property
    def pointed(self) -> int:
        """The region of the tile below the pointer, −1 for none."""
        return self._at(self.sheet.hovered)

    def lay_out(self, shape: tuple[int, int]) -> None:
        """Empty tiles for images of this size."""
        self._shape = shape
        self._side = max(1, -(-max(shape) // _ACROSS))
        self._across, self._regions, self._shown = -(-shape[1] // self._side), [], ()
        self.sheet.set_trait("selected", -1)
        self.sheet.set_trait("hovered", -1)
        self._name([""] * self._count, "nothing is known of any place yet")
        self.sheet.show(np.full((self._count, _TILE, _TILE, 3), 128, np.uint8), lossless=True)

    def show(self, image: Tensor, value: ConformityMap, level: int | None, names: tuple[str, ...]) -> None:
        """Draw the map of a level, None for all together, and say of each tile what is found without its region."""
        if self._shown and self._shown[0] is value and self._shown[1:] == (level,):
            return
        self._shown = (value, level)
        maps = value.importance if level is None else value.level_maps(level)[0]
        self._regions = [_region(value, row, column, level) for row, column in self._middles()]
        self._name([without_in_words(value, region, names) for region in self._regions], "the map, tile by tile")
        self.sheet.show(self._tiles(over_image(image, maps.cpu())), lossless=True)

    def _name(self, labels: list[str], alt: str) -> None:
        self.sheet.set_tiles(labels, f"places of the image: {alt}", 1.0, self._across)

    @property
    def _count(self) -> int:
        return self._across * -(-self._shape[0] // self._side)

    def _at(self, tile: int) -> int:
        return self._regions[tile] if 0 <= tile < len(self._regions) else -1

    def _middles(self) -> list[tuple[int, int]]:
        height, width = self._shape
        rows = [min(tile * self._side + self._side // 2, height - 1) for tile in range(self._count // self._across)]
        columns = [min(tile * self._side + self._side // 2, width - 1) for tile in range(self._across)]
        return [(row, column) for row in rows for column in columns]

    def _tiles(self, picture: np.ndarray) -> np.ndarray:
        """Each of some _TILE pixels: what lies beyond the image repeats its edge."""
        rows, columns = self._count // self._across, self._across
        down, across = rows * self._side - picture.shape[0], columns * self._side - picture.shape[1]
        padded = np.pad(picture, ((0, down), (0, across), (0, 0)), mode="edge")
        times = max(1, _TILE // self._side)
        pixels = (padded.clip(0, 1) * 255).round().astype(np.uint8).repeat(times, 0).repeat(times, 1)
        side = self._side * times
        return pixels.reshape(rows, side, columns, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3).copy()


def _region(value: ConformityMap, row: int, column: int, level: int | None) -> int:
    """The region of a level that holds a pixel; of all levels the one whose drop is largest in size."""
    if level is not None:
        return value.region_at(row, column, level)
    found = [value.region_at(row, column, each) for each in range(len(value.sizes))]
    known = [region for region in found if region >= 0]
    if not known:
        return -1
    sizes = value.drops[torch.tensor(known, device=value.drops.device)].abs()
    best = int((sizes == sizes.max()).nonzero()[-1])  # of equal ones the smallest region
    return known[best]
