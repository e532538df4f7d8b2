"""Small pictures of a set, each decoded once."""

from collections.abc import Sequence

import numpy as np

from xaiwidgets.data import ImageSet

_KEPT = 1024


class Thumbnails:
    """Small pictures of a set's images; the newest are kept, since decoding a file takes long."""

    def __init__(self, images: ImageSet, side: int) -> None:
        self._images, self._side = images, side
        self._known: dict[int, np.ndarray] = {}

    def __call__(self, places: Sequence[int]) -> np.ndarray:
        """Those at these places, grey where a place is −1."""
        return np.stack([self._one(place) for place in places])

    def _one(self, place: int) -> np.ndarray:
        if place not in self._known:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            picture = self._images.thumbnail(max(0, place), self._side)
            self._known[place] = picture if place >= 0 else np.full_like(picture, 128)
        return self._known[place]
