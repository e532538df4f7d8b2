"""How many a search at random finds: the hypergeometric distribution."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_POINTS = 101  # of the band of a plot
_TAIL = 0.025  # on either side of a 95 % interval


def log_mass(images: int, wrong: int, queries: int) -> Float[Tensor, "found"]:
    """The log of P(X = k) for k from 0 to ``wrong``: of so many queries of different images k find a wrong answer.

    P(X = k) = C(K, k) C(N − K, n − k) / C(N, n).
    """
    k = torch.arange(wrong + 1, dtype=torch.double)
    possible = (k <= queries) & (queries - k <= images - wrong)
    ways = _log_choose(wrong, k) + _log_choose(images - wrong, (queries - k).where(possible, 0))
    known = ways - _log_choose(images, torch.tensor(queries, dtype=torch.double))
    return known.where(possible, -torch.inf)


def interval(images: int, wrong: int, queries: int) -> tuple[int, int]:
    """The central 95 %: the smallest numbers that are not exceeded with probability 0.025 and 0.975."""
    below = log_mass(images, wrong, queries).exp().cumsum(0)
    low, high = ((below < level - 1e-12).sum() for level in (_TAIL, 1 - _TAIL))
    return int(low), min(int(high), wrong)


def at_least(images: int, wrong: int, queries: int, found: int) -> float:
    """The probability that a search at random finds at least ``found``."""
    return min(1.0, float(log_mass(images, wrong, queries)[found:].exp().sum()))


def band(images: int, wrong: int, budget: int) -> Int[Tensor, "3 point"]:
    """Numbers of queries from 0 to ``budget``, at most 101, with the ends of the interval at each."""
    at = torch.linspace(0, budget, min(_POINTS, budget + 1), dtype=torch.double).round().long().tolist()
    return torch.tensor([(queries, *interval(images, wrong, queries)) for queries in at]).T


def _log_choose(of: int, some: Tensor) -> Tensor:
    of = torch.tensor(float(of), dtype=torch.double)
    return torch.lgamma(of + 1) - torch.lgamma(some + 1) - torch.lgamma(of - some + 1)
