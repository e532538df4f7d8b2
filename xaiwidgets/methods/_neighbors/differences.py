"""Distances from differences, in double precision, and the order that they give."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_NUMBERS = 1 << 17  # differences that are held at once: they stay in the processor's cache
_GRID = 2.0**40
_TINY = 1e-300


def distances_of(
    queries: Float[Tensor, "query feature"],
    rows: Float[Tensor, "row feature"],
    places: Int[Tensor, "query place"],
    metric: str,
) -> Float[Tensor, "query place"]:
    """The distance of each query to some rows of its own: Euclidean, or 1 − cosine as half of |x/|x| − y/|y||²."""
    count, features = places.shape[1], rows.shape[1]
    step = max(1, _NUMBERS // max(1, count * features))
    parts = [
        _differences(queries[start : start + step], rows, places[start : start + step], metric)
        for start in range(0, len(queries), step)
    ]
    return torch.cat(parts)


def rank(distances: Float[Tensor, "query place"], metric: str) -> Int[Tensor, "query place"]:
    """The order from near to far; of those that are equally far, but for rounding, the first comes first."""
    if metric == "cosine":
        return (distances * _GRID).round().argsort(dim=1, stable=True)
    mantissa, exponent = torch.frexp(distances)
    return torch.ldexp((mantissa * _GRID).round(), exponent).argsort(dim=1, stable=True)


def _differences(queries: Tensor, rows: Tensor, places: Tensor, metric: str) -> Tensor:
    x = queries.double()
    y = rows[places.flatten()].view(*places.shape, -1).double()
    if metric != "cosine":
        return torch.linalg.vector_norm(y.sub_(x[:, None]), dim=2)
    x_norm, y_norm = (torch.linalg.vector_norm(of, dim=-1, keepdim=True) for of in (x, y))
    x = x / x_norm.clamp_min(_TINY)
    y.div_(y_norm.clamp_min(_TINY)).sub_(x[:, None])
    half = torch.linalg.vector_norm(y, dim=2).square_().div_(2)
    return torch.where((x_norm > 0) & (y_norm[..., 0] > 0), half, 1.0)
