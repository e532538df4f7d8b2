"""Distances between rows, a few rows at a time: never all with all at once."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

_ENTRIES = 1 << 21  # distances that are held at once
_PRODUCTS = 1 << 28  # multiplications of one piece: a step must not take long
_SAMPLE = 1000  # rows whose distances from each other give the scale
_GRID = 2.0**40  # values closer than its inverse, relative to the largest, count as equal: rounding must not decide


class Distances:
    """Squared Euclidean distances between rows of features, in double precision."""

    def __init__(self, features: Float[Tensor, "row feature"]) -> None:
        self._features = features
        self._norms = features.square().sum(1)
        self.rounding = 1e-12 * float(self._norms.mean())
        """How far a squared distance may be from the true one."""

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._features)

    def squared(
        self, some: Int[Tensor, "some"], others: Int[Tensor, "other"] | None = None
    ) -> Float[Tensor, "some other"]:
        """Those from some rows to others; to all where none are named."""
        chosen = self._features[some]
        to, norms = (self._features, self._norms) if others is None else (self._features[others], self._norms[others])
        return torch.addmm(norms, chosen, to.T, alpha=-2).add_(self._norms[some, None]).clamp_(min=0)

    def pieces(self, rows: Int[Tensor, "some"], against: int) -> Iterator[Int[Tensor, "piece"]]:
        """The rows in pieces whose distances to ``against`` others need little memory and little time."""
        against = max(1, against)
        size = min(_ENTRIES // against, _PRODUCTS // (against * self._features.shape[1]))
        yield from rows.split(max(1, size))

    def pairs(self) -> Float[Tensor, "pair"]:
        """The squared distances of all pairs of at most 1,000 rows, evenly spread over the set, in ascending order."""
        count = min(len(self), _SAMPLE)
        places = torch.arange(count, device=self._features.device) * len(self) // count
        first, second = torch.triu_indices(count, count, 1, device=places.device)
        between = self.squared(places, places)[first, second]
        between[between <= self.rounding] = 0.0
        return between.sort().values


def first_largest(values: Float[Tensor, "row"]) -> int:
    """The place of the largest value; of equal ones the first."""
    largest = values.max()
    near = values >= largest - largest.abs().clamp(min=1e-300) / _GRID
    return int(near.nonzero()[0])
