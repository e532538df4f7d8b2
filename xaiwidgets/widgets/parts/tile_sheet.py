"""TileSheet: hundreds of small pictures as one, of which one can be chosen."""

from collections.abc import Sequence

from xaiwidgets.widgets.parts.cells import Cell, describe_cells
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.part import source
from xaiwidgets.widgets.parts.theme import category_color


class TileSheet(FrameView):
    """A `FrameView` for very many pictures: one canvas, no captions, a mark on the chosen one.

    The arrow keys walk over it, and the tile's name stands beside the pointer.
    """

    _esm = source("dom.js", "presence.js", "frames.js", "tile_sheet.js")
    _css = source("frame_view.css", "tile_sheet.css")

    def set_tiles(self, labels: Sequence[str], alt: str, aspect: float = 1.0, across: int = 0) -> None:
        """Name the tiles; ``alt`` says in words what the sheet shows, ``aspect`` is width over height.

        ``across`` of them in a row, without gaps, make up one picture; 0 for as many as there is room for.
        """
        names = [(label, alt) for label in labels]
        grid = {"count": len(names), "alt": alt, "aspect": aspect, "labels": list(labels)}
        self._take_grid(names, grid | ({"across": across} if across else {}))

    @property
    def columns(self) -> int:
        """As many in a row as there is room for."""
        return 0

    @property
    def cells(self) -> list[Cell]:
        """Each tile's name, for an export."""
        with self._lock:
            labels, alts = [name for name, _ in self._names], [alt for _, alt in self._names]
        return describe_cells(labels, alts, [""] * len(labels), [category_color(0)] * len(labels))
