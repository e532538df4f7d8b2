"""A part that consists of cells, one of which can be chosen and one be pointed at."""

from collections.abc import Iterable, Mapping
from typing import Any

from traitlets import Int, List, TraitError, validate

from xaiwidgets.widgets.parts.part import Part
from xaiwidgets.widgets.parts.publisher import get_publisher


class CellChoice(Part):
    """Holds `selected` and `hovered`, each a cell's index or -1, within as many cells as `_names` has."""

    from_browser = frozenset({"selected", "hovered"})

    selected = Int(-1, help="the chosen cell, or -1").tag(sync=True)
    hovered = Int(-1, help="the cell below the pointer or in focus, or -1").tag(sync=True)
    _marked = List(Int()).tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        self._names: list[tuple[str, str]] = []
        super().__init__(**kwargs)

    def mark(self, cells: Iterable[int]) -> None:
        """Mark these cells as chosen, besides the one that is `selected`."""
        self._marked = sorted(set(cells))

    def acceptable(self, name: str, value: Any) -> bool:
        """Whether a browser's value names a cell, or none."""
        del name
        return type(value) is int and -1 <= value < len(self._names)

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take what a browser chooses, under the publisher's lock: ipywidgets holds notifications for all threads."""
        with get_publisher().lock:
            super().set_state(sync_data)

    @validate("selected", "hovered")
    def _valid_cell(self, proposal: dict[str, Any]) -> int:
        value, count = int(proposal["value"]), len(self._names)
        if not -1 <= value < count:
            raise TraitError(
                f"{proposal['trait'].name} got {value}, but there are {count} cells: choose 0 to {count - 1}, or -1."
            )
        return value

    def _keep_choice(self) -> None:
        """Give up choices of cells that are no longer there."""
        for name in ("selected", "hovered"):
            if getattr(self, name) >= len(self._names):
                self.set_trait(name, -1)
