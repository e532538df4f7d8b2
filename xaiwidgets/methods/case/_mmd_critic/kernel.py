"""The kernel that compares rows, and what is needed of it: never all rows with all at once."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods.case._prototypes.distances import Distances
from xaiwidgets.methods.case._prototypes.rows import Rows


class Known(NamedTuple):
    """How much of the means is known, and they themselves once that is all."""

    share: float
    whole: Float[Tensor, "row"] | None


class Kernel:
    """k(x, x') = exp(−γ d²), with ``per_class`` 0 between rows of different labels."""

    def __init__(self, rows: Rows, distances: Distances, gamma: float, *, per_class: bool) -> None:
        self._rows, self._distances = rows, distances
        self.gamma, self._per_class = gamma, per_class

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._distances)

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self._rows.features.device

    def of(self, squared: Float[Tensor, "some other"], some: Tensor, others: Tensor | None = None) -> Tensor:
        """The kernel for squared distances from some rows to others; to all where none are named."""
        values = squared.mul(-self.gamma).exp_()
        if self._per_class:
            labels = self._rows.labels
            values *= labels[some, None] == (labels if others is None else labels[others])
        return values

    def between(self, some: Int[Tensor, "some"]) -> Float[Tensor, "some some"]:
        """Each of some rows with each."""
        return self.of(self._distances.squared(some, some), some, some)

    def column(self, row: int) -> tuple[Float[Tensor, "row"], Float[Tensor, "row"]]:
        """One row with all: squared distances and kernel."""
        one = torch.tensor([row], device=self.device)
        squared = self._distances.squared(one)
        return squared[0], self.of(squared, one)[0]

    def means(self) -> Iterator[Known]:
        """Yield how far the mean of the kernel of each row with all is known, at last the means; kept by content.

        The kernel is symmetric: each piece of rows is compared with itself and the rows behind it.
        """
        key = f"kernel means {self._rows.key} {self.gamma!r} {self._per_class}"
        known = RESULTS.get(key)
        if known is not None:
            yield Known(1.0, known)
            return
        count, start = len(self), 0
        sums = torch.zeros(count, dtype=torch.float64, device=self.device)
        every = torch.arange(count, device=self.device)
        while start < count:
            own = next(self._distances.pieces(every[start:], count - start))
            behind, stop = every[start:], start + len(own)
            block = self.of(self._distances.squared(own, behind), own, behind)
            sums[start:stop] += block.sum(1)
            sums[stop:] += block[:, len(own) :].sum(0)
            start = stop
            if start < count:
                yield Known(1 - (1 - start / count) ** 2, None)
        means = sums / count
        RESULTS.put(key, means, means.numel() * means.element_size())
        yield Known(1.0, means)
