"""The test image that is explained by its parts."""

from collections.abc import Sequence
from html import escape
from typing import Any

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.widgets.parts import query_panel
from xaiwidgets.widgets.parts.words import class_name


class QueryPanel(query_panel.QueryPanel):
    """The panel of a test image with what network and parts say of it; a mistake is one of the parts."""

    def __init__(self, images: ImageSet) -> None:
        self._wrong: list[int] = []
        self._known: Any = None
        super().__init__(images, 0)
        self.layout.max_width = "280px"  # else it fills a column that stands below the others

    @property
    def place(self) -> int:
        """Which test image is chosen."""
        return self.chosen[0]

    def mistakes(self) -> tuple[Sequence[int], bool]:
        """The test images that the parts classify wrongly."""
        return self._wrong, self._known is not None

    def tell(self, value: LearnedParts) -> None:
        """The first class of network and parts with their probabilities."""
        names, query, rows = self.images.class_names, self.place, []
        if value is not self._known:
            self._known = value
            self._wrong = value.rows[value.predictions != value.labels].tolist()
        if query < len(value.similarities):
            said = {"parts": value.logits[query].softmax(0)}
            if value.outputs.shape[1]:
                said["network"] = value.outputs[query].double().softmax(0)
            for who, shares in said.items():
                best = int(shares.argmax())
                rows.append((who, escape(f"{class_name(best, names)} {float(shares[best]):.2f}")))
        self.say(rows)
