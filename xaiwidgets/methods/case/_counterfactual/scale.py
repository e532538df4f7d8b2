"""In which units a change of each feature is measured: median absolute deviations."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

_AT_ONCE = 1 << 19  # numbers that are sorted in one step


def medians(rows: Float[Tensor, "row feature"]) -> Float[Tensor, "feature"]:
    """The median of each column; of an even number of rows the mean of the two in the middle."""
    ordered = rows.sort(dim=0).values
    return (ordered[(len(rows) - 1) // 2] + ordered[len(rows) // 2]) / 2


def deviations(rows: Float[Tensor, "row feature"]) -> Iterator[Float[Tensor, "feature"]]:
    """Yield MAD_k = median |x_k − median x_k| of ever more columns."""
    step = max(1, _AT_ONCE // len(rows))
    for start in range(0, rows.shape[1], step):
        part = rows[:, start : start + step]
        yield medians((part - medians(part)).abs())


def floored(mad: Float[Tensor, "feature"], span: Float[Tensor, "feature"], floor: float) -> Float[Tensor, "feature"]:
    """MADs of at least ``floor`` of a feature's range; 1 for a feature without a range, which cannot move."""
    found = torch.maximum(mad, floor * span)
    return torch.where(found > 0, found, torch.ones_like(found))
