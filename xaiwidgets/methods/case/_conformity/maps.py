"""Maps over the image from what is found of regions: each level has a map, and all together have their mean."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

MEASURES = 2
"""Conformity, and the softmax probability."""


class Maps:
    """For each level the sum over the regions that hold a pixel, and their number; regions are added one by one.

    One by one, so that neither batches nor their order change a bit of the sums.
    """

    def __init__(self, shape: Sequence[int], levels: int, device: torch.device) -> None:
        self._sums = torch.zeros((levels, MEASURES, *shape), dtype=torch.float64, device=device)
        self._counts = torch.zeros((levels, *shape), dtype=torch.float64, device=device)

    def add(self, level: int, where: Tensor | Sequence[int], drop: Sequence[Tensor]) -> None:
        """Add a region, a mask or a box (top, left, bottom, right), and what is lost without it in each measure."""
        numbers = torch.stack(list(drop)).double()
        if isinstance(where, Tensor):
            self._sums[level, :, where] += numbers[:, None]
            self._counts[level, where] += 1
        else:
            top, left, bottom, right = where
            self._sums[level, :, top:bottom, left:right] += numbers[:, None, None]
            self._counts[level, top:bottom, left:right] += 1

    def values(self) -> Float[Tensor, "measure height width"]:
        """The mean over the levels that know a pixel of the mean over their regions that hold it; NaN where none does.

        A fine level alone can be zero everywhere, where no small region matters, and a coarse one alone is coarse.
        """
        known = self._counts > 0
        means = torch.where(known[:, None], self._sums / self._counts[:, None], 0.0)
        return means.sum(0) / known.sum(0)
