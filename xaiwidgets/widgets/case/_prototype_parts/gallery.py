"""The parts of each class on their training images."""

import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.widgets.case._prototype_parts.boxed import BoxedPictures, color_of
from xaiwidgets.widgets.case._prototype_parts.words import note_of
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pick import pick

_SIDE, _MOST, _ACROSS = 168, 20, 5


class Gallery:
    """Which parts stand on the cards: the strongest of every class, or all of one."""

    def __init__(self, images: ImageSet, names: list[str]) -> None:
        self._images, self._names = images, names
        self._pictures = BoxedPictures(images, _SIDE)
        self.choice = pick("Parts of", ["every class", *names])

    def cards(self, value: LearnedParts, prototypes: int) -> list[int]:
        """The prototype of each card: within a class the one with the largest weight for it first."""
        cards = []
        for label in self._labels():
            first = label * prototypes
            weights = value.weights[first : first + prototypes, label]
            order = weights.argsort(descending=True, stable=True)[: self._each(prototypes)]
            cards += (first + order).tolist()
        return cards

    def pixels(self, value: LearnedParts, prototypes: int) -> np.ndarray:
        """The pictures."""
        cards = self.cards(value, prototypes)
        colors = [color_of(int(value.classes[card])) for card in cards]
        return self._pictures(value.images[cards].tolist(), value.boxes[cards].tolist(), colors)

    def notes(self, value: LearnedParts, prototypes: int) -> list[str]:
        """The weight of each, or how far its prototype is from it."""
        known = bool((value.images >= 0).all())
        return [note_of(value, card) if known else "" for card in self.cards(value, prototypes)]

    def lay_out(self, frame: FrameView, prototypes: int) -> None:
        """Name the cards."""
        each = self._each(prototypes)
        labels = [label for label in self._labels() for _ in range(each)]
        names = [self._names[label] for label in labels]
        alts = [f"part {place % each + 1} of {name}, on its training image" for place, name in enumerate(names)]
        _, height, width = self._images.shape
        colors = [color_of(label) for label in labels]
        frame.set_grid(names, alts, [""] * len(names), colors, width / height, columns=_ACROSS)

    def _labels(self) -> list[int]:
        if self.choice.index:
            return [self.choice.index - 1]
        return list(range(min(_MOST, len(self._names))))

    def _each(self, prototypes: int) -> int:
        return prototypes if self.choice.index else min(prototypes, max(1, _MOST // len(self._labels())))
