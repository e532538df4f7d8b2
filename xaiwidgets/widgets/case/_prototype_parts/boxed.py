"""Pictures with a box drawn into them: the part in its own light, the rest dimmed."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.parts.theme import category_color

_DIMMED = 0.55  # of the contrast that is left outside of the box
_GREY = 128
_KEPT = 512
_LARGE = 112  # pixels from which on an image is smoothed where it is resized

Box = tuple[int, int, int, int]


class BoxedPictures:
    """Pictures of a set's images, ``side`` pixels long, each with a box (top, left, bottom, right) in its pixels."""

    def __init__(self, images: ImageSet, side: int) -> None:
        self._images, self._side = images, side
        self._known: dict[tuple[int, Box, str], np.ndarray] = {}

    def __call__(self, places: Sequence[int], boxes: Sequence[Box], colors: Sequence[str]) -> np.ndarray:
        """Those at these places, grey where a place is −1."""
        return np.stack([self._one(*card) for card in zip(places, map(tuple, boxes), colors, strict=True)])

    def _one(self, place: int, box: Box, color: str) -> np.ndarray:
        key = (place, box, color)
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self._drawn(place, box, color)
        return self._known[key]

    def _drawn(self, place: int, box: Box, color: str) -> np.ndarray:
        _, height, width = self._images.shape
        scale = self._side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if place < 0:
            return np.full((size[1], size[0], 3), _GREY, np.uint8)
        small = self._images.thumbnail(place, max(height, width))
        picture = Image.fromarray(np.ascontiguousarray(np.broadcast_to(small, (*small.shape[:2], 3))))
        how = Image.Resampling.NEAREST if max(height, width) < _LARGE else Image.Resampling.BICUBIC
        picture = picture.resize(size, how)
        if box[2] <= box[0] or box[3] <= box[1]:
            return np.asarray(picture)
        top, left, bottom, right = (round(edge * scale) for edge in box)
        dimmed = Image.blend(Image.new("RGB", size, (_GREY,) * 3), picture, _DIMMED)
        dimmed.paste(picture.crop((left, top, right, bottom)), (left, top))
        pen = ImageDraw.Draw(dimmed)
        pen.rectangle((left, top, right - 1, bottom - 1), outline="white", width=4)
        pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=color, width=2)
        return np.asarray(dimmed)


def color_of(label: int) -> str:
    """The colour of a class; its name always stands beside it."""
    return category_color(label)
