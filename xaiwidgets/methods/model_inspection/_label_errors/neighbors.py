"""The nearest rows of each row by the cosine between their features."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods._neighbors.search import COSINE, ExactSearch

_PRODUCTS = 1 << 21  # cosines of a block


def nearest_rows(features: Float[Tensor, "row feature"], count: int) -> Iterator[Int[Tensor, "seen neighbor"]]:
    """Yield the nearest rows of the rows so far, the nearest first.

    Exact, see `ExactSearch`. A row is not its own neighbour; of equally near rows those with the lowest places are
    taken. A row of zeros has the cosine 0 with every other.
    """
    rows, search, found = len(features), ExactSearch(features, COSINE), []
    step = max(1, _PRODUCTS // rows)
    for start in range(0, rows, step):
        own = torch.arange(start, min(start + step, rows), device=features.device)
        found.append(search.nearest(features[own], count, own).indices)
        yield torch.cat(found)


def disagreement(nearest: Int[Tensor, "seen neighbor"], labels: Int[Tensor, "row"]) -> Float[Tensor, "seen"]:
    """The share of each row's neighbours whose label differs from its own."""
    return (labels[nearest] != labels[: len(nearest), None]).float().mean(1)
