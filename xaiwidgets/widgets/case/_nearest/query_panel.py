"""The image whose neighbours are shown: a test image, or what one came to from there."""

from collections.abc import Callable, Sequence
from html import escape

from jaxtyping import Int
from torch import Tensor

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._nearest.atlas import Atlas
from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.widgets.case._nearest.asked import TEST, Asked, asked_test
from xaiwidgets.widgets.parts import query_panel
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY


class QueryPanel(query_panel.QueryPanel):
    """The panel of a test image, which can show a training image or a given picture in its place."""

    def __init__(self, images: ImageSet, chosen: int, on_ask: Callable[[Asked], object]) -> None:
        self._drawn = -1
        self.atlas: Atlas | None = None
        self.asked: Asked | None = None
        super().__init__(images, chosen)
        self.asked = asked_test(images, self.chosen[0])
        self.on_change(lambda: on_ask(asked_test(images, self.chosen[0])))

    def mistakes(self) -> tuple[Sequence[int], bool]:
        """The test images that the network answers wrongly, among those looked at so far."""
        if self.atlas is None:
            return (), False
        return self.atlas.mistakes(self._labels), self.atlas.features is not None

    def ask(self, asked: Asked) -> None:
        """Show this query."""
        before, self.asked = self.asked, asked
        if asked.kind == TEST:
            if before is None or before.kind != TEST or self._drawn != asked.place:  # else its picture is there
                self.set(asked.place)
        else:
            self.chosen = [self.chosen[0]]
            self.show()

    def show(self) -> None:
        """The picture of what is asked about."""
        asked = self.asked
        if asked is None or asked.kind == TEST:
            self._drawn = self.chosen[0]
            super().show()
            return
        self._drawn = -1
        _, height, width = self.images.shape
        self.frame.set_grid([asked.name], [f"{asked.name}, {asked.label}"], [""], [MID_GREY], width / height, columns=1)
        self.frame.show(to_pixels(asked.image.batch([0])), lossless=True)
        self.title.value = heading_html(f"{asked.kind.capitalize()} image")
        self.say([])

    def tell(self, found: Neighbors, names: Sequence[str]) -> None:
        """Prediction, and how far the neighbours support it."""
        rows = []
        if int(found.predictions[0]) >= 0 and not found.probabilities.isnan().any():
            best = int(found.predictions[0])
            rows.append(("prediction", f"{escape(names[best])} {float(found.probabilities[0, best]):.2f}"))
        if not found.conformity.isnan().any():
            rows.append(("conformity", f"{float(found.conformity[0]):.2f}"))
        if not found.credibility.isnan().any():
            rows.append(("credibility", f"{float(found.credibility[0]):.2f}"))
            rows.append(("confidence", f"{float(found.confidence[0]):.2f}"))
        self.say(rows)

    @property
    def _labels(self) -> Int[Tensor, "test"]:
        return self.images.labels

    def _label(self) -> str:
        if self.asked is None or self.asked.kind == TEST:
            return super()._label()
        return self.asked.label or "not known"
