"""Which test images are explained: one, or several that were chosen on a map."""

import operator
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY
from xaiwidgets.widgets.parts.words import class_name

_MOST_SHOWN, _ACROSS = 9, 3


class QueryPanel(widgets.VBox):
    """The chosen test images; buttons walk to the neighbours and to the next one that the network answers wrongly."""

    def __init__(self, images: ImageSet, chosen: int | Sequence[int]) -> None:
        self.images, self.chosen = images, _checked(chosen, len(images))
        self._callbacks: list[Callable[[], None]] = []
        self.title = heading("Test image")
        self.frame = FrameView(columns=1)
        self.facts = widgets.HTML()
        self.number = widgets.BoundedIntText(
            description="Image", value=self.chosen[0], min=0, max=len(images) - 1, continuous_update=False
        )
        self.number.add_class("xw-setting")
        self.back, self.forward, self.mistake = (_button(text) for text in ("Previous", "Next", "Next mistake"))
        row = widgets.HBox([self.back, self.forward])
        row.add_class("xw-button-row")
        super().__init__([self.title, self.frame, self.facts, self.number, row, self.mistake])
        self.add_class("xw-query-panel")
        self.number.observe(self._on_number, "value")
        self.back.on_click(lambda _button: self._walk(self.chosen[0] - 1))
        self.forward.on_click(lambda _button: self._walk(self.chosen[-1] + 1))
        self.show()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` after others were chosen in the panel."""
        self._callbacks.append(callback)

    def set(self, chosen: int | Sequence[int]) -> None:
        """Choose test images by their places; calls nobody. Raises for none, and for one that is not there."""
        self.chosen = _checked(chosen, len(self.images))
        self.show()

    def mistakes(self) -> tuple[Sequence[int], bool]:
        """The images that are known to be answered wrongly, and whether all were looked at: the owner knows."""
        return (), False

    def next_mistake(self) -> int:
        """The next image after the chosen ones that the network answers wrongly; raises where none is known."""
        wrong, complete = self.mistakes()
        if not wrong:
            if complete:
                raise XaiwidgetsError("The network answers every test image rightly.")
            raise XaiwidgetsError(
                "No mistake is known yet: the test images are still being looked at. Run, and try again in a moment."
            )
        return next((place for place in wrong if place > self.chosen[-1]), wrong[0])

    def show(self) -> None:
        """The pictures of what is chosen."""
        shown = self.chosen[:_MOST_SHOWN]
        names = [f"{place:,}" for place in shown]
        words = [f"test image {place}, {self.images.label_name(place)}" for place in shown]
        _, height, width = self.images.shape
        one = len(self.chosen) == 1
        self.frame.set_grid(
            names, words, [""] * len(shown), [MID_GREY] * len(shown), width / height, columns=1 if one else _ACROSS
        )
        self.frame.show(to_pixels(self.images.batch(shown)), lossless=True)
        note = f"{_MOST_SHOWN} shown" if len(self.chosen) > _MOST_SHOWN else ""
        self.title.value = heading_html("Test image" if one else f"{len(self.chosen):,} test images", note)
        self.number.set_trait("value", self.chosen[0])
        self.say([])

    def say(self, rows: Sequence[tuple[str, str]]) -> None:
        """Facts below the picture, after the label; whoever gives the values escapes what comes from elsewhere."""
        label = self._label()
        table = fact_table([*([("label", escape(label))] if label else []), *rows])
        if self.facts.value != table:
            self.facts.value = table

    def _label(self) -> str:
        if self.images.labels is None:
            return ""
        labels = torch.as_tensor([int(self.images.labels[place]) for place in self.chosen])
        names = [class_name(int(label), self.images.class_names) for label in labels.unique()]
        return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")  # noqa: PLR2004

    def _on_number(self, change: Any) -> None:
        if change["new"] != self.chosen[0]:  # else it only tells what was chosen elsewhere
            self._walk(change["new"])

    def _walk(self, place: int) -> None:
        place = min(max(place, 0), len(self.images) - 1)
        if self.chosen == [place]:
            return
        self.set([place])
        self.told()

    def told(self) -> None:
        """Tell that something was chosen here."""
        for callback in tuple(self._callbacks):
            callback()


def _checked(chosen: int | Sequence[int], count: int) -> list[int]:
    """The places without repetition; raises for none, and for what is no place of one."""
    given = [chosen] if not hasattr(chosen, "__len__") or np.ndim(chosen) == 0 else chosen
    try:
        places = list(dict.fromkeys(operator.index(place) for place in given))
    except TypeError:
        raise XaiwidgetsError(f"{chosen!r} was given as test images; give places as whole numbers from 0.") from None
    if not places:
        raise XaiwidgetsError("No test image was given; give at least one place.")
    outside = [place for place in places if not 0 <= place < count]
    if outside:
        raise XaiwidgetsError(f"Test image {outside[0]} was asked for; there are {count:,}, 0 to {count - 1:,}.")
    return places


def _button(text: str) -> widgets.Button:
    made = widgets.Button(description=text)
    made.add_class("xw-button")
    return made
