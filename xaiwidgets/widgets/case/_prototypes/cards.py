"""Two groups of pictures: prototypes, and what they leave out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW
from xaiwidgets.widgets.parts.thumbnails import Thumbnails

ACROSS = 6
_SIDE = 160


class Group(NamedTuple):
    """What a group's pictures are called, one by one and together."""

    name: str
    heading: str


class Cards:
    """Room for so many pictures of each group, which are filled one by one."""

    def __init__(self, images: ImageSet, groups: tuple[Group, Group]) -> None:
        self._thumbnails, self._groups = Thumbnails(images, _SIDE), groups
        _, height, width = images.shape
        self._aspect = width / height
        self._laid: tuple[int, int] | None = None

    def lay_out(self, frame: FrameView, counts: tuple[int, int]) -> None:
        """Name the cards, once for each change of their numbers."""
        if self._laid == counts:
            return
        self._laid = counts
        alts, colors, headings = [], [], {}
        for group, count, color in zip(self._groups, counts, (ABOVE, BELOW), strict=True):
            if count:
                headings[len(alts)] = group.heading
            alts += [f"{group.name} {place + 1}" for place in range(count)]
            colors += [color] * count
        blank = [""] * len(alts)  # no names: class names need the room
        frame.set_grid(blank, alts, blank, colors, self._aspect, columns=ACROSS, headings=headings)

    def pixels(self, groups: tuple[Sequence[int], Sequence[int]], counts: tuple[int, int]) -> np.ndarray:
        """The pictures, grey where there is none yet."""
        return self._thumbnails(filled(groups, counts, -1))


def filled(groups: tuple[Sequence, Sequence], counts: tuple[int, int], empty: object) -> list:
    """Both groups one after the other, each cut or filled up to its count."""
    return [
        entry
        for group, count in zip(groups, counts, strict=True)
        for entry in [*group[:count], *[empty] * (count - len(group))]
    ]
