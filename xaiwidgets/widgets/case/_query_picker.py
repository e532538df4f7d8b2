"""Which image is looked at, and which class it should have had."""

import operator
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.theme import MID_GREY

_WIDEST = "220px"


class QueryPicker(widgets.VBox):
    """One image of a set, with buttons to its neighbours, and a list of classes of which ``unset`` stands first."""

    def __init__(self, images: ImageSet, place: int, names: list[str], target: int | None, unset: str) -> None:
        self.images, self.place, self._count = images, _checked(place, len(images)), len(names)
        self._callbacks: list[Callable[[], None]] = []
        self._silent = False
        self.wanted = pick("Wanted class", [unset, *_different(names)])
        self.frame = FrameView(columns=1)
        self.frame.layout.max_width = _WIDEST  # where the columns are stacked there is more room than it needs
        self.facts = widgets.HTML()
        self.number = widgets.BoundedIntText(
            description="Image", value=self.place, min=0, max=len(images) - 1, continuous_update=False
        )
        self.number.add_class("xw-setting")
        self.back, self.forward = (widgets.Button(description=text) for text in ("Previous", "Next"))
        for button in (self.back, self.forward):
            button.add_class("xw-button")
        row = widgets.HBox([self.back, self.forward])
        row.add_class("xw-button-row")
        super().__init__([heading("Image"), self.frame, self.facts, self.number, row, self.wanted])
        self.add_class("xw-query-panel")
        self.number.observe(lambda change: self._walk(change["new"]), "value")
        self.back.on_click(lambda _button: self._walk(self.place - 1))
        self.forward.on_click(lambda _button: self._walk(self.place + 1))
        self.wanted.observe(lambda _change: self._tell(), "value")
        self.set(self.place, target)

    @property
    def target(self) -> int | None:
        """The wanted class, None where it is left to the method."""
        return None if self.wanted.index == 0 else self.wanted.index - 1

    @property
    def image(self) -> ImageSet:
        """The chosen image, as a set of one."""
        return self.images.subset([self.place])

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` after a user chose another image or class."""
        self._callbacks.append(callback)

    def set(self, place: int | None = None, target: int | None = None) -> None:
        """Choose an image and a class; calls nobody. Raises for what is not there."""
        place = self.place if place is None else _checked(place, len(self.images))
        if target is not None and not 0 <= target < self._count:
            raise XaiwidgetsError(
                f"target={target} was given, but there are {self._count} classes, 0 to {self._count - 1}."
            )
        self.place, self._silent = place, True
        try:
            self.number.set_trait("value", place)
            self.wanted.set_trait("index", 0 if target is None else target + 1)
        finally:
            self._silent = False
        _, height, width = self.images.shape
        alt = f"image {place}, {self.images.label_name(place)}"
        self.frame.set_grid([f"{place:,}"], [alt], [""], [MID_GREY], width / height)
        self.frame.show(to_pixels(self.images.batch([place])), lossless=True)
        self.tell([])

    def tell(self, rows: list[tuple[str, str]]) -> None:
        """Facts below the image, besides its label."""
        label = self.images.label_name(self.place)
        table = fact_table([*([("label", escape(label))] if label else []), *rows])
        if self.facts.value != table:
            self.facts.value = table

    def _walk(self, place: Any) -> None:
        place = min(max(int(place), 0), len(self.images) - 1)
        if not self._silent and place != self.place:
            self.set(place, self.target)
            self._tell()

    def _tell(self) -> None:
        if self._silent:
            return
        for callback in tuple(self._callbacks):
            callback()


def _checked(place: Any, count: int) -> int:
    try:
        chosen = operator.index(place)
    except TypeError:
        raise XaiwidgetsError(f"{place!r} was given as an image; give its place as a whole number from 0.") from None
    if not 0 <= chosen < count:
        raise XaiwidgetsError(f"Image {chosen} was asked for; there are {count:,}, 0 to {count - 1:,}.")
    return chosen


def _different(names: list[str]) -> list[str]:
    """Names of classes of which none is there twice, as a list of choices wants them."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [f"{name} ({place})" if seen[name] > 1 else name for place, name in enumerate(names)]
