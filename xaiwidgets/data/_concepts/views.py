"""Stores of concepts seen in another way: in another shape, or without labels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.stores import ConceptStore, Labelled, Shape
from xaiwidgets.data._stores import Store
from xaiwidgets.data.reading import fitted


class ImagesOf(Store):
    """The images of a store of concepts."""

    def __init__(self, store: ConceptStore) -> None:
        self.store, self.shape = store, store.shape

    def __len__(self) -> int:
        return len(self.store)

    def read(self, places: Sequence[int]) -> Tensor:
        """Without labels."""
        return stacked([self.store.image(place) for place in places], self.shape)


class FittedConcepts(ConceptStore):
    """Another store's images in another shape, with the part of the labels that is left in the image."""

    def __init__(self, store: ConceptStore, shape: Shape) -> None:
        self.store, self.shape, self.concepts = store, shape, store.concepts
        self._rows, self._columns = _middle(store.shape[1:], shape[1:], store.label_shape)
        self.label_shape = tuple(part.stop - part.start for part in (self._rows, self._columns))

    @property
    def origin(self) -> object:
        """The other store's."""
        return self.store.origin

    def __len__(self) -> int:
        return len(self.store)

    def image(self, place: int) -> Tensor:
        """Cropped and resized."""
        return self._fit(self.store.image(place))

    def read(self, place: int) -> Labelled:
        """Both cropped, the image resized."""
        return self._of(self.store.read(place))

    def read_many(self, places: Sequence[int]) -> list[Labelled | XaiwidgetsError]:
        """As the other store reads many."""
        read = self.store.read_many(places)
        return [self._of(entry) if isinstance(entry, Labelled) else entry for entry in read]

    def _of(self, entry: Labelled) -> Labelled:
        return Labelled(self._fit(entry.image), entry.layers[:, self._rows, self._columns], entry.whole)

    def _fit(self, image: Tensor) -> Tensor:
        return fitted(image[None], self.shape)[0]


def _middle(size: tuple[int, int], wanted: tuple[int, int], labels: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and the columns of labels that are in the middle of an image with the proportions that are wanted."""
    scale = min(side / other for side, other in zip(size, wanted, strict=True))
    spans = []
    for side, other, count in zip(size, wanted, labels, strict=True):
        inner = max(1, round(count * other * scale / side))
        spans.append(slice((count - inner) // 2, (count - inner) // 2 + inner))
    return spans[0], spans[1]


def stacked(images: Sequence[Tensor], shape: Shape) -> Tensor:
    """The images as one tensor, also where there are none."""
    return torch.stack(list(images)) if images else torch.empty((0, *shape))
