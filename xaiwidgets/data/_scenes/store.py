"""Scenes that are made when they are asked for."""

from collections import OrderedDict
from threading import Lock

import torch
from torch import Tensor

from xaiwidgets.data._concepts.stores import ConceptStore, Labelled
from xaiwidgets.data._scenes.concepts import CONCEPTS
from xaiwidgets.data._scenes.making import Scene, make

_KEPT_BYTES = 250_000_000  # of scenes that were asked for last
_BYTES_PER_PIXEL = 9  # three of the picture, six layers of labels


class SceneStore(ConceptStore):
    """Scenes of one seed; those that were asked for last are kept. Any thread may ask."""

    concepts = CONCEPTS

    def __init__(self, count: int, size: int, seed: int) -> None:
        self.count, self.size, self.seed = count, size, seed
        self.shape, self.label_shape = (3, size, size), (size, size)
        self.source = f"xw.data.scenes({count}, size={size}, seed={seed})"
        self._kept: OrderedDict[int, Scene] = OrderedDict()
        self._most = max(1, _KEPT_BYTES // (_BYTES_PER_PIXEL * size**2))
        self._lock = Lock()

    def __len__(self) -> int:
        return self.count

    def image(self, place: int) -> Tensor:
        """The picture alone."""
        return torch.from_numpy(self._scene(place).picture).permute(2, 0, 1).contiguous() / 255

    def read(self, place: int) -> Labelled:
        """With labels of the type that all sets have."""
        scene = self._scene(place)
        return Labelled(self.image(place), torch.from_numpy(scene.labels).to(torch.int16), scene.whole)

    def _scene(self, place: int) -> Scene:
        with self._lock:
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
        scene = make(self.seed, place, self.size)
        with self._lock:
            self._kept[place] = scene
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return scene
