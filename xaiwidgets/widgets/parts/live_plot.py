"""LivePlot: a Bokeh figure that changes while one looks."""

import gzip
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import bokeh
from bokeh.models import ColumnDataSource, LayoutDOM
from traitlets import Int, Unicode

from xaiwidgets.widgets.parts.figure_document import FigureDocument
from xaiwidgets.widgets.parts.part import Part, source
from xaiwidgets.widgets.parts.presence import Presence, kernel_idle_since, message_of_view, number
from xaiwidgets.widgets.parts.publisher import get_publisher

IN_FLIGHT = 4
"""Patches that a view may owe; one that owes more is slow or gone."""


@cache
def _bokeh_js() -> bytes:
    """BokehJS's core from the installed package, compressed: a third of its size for slow lines."""
    script = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
    return gzip.compress(script.read_bytes(), compresslevel=6)


class LivePlot(Part):
    """Shows a Bokeh figure and keeps every view of it up to date.

    Change the figure's models only inside `update`: its function runs on the publisher's thread, so that changes
    reach the browser whole and in order.
    """

    _esm = source("dom.js", "presence.js", "bokeh_page.js", "live_plot.js")
    _css = source("live_plot.css")
    _height = Int(240).tag(sync=True)
    _version = Unicode(bokeh.__version__).tag(sync=True)
    _label = Unicode("plot").tag(sync=True)

    def __init__(self, figure: LayoutDOM, rate: float = 1.0, label: str = "plot", **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._document = FigureDocument(figure, get_publisher().wake)
        self._next_document: FigureDocument | None = None
        self._interval = 1.0 / rate
        self._change: Callable[[], object] | None = None
        self._hurry = False
        self._epoch = self._sent = 0
        self._sent_at = float("-inf")
        self._greeted: set[str] = set()
        self._without_library: set[str] = set()
        self._callbacks: list[Callable[[list[int], ColumnDataSource], object]] = []
        self.presence = Presence()
        super().__init__(_height=getattr(figure, "height", None) or 240, _label=label, **kwargs)
        self.on_msg(self._receive)
        get_publisher().add(self)

    @property
    def figure(self) -> LayoutDOM:
        """The figure that is shown."""
        return self._document.figure

    def update(self, change: Callable[[], object]) -> None:
        """Call `change` soon, on the publisher's thread, to bring the figure up to date.

        At most `rate` times a second; of several given before the time comes only the last is called, so each must
        bring the whole state (assign a source's data rather than stream to it).
        """
        with self._lock:
            self._change = change
        get_publisher().wake()

    def flush(self) -> None:
        """Bring the figure up to date now, without waiting for the rate: for the end of a run."""
        with self._lock:
            self._hurry = True
        get_publisher().wake()

    def replace(self, figure: LayoutDOM) -> None:
        """Show a fresh figure in this one's place; changes of the old one that still wait are dropped."""
        document = FigureDocument(figure, get_publisher().wake)
        with self._lock:
            self._next_document, self._change = document, None
        get_publisher().wake()

    def on_selection(self, callback: Callable[[list[int], ColumnDataSource], object]) -> None:
        """Call `callback(indices, source)` when rows are chosen in a browser."""
        self._callbacks.append(callback)

    def dispose(self) -> None:
        """Take the widget off the screen and free the figure."""
        get_publisher().remove(self)
        self._document.close()
        self.layout.close()
        self.close()

    def due(self) -> float | None:
        """Say when there is something to send (the publisher asks)."""
        with self._lock:
            if self._greeted or self._without_library or self._hurry or self._next_document is not None:
                return 0.0
            if self._change is None and not self._document.dirty:
                return None
            return self._sent_at + self._interval if self._watched() else None

    def publish(self) -> None:
        """Send what is due (the publisher calls)."""
        with self._lock:
            greeted, self._greeted = self._greeted, set()
            without, self._without_library = self._without_library, set()
            document, self._next_document = self._next_document, None
            change, self._change, self._hurry = self._change, None, False
        if document is not None:
            self._document.close()
            self._document = document
            self._epoch += 1
            greeted |= set(self.presence.views(float("inf")))
        for view in without:
            self.send({"type": "library", "to": view}, [_bokeh_js()])
        for view in greeted:
            self.send({"type": "whole", "to": view, "epoch": self._epoch, "document": self._document.whole()})
        # Last, because it is the caller's: if it raises, nobody has been left without a figure.
        if change is not None:
            change()
        self._send_patches()

    def _send_patches(self) -> None:
        for patch in self._document.patches():
            self._sent += 1
            self._sent_at = time.monotonic()
            message = {"type": "patch", "epoch": self._epoch, "patch": self._sent, "not": patch.made_by}
            self.send(message | {"content": patch.content, "names": patch.names}, patch.buffers)

    def _watched(self) -> bool:
        """Whether a visible view keeps up. A busy kernel hears nobody and must guess."""
        views = self.presence.views(float("inf")).values()
        if kernel_idle_since() is None:
            return bool(views)
        return any(view.visible and self._sent - view.acked < IN_FLIGHT for view in views)

    def _receive(self, _widget: object, message: object, _buffers: object) -> None:
        """Note what a view says: selections and ranges change the figure, anything else does not."""
        kind, name, facts = message_of_view(message)
        if kind == "bye":
            self.presence.gone(name)
        elif kind in {"hello", "library", "size", "ack", "select", "range"}:
            view = self.presence.seen(name)
            if kind == "ack":
                view.acked = max(view.acked, min(number(facts, "patch"), self._sent))
            elif kind in {"select", "range"}:
                self._change_from(name, kind, facts)
            else:
                self._greet(name, kind, facts)
        get_publisher().wake()

    def _greet(self, name: str, kind: str, facts: dict[str, Any]) -> None:
        view = self.presence.seen(name)
        view.visible = facts.get("visible") is not False
        view.acked = self._sent
        with self._lock:
            if kind == "hello":
                self._greeted.add(name)
            elif kind == "library":
                self._without_library.add(name)

    def _change_from(self, name: str, kind: str, facts: dict[str, Any]) -> None:
        if facts.get("epoch") != self._epoch:
            return
        with get_publisher().lock:
            if kind == "range":
                self._document.move(str(facts.get("model")), facts.get("start"), facts.get("end"), name)
                return
            found = self._document.select(str(facts.get("model")), facts.get("indices"), name)
        if found is not None:
            for callback in tuple(self._callbacks):
                callback(list(found.selected.indices), found)
