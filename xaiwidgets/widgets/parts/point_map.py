"""PointMap: very many points on a plane, of which one looks at some and chooses some."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from traitlets import Bool, Int, List, TraitError, Unicode, validate

from xaiwidgets.widgets.parts._point_map.cloud import Cloud, Pointed, float_places
from xaiwidgets.widgets.parts.part import Part, source
from xaiwidgets.widgets.parts.presence import Presence, kernel_idle_since, message_of_view, number
from xaiwidgets.widgets.parts.publisher import get_publisher

IN_FLIGHT = 2
"""Re-layouts that a view may owe; one that owes more is slow or gone."""

INTERVAL, BLIND_INTERVAL = 0.2, 0.5
"""Seconds between two re-layouts, and the same while a cell runs and no acknowledgement can arrive."""


class PointMap(Part):
    """Draws up to several 100,000 points, coloured by category, and lets a user walk among them.

    Drag to move, wheel or pinch to zoom, click to choose the nearest point, drag with Shift (or after "Lasso") to
    choose several; the keyboard does all but the lasso. Colours of categories repeat after six: then the shape is
    another. ``label`` says what the map shows, ``noun`` what one point is. Any thread may call its methods.
    """

    _esm = source(
        "dom.js", "presence.js", "point_paint.js", "point_space.js", "point_marks.js", "point_hands.js", "point_map.js"
    )
    _css = source("point_map.css")
    selected = List(Int(), help="the chosen points").tag(sync=True)
    _label = Unicode().tag(sync=True)
    _height = Int().tag(sync=True)
    _pictured = Bool(False).tag(sync=True)

    def __init__(self, label: str = "map", noun: str = "point", height: int = 420, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._cloud = Cloud(noun=noun)
        self._pointed = Pointed()
        self._marks: dict[str, Any] = {"query": -1, "neighbours": [], "trail": []}
        self._whole_due, self._places_due, self._marks_due = False, False, False
        self._epoch = self._sent = 0
        self._sent_at = float("-inf")
        self._greeted: set[str] = set()
        self._chosen: list[Callable[[list[int]], object]] = []
        self.hovered, self.gathered = -1, False
        self.presence = Presence()
        super().__init__(_label=label, _height=height, **kwargs)
        self.on_msg(self._receive)
        get_publisher().add(self)

    def __len__(self) -> int:
        """How many points there are."""
        return self._cloud.count

    @property
    def places(self) -> np.ndarray:
        """Where the points lie, as they were given last: (point, 2)."""
        return self._cloud.places

    def show(
        self,
        places: Any,
        categories: Sequence[int] | None = None,
        names: Sequence[str] = (),
        marked: Iterable[int] = (),
        marked_name: str = "marked",
    ) -> None:
        """Show other points: ``places`` (point, 2), the category of each, what the categories are called.

        ``marked`` points are crosses on top, ``marked_name`` says why. What was chosen and highlighted is given up.
        Raises `XaiwidgetsError` for places that are no finite numbers, and for what does not fit their number.
        """
        cloud = Cloud.of(places, categories, names, marked, marked_name, self._cloud.noun)
        with get_publisher().lock, self._lock:
            self._cloud = cloud
            self._epoch += 1
            self._whole_due, self._places_due, self._marks_due = True, False, True
            self._marks = {"query": -1, "neighbours": [], "trail": []}
            self._pointed.clear()
            self.hovered, self.selected = -1, []
        get_publisher().wake()

    def move(self, places: Any) -> None:
        """Bring the same points to other places: the browser morphs, and nothing else is sent again."""
        places = float_places(places, self._cloud.count)
        with self._lock:
            self._cloud = self._cloud.moved(places)
            self._places_due = True
        get_publisher().wake()

    def highlight(self, query: int = -1, neighbours: Iterable[int] = (), trail: Iterable[int] = ()) -> None:
        """A double ring around ``query`` (-1: none), a ring around each neighbour, a line along the trail."""
        marks = {"query": int(query), "neighbours": [*map(int, neighbours)], "trail": [*map(int, trail)]}
        self._cloud.check([max(0, marks["query"]), *marks["neighbours"], *marks["trail"]])
        with self._lock:
            self._marks, self._marks_due = marks, True
        get_publisher().wake()

    def clear(self) -> None:
        """Show no point."""
        self.show(np.empty((0, 2), np.float32))

    def on_choose(self, callback: Callable[[list[int]], object]) -> None:
        """Call ``callback(points)`` after a user chose some; none after Escape. `selected` holds them too.

        `gathered` says whether they were put together, by a lasso or with Space: then one point is a set of one.
        """
        self._chosen.append(callback)

    def on_hover(self, callback: Callable[[int], object]) -> None:
        """Call ``callback(point)`` when one is pointed at whose picture is not there: it answers by `show_picture`.

        It is called on the publisher's thread; of several points in a row only the newest is asked for.
        """
        self._pointed.callback = callback
        self._pictured = True

    def show_picture(self, point: int, picture: np.ndarray | None, words: str = "") -> None:
        """Show a picture (uint8, (height, width, 1 or 3)), with words below it, beside the point that is looked at."""
        with self._lock:
            self._pointed.answer(point, picture, words)
        get_publisher().wake()

    def dispose(self) -> None:
        """Take the widget off the screen and free what it holds."""
        get_publisher().remove(self)
        self._cloud = Cloud()
        self.layout.close()
        self.close()

    def due(self) -> float | None:
        """Say when there is something to send (the publisher asks)."""
        with self._lock:
            if self._whole_due or self._marks_due or self._greeted or self._pointed.due:
                return 0.0
            return self._next_places() if self._places_due else None

    def publish(self) -> None:
        """Send what is due (the publisher calls)."""
        with self._lock:
            greeted, self._greeted = self._greeted, set()
            whole, self._whole_due = self._whole_due, False
            moved = self._places_due and not whole and (self._next_places() or float("inf")) <= time.monotonic()
            self._places_due = self._places_due and not (moved or whole)
            marked, self._marks_due = self._marks_due, False
        for view in self.presence.views(float("inf")) if whole else greeted:
            self.send({**self._cloud.facts, "type": "whole", "to": view, **self._count()}, self._cloud.buffers)
            self.send({"type": "marks", "to": view, "marks": self._marks})
        if moved:
            self.send({"type": "places", **self._count()}, self._cloud.buffers[:1])
        if marked and not whole:
            self.send({"type": "marks", "marks": self._marks})
        # Last, because the caller's code makes the pictures: if it raises, nobody has been left without a map.
        self._send_pictures()

    def _count(self) -> dict[str, int]:
        self._sent += 1
        self._sent_at = time.monotonic()
        return {"epoch": self._epoch, "number": self._sent}

    def _send_pictures(self) -> None:
        for point in self._pointed.asked(self._lock):
            self._pointed.callback(point)
        for facts, buffers in self._pointed.answers(self._lock):
            self.send({"type": "picture", "epoch": self._epoch, **facts}, buffers)

    def _next_places(self) -> float | None:
        """When the next re-layout may leave; None while nobody would see it."""
        views = [view for view in self.presence.views(float("inf")).values() if view.visible]
        if kernel_idle_since() is None:
            return self._sent_at + BLIND_INTERVAL if views else None
        live = any(self._sent - view.acked < IN_FLIGHT for view in views)
        return self._sent_at + INTERVAL if live else None

    def _receive(self, _widget: object, message: object, _buffers: object) -> None:
        """Note what a view says. Nothing of it is trusted."""
        kind, name, facts = message_of_view(message)
        if kind == "bye":
            self.presence.gone(name)
        elif kind in {"hello", "size", "ack", "hover", "choose"}:
            view = self.presence.seen(name)
            if kind == "ack":
                view.acked = max(view.acked, min(number(facts, "number"), self._sent))
            elif kind in {"hello", "size"}:
                view.visible, view.acked = facts.get("visible") is not False, self._sent
                if kind == "hello":
                    with self._lock:
                        self._greeted.add(name)
            elif facts.get("epoch") == self._epoch:
                self._look(name, facts.get("index")) if kind == "hover" else self._choose(facts)
        get_publisher().wake()

    def _look(self, view: str, index: object) -> None:
        if type(index) is int and -1 <= index < len(self):
            self.hovered = index
            with self._lock:
                self._pointed.ask(view, index)

    def _choose(self, facts: dict[str, Any]) -> None:
        chosen = facts.get("chosen")
        if not isinstance(chosen, list) or not all(type(one) is int and 0 <= one < len(self) for one in chosen):
            return
        with get_publisher().lock:
            self.selected, self.gathered = list(dict.fromkeys(chosen)), facts.get("gathered") is True
        for callback in tuple(self._chosen):
            callback(list(self.selected))

    @validate("selected")
    def _valid_points(self, proposal: dict[str, Any]) -> list[int]:
        wrong = [point for point in proposal["value"] if not 0 <= point < len(self)]
        if wrong:
            raise TraitError(f"selected got {wrong[0]}, but there are {len(self)} points, counted from 0.")
        return proposal["value"]
