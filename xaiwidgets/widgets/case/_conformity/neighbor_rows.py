"""The nearest training images before and after a region is left out."""

from collections.abc import Sequence
from typing import Any

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.widgets.case._conformity.words import count_words
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW, MID_GREY
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.words import class_name

EACH = 4
_SIDE = 96


class NeighborRows:
    """Two rows of pictures: the nearest of the whole image, and the nearest without the region."""

    def __init__(self, train: ImageSet) -> None:
        self._train, self._pictures = train, Thumbnails(train, _SIDE)
        self.frame = FrameView(columns=EACH)
        self._shown: tuple[Any, ...] = ()
        self.show(None, -1, ())

    def show(self, value: ConformityMap | None, region: int, names: Sequence[str]) -> None:
        """Those of a region, −1 for none."""
        known = value is not None and value.whole_neighbors.numel() > 0
        before = value.whole_neighbors[-1, :EACH].tolist() if known else []
        after = value.neighbors[region, -1, :EACH].tolist() if known and region >= 0 else []
        heads = self._heads(value, region, names) if known else ("Nearest to the whole image", "Without the region")
        if self._shown == (before, after, heads):
            return
        self._shown = (before, after, heads)
        places = [*_padded(before), *_padded(after)]
        predicted = value.predicted if known else -1
        _, height, width = self._train.shape
        self.frame.set_grid(
            [""] * len(places),
            [f"training image {place}, labelled {self._label(place)}" if place >= 0 else "empty" for place in places],
            [self._label(place) for place in places],
            [self._color(place, predicted) for place in places],
            width / height,
            columns=EACH,
            headings={0: heads[0], EACH: heads[1]},
        )
        self.frame.show(self._pictures(places), lossless=True)

    def _heads(self, value: ConformityMap, region: int, names: Sequence[str]) -> tuple[str, str]:
        said = count_words(value.whole_shares, value.whole_neighbors, names)
        left = "" if region < 0 else f": {count_words(value.label_shares[region], value.neighbors[region], names)}"
        return f"Nearest to the whole image: {said}", f"Without the region{left}"

    def _label(self, place: int) -> str:
        return class_name(int(self._train.labels[place]), self._train.class_names) if place >= 0 else ""

    def _color(self, place: int, predicted: int) -> str:
        if place < 0:
            return MID_GREY
        return ABOVE if int(self._train.labels[place]) == predicted else BELOW


def _padded(places: list[int]) -> list[int]:
    return places + [-1] * (EACH - len(places))
