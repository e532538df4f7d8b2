"""A plot of an answer, its heading and its key."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import ipywidgets as widgets

from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.plot_key import LineLook, key_html
from xaiwidgets.widgets.parts.root import heading, heading_html

Shown = TypeVar("Shown")


class AnswerPlot(ABC, Generic[Shown]):
    """A live plot that is filled from one value; a subclass makes the empty figure, and fills it.

    ``alt`` says in words what it shows; ``entries`` are the key, whose names the caller escapes.
    """

    def __init__(self, title: str, *, alt: str, entries: Iterable[tuple[LineLook, str]] = (), note: str = "") -> None:
        self._title, self._note = title, note
        self._shown: Shown | None = None
        self.heading = heading(title, note)
        self.plot = LivePlot(self.empty(), label=alt)
        self.key = widgets.HTML()
        self.name(entries)

    @abstractmethod
    def empty(self) -> Any:
        """A figure without an answer."""

    @abstractmethod
    def fill(self, plot: Any, value: Shown) -> None:
        """Put an answer into a figure."""

    def show(self, value: Shown, *, now: bool = False) -> None:
        """Draw this; ``now`` does it without waiting for the plot's rate. The same value again changes nothing."""
        if value is not self._shown:
            self._shown = value
            self.plot.update(lambda: self.fill(self.plot.figure, value))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self._shown = None
        self.note(self._note)
        self.plot.replace(self.empty())

    def filled(self, value: Shown) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = self.empty()
        self.fill(made, value)
        return made

    def note(self, text: str) -> None:
        """Say this behind the title."""
        words = heading_html(self._title, text)
        if self.heading.value != words:
            self.heading.value = words

    def name(self, entries: Iterable[tuple[LineLook, str]]) -> None:
        """Another key; none where there are no entries."""
        entries = list(entries)
        words = key_html(entries) if entries else ""
        if self.key.value != words:
            self.key.value = words
