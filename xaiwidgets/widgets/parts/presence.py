"""Who is watching, and whether the kernel is busy.

While a cell runs, no message from the browser reaches Python. Silence then says nothing, and every rule here takes
that into account.
"""

import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from xaiwidgets.widgets.parts.publisher import get_publisher

SILENT = 10.0
"""Seconds without a word after which a view no longer counts as watching."""

LONGEST_NAME = 64
LARGEST = 1e9

MOST_VIEWS = 64
"""More views than this are not remembered: their ids come from the browser and are not trusted."""


@dataclass
class View:
    """What one view in one browser last told."""

    heard: float
    acked: int = 0
    draw_seconds: float = 0.0
    width: int = 0
    visible: bool = True


class Presence:
    """The views of one part. Every hello, acknowledgement and ping of a view is noted with its id."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._heard: float | None = None
        self._lock = threading.Lock()
        _kernel.follow()

    @property
    def ever(self) -> bool:
        """Whether a view has existed."""
        return self._heard is not None

    @property
    def heard(self) -> float | None:
        """The monotonic time of the last word from any view, or None."""
        return self._heard

    def seen(self, view_id: str) -> View:
        """Note that this view has just spoken, and return what is known of it."""
        now = time.monotonic()
        with self._lock:
            self._heard = now
            if view_id not in self._views and len(self._views) >= MOST_VIEWS:
                del self._views[min(self._views, key=lambda known: self._views[known].heard)]
            view = self._views.setdefault(view_id, View(now))
            view.heard = now
            return view

    def gone(self, view_id: str) -> None:
        """Note that this view said goodbye."""
        with self._lock:
            self._heard = time.monotonic()
            self._views.pop(view_id, None)

    def watching(self, within: float = SILENT) -> bool:
        """Whether any view was heard in the last seconds."""
        return self._heard is not None and time.monotonic() - self._heard < within

    def views(self, within: float = SILENT) -> dict[str, View]:
        """Return the views that were heard in the last seconds, by id."""
        earliest = time.monotonic() - within
        with self._lock:
            return {name: view for name, view in self._views.items() if view.heard > earliest}


def message_of_view(message: object) -> tuple[str, str, dict[str, Any]]:
    """Take apart what a view says: its kind, the view's id and the rest; empty strings for what is no such message."""
    if not isinstance(message, dict):
        return "", "", {}
    kind, name = message.get("type"), message.get("view")
    if not isinstance(kind, str) or not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        return "", "", {}
    return kind, name, message


def number(message: dict[str, Any], key: str) -> int:
    """Return a whole number that a browser sent, or 0 for anything else."""
    value = message.get(key)
    return int(value) if type(value) in {int, float} and 0 <= value < LARGEST else 0


class _Kernel:
    """Follows IPython's cells: `idle_since` is None while one runs. Outside IPython nothing is ever busy."""

    def __init__(self) -> None:
        self.idle_since: float | None = time.monotonic()
        self._shell: Any = None

    def follow(self) -> None:
        shell = _running_shell()
        if shell is None or shell is self._shell:
            return
        self._shell = shell
        # Nearly always a cell has made us, whose beginning we have missed. First this, then the events: its end must
        # not be overwritten.
        self.idle_since = None if _inside_cell(shell) else time.monotonic()
        shell.events.register("pre_execute", self._begin)
        shell.events.register("post_execute", self._end)

    def _begin(self) -> None:
        self.idle_since = None
        get_publisher().wake()

    def _end(self) -> None:
        self.idle_since = time.monotonic()
        get_publisher().wake()


def _running_shell() -> Any:
    # Asked only where it already runs: importing it takes long.
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _inside_cell(shell: Any) -> bool:
    """Whether the message being handled is a cell, and not, say, a click. Only the main thread can tell."""
    if threading.current_thread() is not threading.main_thread():
        return False
    try:
        return bool(shell.get_parent()["header"]["msg_type"] == "execute_request")
    except (AttributeError, KeyError, TypeError):
        return True


_kernel = _Kernel()


def kernel_idle_since() -> float | None:
    """Return the monotonic time since which no cell has run, or None while one runs."""
    return _kernel.idle_since


def should_rest(presence: Presence, waiting: bool) -> bool:
    """Whether computing should rest.

    It rests only when a view has existed, every view has been silent for ten seconds, the kernel was idle all that
    time (a busy kernel hears nobody), and nobody waits for the result.
    """
    idle = kernel_idle_since()
    return (
        presence.ever
        and not waiting
        and not presence.watching(SILENT)
        and idle is not None
        and time.monotonic() - idle >= SILENT
    )
