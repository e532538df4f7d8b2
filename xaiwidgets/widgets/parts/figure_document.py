"""A Bokeh figure in a document of its own: as a whole for a new view, as patches for those that have it."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.document.events import DocumentChangedEvent
from bokeh.models import ColumnDataSource, LayoutDOM, Range1d
from bokeh.protocol import Protocol


@dataclass(frozen=True)
class Patch:
    """Changes for every view that has the document, but not for the view that made them."""

    content: str
    names: list[str]
    buffers: list[bytes]
    made_by: str | None


class FigureDocument:
    """Keeps one figure and notes its changes until they are taken as patches."""

    def __init__(self, figure: LayoutDOM, changed: Callable[[], None]) -> None:
        if not isinstance(figure, LayoutDOM):
            raise TypeError(f"LivePlot got {type(figure).__name__}, but wants a Bokeh figure. Make one with figure().")
        if figure.document is not None:
            raise ValueError("LivePlot got a figure that is already shown elsewhere. Make a fresh one.")
        self.figure = figure
        self._events: list[DocumentChangedEvent] = []
        self._changed = changed
        self._document = Document()
        self._document.add_root(figure)
        self._document.on_change(self._note)

    @property
    def dirty(self) -> bool:
        """Whether there are changes that no patch has taken."""
        return bool(self._events)

    def whole(self) -> str:
        """Return the document as it is now."""
        return serialize_json(self._document.to_json(deferred=False))

    def patches(self) -> Iterator[Patch]:
        """Take the changes noted so far, in their order."""
        events, self._events = self._events, []
        for maker, group in itertools.groupby(events, key=lambda event: event.setter):
            message = Protocol().create("PATCH-DOC", list(group))
            yield Patch(
                message.content_json,
                [buffer.ref["id"] for buffer in message.buffers],
                [buffer.to_bytes() for buffer in message.buffers],
                maker if isinstance(maker, str) else None,
            )

    def select(self, selection_id: str, indices: Any, maker: str) -> ColumnDataSource | None:
        """Choose rows, as a view asks for; return their source, or None where what came makes no sense."""
        source = next((found for found in self._sources() if found.selected.id == selection_id), None)
        if source is None or not isinstance(indices, list):
            return None
        rows = max((len(column) for column in source.data.values()), default=0)
        if not all(type(index) is int and 0 <= index < rows for index in indices):
            return None
        self._assign(source.selected, "indices", sorted(set(indices)), maker)
        return source

    def move(self, range_id: str, start: Any, end: Any, maker: str) -> None:
        """Move a fixed range, as a view asks for; what makes no sense is left aside."""
        found = self._document.get_model_by_id(range_id)
        if isinstance(found, Range1d) and all(type(x) in {int, float} and math.isfinite(x) for x in (start, end)):
            self._assign(found, "start", start, maker)
            self._assign(found, "end", end, maker)

    def close(self) -> None:
        """Give the figure free."""
        self._document.remove_on_change(self._note)
        self._document.clear()

    def _sources(self) -> Iterator[ColumnDataSource]:
        return iter(self._document.select({"type": ColumnDataSource}))

    def _assign(self, model: Any, name: str, value: Any, maker: str) -> None:
        # The maker travels with the event, so that a view never gets its own change back.
        model.set_from_json(name, value, setter=maker)

    def _note(self, event: DocumentChangedEvent) -> None:
        self._events.append(event)
        self._changed()
