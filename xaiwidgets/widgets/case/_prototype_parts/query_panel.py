"""The test image that is explained; buttons walk to its neighbours and to the next one that the parts get wrong."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.theme import MID_GREY
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.words import class_name

_SIDE = 224


class QueryPanel(widgets.VBox):
    """One test image with its label and what network and parts say of it."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.chosen = images, 0
        self._pictures = Thumbnails(images, _SIDE)
        self._callbacks: list[Callable[[], None]] = []
        self._wrong: list[int] = []
        self._known: Any = None
        self.frame, self.facts = FrameView(columns=1), widgets.HTML()
        self.number = widgets.BoundedIntText(
            description="Image", value=0, min=0, max=len(images) - 1, continuous_update=False
        )
        self.number.add_class("xw-setting")
        self.back, self.forward, self.mistake = (
            widgets.Button(description=text) for text in ("Previous", "Next", "Next mistake")
        )
        for button in (self.back, self.forward, self.mistake):
            button.add_class("xw-button")
        row = widgets.HBox([self.back, self.forward])
        row.add_class("xw-button-row")
        super().__init__([heading("Test image"), self.frame, self.facts, self.number, row, self.mistake])
        self.add_class("xw-query-panel")
        self.layout.max_width = "280px"  # else it fills a column that stands below the others
        self.number.observe(lambda change: self._walk(change["new"]), "value")
        self.back.on_click(lambda _button: self._walk(self.chosen - 1))
        self.forward.on_click(lambda _button: self._walk(self.chosen + 1))
        self._show()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` after another image was chosen in the panel."""
        self._callbacks.append(callback)

    def set(self, chosen: int) -> None:
        """Choose a test image; calls nobody. Raises for one that is not there."""
        if not 0 <= chosen < len(self.images):
            count = len(self.images)
            raise XaiwidgetsError(f"Test image {chosen} was asked for; there are {count:,}, 0 to {count - 1:,}.")
        self.chosen = chosen
        self._show()

    def next_mistake(self) -> int:
        """The next test image that the parts classify wrongly; raises where none is known."""
        if not self._wrong:
            raise XaiwidgetsError("No mistake of the parts is known yet; run first.")
        return next((place for place in self._wrong if place > self.chosen), self._wrong[0])

    def tell(self, value: LearnedParts) -> None:
        """Label, and the first class of network and parts with their probabilities."""
        names, query = self.images.class_names, self.chosen
        if value is not self._known:
            self._known = value
            self._wrong = value.rows[value.predictions != value.labels].tolist()
        rows = [("label", escape(self.images.label_name(query)))]
        if query < len(value.similarities):
            said = {"parts": value.logits[query].softmax(0)}
            if value.outputs.shape[1]:
                said["network"] = value.outputs[query].double().softmax(0)
            for who, shares in said.items():
                best = int(shares.argmax())
                rows.append((who, escape(f"{class_name(best, names)} {float(shares[best]):.2f}")))
        table = fact_table(rows)
        if self.facts.value != table:
            self.facts.value = table

    def _show(self) -> None:
        label = self.images.label_name(self.chosen)
        _, height, width = self.images.shape
        words = [f"test image {self.chosen}, {label}"]
        self.frame.set_grid([f"{self.chosen:,}"], words, [""], [MID_GREY], width / height, columns=1)
        self.frame.show(self._pictures([self.chosen]), lossless=True)
        self.number.set_trait("value", self.chosen)
        self.facts.value = fact_table([("label", escape(label))])

    def _walk(self, place: int) -> None:
        place = min(max(place, 0), len(self.images) - 1)
        if place == self.chosen:
            return
        self.set(place)
        for callback in tuple(self._callbacks):
            callback()
