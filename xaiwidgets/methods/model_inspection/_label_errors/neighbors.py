"""The nearest rows of each row by the cosine between their features."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

_ENTRIES = 1 << 21  # cosines that are held at once
_GRID = 2.0**40  # cosines closer than its inverse count as equal: rounding must not decide between equal rows


def nearest_rows(features: Float[Tensor, "row feature"], count: int) -> Iterator[Int[Tensor, "seen neighbor"]]:
    """Yield the nearest rows of the rows so far, in the order of their places.

    Exact: all cosines, in double precision. A row is not its own neighbour; of equally near rows those with the lowest
    places are taken. A row of zeros has the cosine 0 with every other.
    """
    rows = len(features)
    unit = torch.nn.functional.normalize(features.double(), dim=1)
    step, found = max(1, _ENTRIES // rows), []
    for start in range(0, rows, step):
        own = torch.arange(start, min(start + step, rows), device=features.device)
        cosines = (unit[own] @ unit.T).mul_(_GRID).round_()
        cosines[torch.arange(len(own), device=own.device), own] = -torch.inf
        found.append(_largest(cosines, count))
        yield torch.cat(found)


def _largest(values: Float[Tensor, "row column"], count: int) -> Int[Tensor, "row largest"]:
    """The columns of the largest values of each row, in order of place; of equal ones the first."""
    last = values.topk(count, dim=1).values[:, -1:]
    above, equal = values > last, values == last
    room = count - above.sum(1, keepdim=True)
    tied = (equal.sum(1, keepdim=True) > room).any(1)
    if tied.any():
        equal[tied] &= equal[tied].cumsum(1) <= room[tied]
    return (above | equal).nonzero()[:, 1].view(len(values), count)


def disagreement(nearest: Int[Tensor, "seen neighbor"], labels: Int[Tensor, "row"]) -> Float[Tensor, "seen"]:
    """The share of each row's neighbours whose label differs from its own."""
    return (labels[nearest] != labels[: len(nearest), None]).float().mean(1)
