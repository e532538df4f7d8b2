"""Images of other stores: some of them, those of two, and the same in another shape."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xaiwidgets.data._stores import Shape, Store, digest
from xaiwidgets.data.reading import fitted


class Picked(Store):
    """Some of another store's images."""

    def __init__(self, store: Store, places: Sequence[int]) -> None:
        if isinstance(store, Picked):
            store, places = store.store, [store.places[place] for place in places]
        self.store, self.places, self.shape = store, list(places), store.shape

    def __len__(self) -> int:
        return len(self.places)

    def read(self, places: Sequence[int]) -> Tensor:
        """The other store's, at their places there."""
        return self.store.read([self.places[place] for place in places])

    @property
    def key(self) -> str:
        """The other store's, and which of them."""
        return digest([self.store.key.encode(), np.array(self.places, np.int64)])


class Joined(Store):
    """The images of one store, then those of another of the same shape."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first, self.second, self.shape = first, second, first.shape

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def read(self, places: Sequence[int]) -> Tensor:
        """Each from where it is."""
        count = len(self.first)
        parts = {of: [at for at, place in enumerate(places) if (place >= count) == of] for of in (False, True)}
        images = torch.empty((len(places), *self.shape))
        for of, store in ((False, self.first), (True, self.second)):
            if parts[of]:
                images[parts[of]] = store.read([places[at] - count * of for at in parts[of]])
        return images

    @property
    def key(self) -> str:
        """Those of both."""
        return digest([self.first.key.encode(), self.second.key.encode()])


class Fitted(Store):
    """Another store's images in another shape."""

    def __init__(self, store: Store, shape: Shape) -> None:
        self.store, self.shape = store, shape

    def __len__(self) -> int:
        return len(self.store)

    def read(self, places: Sequence[int]) -> Tensor:
        """Read, crop and resize."""
        return fitted(self.store.read(places), self.shape)

    @property
    def key(self) -> str:
        """The other store's, and the shape."""
        return digest([self.store.key.encode(), repr(self.shape).encode()])
