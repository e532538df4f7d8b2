"""FrameView: images that change while one looks, sent as acknowledged frames."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from traitlets import Dict

from xaiwidgets.widgets.parts.cells import Cell, describe_cells, number_cells, write_notes
from xaiwidgets.widgets.parts.choice import CellChoice
from xaiwidgets.widgets.parts.pacing import Pace
from xaiwidgets.widgets.parts.part import source
from xaiwidgets.widgets.parts.presence import Presence, kernel_idle_since, message_of_view, number
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.sprite import Sprite, check_images, encode

BEAT_EVERY = 2.0
"""Seconds between two signs of life to the browser."""

BEAT_FOR = 30.0
"""Seconds for which the signs of life go on after the last word from a view: its words may be stuck in a queue."""

USUAL_WIDTH, SMALLEST_WIDTH, LARGEST_WIDTH = 256, 16, 1024

Images = NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]


class FrameView(CellChoice):
    """A grid of images with a name and a number below each.

    `show` may be called from any thread and as often as one likes; the newest images win, and frames leave at the
    rate at which the browsers draw them. `budget` is the share of one core that frames may take, here and in the
    browser together; images that come as fast as a film may take more.
    """

    _esm = source("dom.js", "presence.js", "frames.js", "frame_view.js")
    _css = source("frame_view.css")
    _grid = Dict().tag(sync=True)

    def __init__(self, columns: int = 3, budget: float = 0.10, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._columns = columns
        self._headings: dict[str, str] = {}
        self._new_grid: dict[str, Any] | None = None
        self._notes: list[str] | None = None
        self._next: tuple[Images, bool] | None = None
        self._last: Sprite | None = None
        self._greeted: set[str] = set()
        self._beat_at = float("-inf")
        self.presence = Presence()
        self._pace = Pace(self.presence, budget)
        super().__init__(**kwargs)
        self.on_msg(self._receive)
        get_publisher().add(self)

    @property
    def columns(self) -> int:
        """How many cells stand in a row where there is room for them."""
        return self._columns

    @property
    def frames_sent(self) -> int:
        """Frames that left for the browser."""
        return self._pace.sent

    @property
    def frames_acked(self) -> int:
        """Acknowledgements that came back, of all views together."""
        return self._pace.acked

    @property
    def target_width(self) -> int:
        """Device pixels that one cell has on screen, the largest over the live views."""
        widths = [view.width for view in self.presence.views().values() if view.width]
        return min(max(max(widths, default=USUAL_WIDTH), SMALLEST_WIDTH), LARGEST_WIDTH)

    @property
    def cells(self) -> list[Cell]:
        """Label, alt text, note and colour of each cell, as they are shown or about to be."""
        with self._lock:
            cells = [dict(cell) for cell in (self._new_grid or self._grid).get("cells", [])]
            write_notes(cells, self._notes or ())
        return cells

    def set_grid(
        self,
        labels: Sequence[str],
        alts: Sequence[str],
        notes: Sequence[str],
        colors: Sequence[str],
        aspect: float = 1.0,
        columns: int | None = None,
        headings: Mapping[int, str] | None = None,
    ) -> None:
        """Name the cells: what stands below each, what it shows in words, one number, and its category's colour.

        `aspect` is width over height; its space is kept free before the first frame. `columns` is how many stand in a
        row where there is room. `headings` stand above cells, by the cell's index.
        """
        self._columns = columns or self._columns
        self._headings = {str(index): text for index, text in (headings or {}).items()}
        self._set_cells(describe_cells(labels, alts, notes, colors), aspect)

    def set_notes(self, notes: Sequence[str]) -> None:
        """Change the numbers below the cells; they leave with the next frame."""
        with self._lock:
            self._notes = list(map(str, notes))
        get_publisher().wake()

    def show(self, images: Images, lossless: bool = False) -> None:
        """Show these images as soon as the browser is ready for them, unless newer ones come first.

        images: uint8 array (cells, height, width, 1 or 3), or a callable that gives one. The callable runs on the
        publisher's thread, and only for frames that are really sent; None from it sends nothing. lossless: send a PNG,
        for a settled picture.
        """
        if not callable(images):
            self._match(check_images(images))
        with self._lock:
            self._pace.offer()
            self._next = (images, lossless)
        get_publisher().wake()

    def dispose(self) -> None:
        """Take the widget off the screen and free what it holds."""
        get_publisher().remove(self)
        self._next = self._last = None
        self.layout.close()
        self.close()

    def due(self) -> float | None:
        """Say when there is something to send (the publisher asks)."""
        with self._lock:
            if self._new_grid is not None or self._greeted:
                return 0.0
            times = [self._next_beat()]
            if self._next is not None or self._notes is not None:
                times.append(self._pace.next_frame(self._settled()))
        return min((at for at in times if at is not None), default=None)

    def publish(self) -> None:
        """Send what is due (the publisher calls)."""
        with self._lock:
            greeted, self._greeted = self._greeted, set()
        self._send_grid()
        for view in greeted:
            self._send_last(view)
        self._send_beat()
        # Last, because it may call the caller's code: if that raises, nobody has been left without an answer.
        self._send_due()

    def _set_cells(self, cells: list[Cell], aspect: float = 1.0) -> None:
        names = [(cell["label"], cell["alt"]) for cell in cells]
        grid = {"columns": self._columns, "aspect": aspect, "cells": cells, "headings": self._headings}
        self._take_grid(names, grid)

    def _take_grid(self, names: list[tuple[str, str]], grid: dict[str, Any]) -> None:
        with self._lock:
            if names != self._names:
                # Other things' pictures must not come back under these names.
                self._next = self._last = None
            self._names, self._notes, self._new_grid = names, None, grid
        self._keep_choice()
        get_publisher().wake()

    def _match(self, images: NDArray[np.uint8]) -> None:
        """Refuse images that are not one per cell; without a grid, number the cells."""
        if not self._names:
            self._set_cells(number_cells(len(images)))
        if len(images) != len(self._names):
            raise ValueError(f"FrameView got {len(images)} images for {len(self._names)} cells. Call set_grid first.")

    def _settled(self) -> bool:
        """Whether what waits need not wait for the budget: the last images for a while, or numbers alone."""
        return self._next is None or self._next[1]

    def _next_beat(self) -> float | None:
        alive = self.presence.watching(BEAT_FOR) or kernel_idle_since() is None
        return self._beat_at + BEAT_EVERY if alive else None

    def _send_beat(self) -> None:
        now, at = time.monotonic(), self._next_beat()
        if at is not None and at <= now:
            self._beat_at = now
            self.send({"type": "beat"})

    def _send_grid(self) -> None:
        with self._lock:
            grid, self._new_grid = self._new_grid, None
        if grid is not None:
            self._grid = grid

    def _send_due(self) -> None:
        """Send the newest images and numbers, if it is time."""
        with self._lock:
            at = self._pace.next_frame(self._settled())
            if at is None or at > time.monotonic():
                return
            newest, self._next = self._next, None
            notes, self._notes = self._notes, None
        if notes is not None:
            write_notes(self._grid.get("cells", []), notes)
        if newest is not None:
            self._send_new(*newest, notes)
        elif notes is not None:
            self.send({"type": "notes", "notes": notes})

    def _send_new(self, images: Images, lossless: bool, notes: list[str] | None) -> None:
        started = time.monotonic()
        pixels = images() if callable(images) else images
        if pixels is None:  # what was to be shown is shown no longer
            return
        self._match(check_images(pixels))
        self._send_grid()
        self._last = encode(pixels, lossless)
        self._pace.frame_left(time.monotonic() - started)
        self._send_sprite(self._last, notes)

    def _send_last(self, view: str) -> None:
        """Bring one view up to date."""
        notes = [cell["note"] for cell in self._grid.get("cells", [])]
        if self._last is None:
            self.send({"type": "notes", "notes": notes, "to": view})
        else:
            self._send_sprite(self._last, notes, view)

    def _send_sprite(self, sprite: Sprite, notes: list[str] | None, view: str | None = None) -> None:
        message = {key: value for key, value in vars(sprite).items() if key != "data"}
        message |= {"type": "frame", "frame": self._pace.sent, "notes": notes, "to": view}
        self.send(message, [sprite.data])

    def _receive(self, _widget: object, message: object, _buffers: object) -> None:
        """Note what a view says. Nothing of it is trusted."""
        kind, name, facts = message_of_view(message)
        if kind == "bye":
            self.presence.gone(name)
        elif kind in {"hello", "size", "ping", "ack"}:
            view = self.presence.seen(name)
            if kind == "ack":
                self._pace.acknowledge(view, number(facts, "frame"), number(facts, "ms") / 1000)
            elif kind != "ping":
                view.width, view.visible = number(facts, "width"), facts.get("visible") is not False
            if kind == "hello":
                self._pace.greet(view)
                with self._lock:
                    self._greeted.add(name)
        get_publisher().wake()
