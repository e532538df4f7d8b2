"""Rank correlation."""

import torch
from jaxtyping import Float
from torch import Tensor


def rank_correlation(one: Float[Tensor, "entry"], other: Float[Tensor, "entry"]) -> float:
    """Spearman's: the correlation of ranks, equal numbers sharing their mean rank; NaN where either is constant."""
    if len(one) < 2:  # noqa: PLR2004 - no correlation of one
        return float("nan")
    x, y = (_ranks(numbers) for numbers in (one, other))
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x.square().sum() * y.square().sum()).sqrt())


def _ranks(numbers: Tensor) -> Tensor:
    """From 0, in double precision."""
    _, place, counts = numbers.unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    return (ends - (counts.double() + 1) / 2)[place]


def order_of(importance: Float[Tensor, "entry"]) -> Tensor:
    """From the most important down; of equal ones the first."""
    return torch.argsort(importance, descending=True, stable=True)
