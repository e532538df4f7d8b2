"""The way from query to query."""

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.case._nearest.asked import Asked
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY

_LONGEST, _ACROSS, _SIDE = 12, 4, 64


class Trail(widgets.VBox):
    """Small pictures of what was asked about, in order; a click goes back there."""

    def __init__(self, images: ImageSet, on_return: Callable[[Asked], object]) -> None:
        _, height, width = images.shape
        self._aspect, self._on_return, self._silent = width / height, on_return, False
        self.steps: list[Asked] = []
        self.title = heading("Trail")
        self.frame = FrameView(columns=_ACROSS)
        super().__init__([self.title, self.frame])
        self.add_class("xw-image-choice")
        self.frame.observe(self._on_selected, "selected")
        self.layout.display = "none"

    def add(self, asked: Asked) -> None:
        """Another query; the one that stands at the end already changes nothing."""
        if self.steps and asked.place >= 0 and self.steps[-1][:2] == asked[:2]:
            return
        self.steps = [*self.steps, asked][-_LONGEST:]
        self._draw()

    def go_back(self) -> Asked | None:
        """Take the newest away; the one before, None where there is none."""
        if len(self.steps) < 2:  # noqa: PLR2004 - the present one is the last
            return None
        self.steps = self.steps[:-1]
        self._draw()
        return self.steps[-1]

    def _draw(self) -> None:
        self.layout.display = "" if len(self.steps) > 1 else "none"
        self.title.value = heading_html("Trail", "click to go back there" if len(self.steps) > 1 else "")
        names = [f"{asked.kind} {asked.place:,}" if asked.place >= 0 else asked.kind for asked in self.steps]
        alts = [f"{asked.name}, {asked.label}" for asked in self.steps]
        self.frame.set_grid(names, alts, [""] * len(names), [MID_GREY] * len(names), self._aspect, columns=_ACROSS)
        pictures = np.stack([asked.image.thumbnail(0, _SIDE) for asked in self.steps])
        self.frame.show(pictures, lossless=True)

    def _on_selected(self, change: dict[str, int]) -> None:
        if self._silent or not 0 <= change["new"] < len(self.steps):
            return
        asked = self.steps[change["new"]]
        self.steps = self.steps[: change["new"] + 1]
        self._silent = True
        try:
            self.frame.set_trait("selected", -1)
        finally:
            self._silent = False
        self._draw()
        self._on_return(asked)
