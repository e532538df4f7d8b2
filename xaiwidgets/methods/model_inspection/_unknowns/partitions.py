"""Partitions of images that are alike in their features, in the answer and in its confidence."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

_ROUNDS = 20  # of one cut; it ends before where nothing changes any more


def scaled(
    features: Float[Tensor, "image feature"], confidence: Float[Tensor, "image"], weight: float
) -> Float[Tensor, "image coordinate"]:
    """The features and the confidence as one point for each image.

    Both are centred, and their mean squared length is 1 for all features together and ``weight`` for the confidence.
    """
    parts = [(features, 1.0), (confidence.to(features.dtype)[:, None], weight)]
    return torch.cat([_unit(part) * share**0.5 for part, share in parts], 1)


def partitioned(
    points: Float[Tensor, "image coordinate"], answers: Int[Tensor, "image"], count: int, seed: int
) -> Iterator[tuple[Int[Tensor, "image"], float]]:
    """Yield the partition of each image so far, with the share of the cuts that is made.

    The answers are the first partitions, where there are not more of them than ``count``. Then the partition with the
    largest sum of squared distances to its mean is cut in two by 2-means (Lloyd 1982, from k-means++ centres), until
    there are ``count``, or none has two different points. The largest partition is the first.
    """
    classes, of = answers.unique(return_inverse=True)
    if len(classes) > count:
        of = torch.zeros_like(of)
    found, begun = int(of.max()) + 1, int(of.max()) + 1
    scatter = []
    for one in range(found):
        scatter.append(_scatter(points[of == one]))
        yield of, 0.0
    while found < count and max(scatter) > 0:
        widest = scatter.index(max(scatter))
        members = (of == widest).nonzero().flatten()
        for turn, side in enumerate(_cut(points[members], seed * count + found)):
            second = side
            share = (found - begun + (turn + 1) / (_ROUNDS + 2)) / (count - begun)
            yield of, share
        of = of.clone()
        of[members[second]] = found
        for one in (widest, found):
            scatter[one:] = [_scatter(points[of == one]), *scatter[one + 1 :]]
            yield of, share
        found += 1
    yield _by_size(of, found), 1.0


def _unit(columns: Tensor) -> Tensor:
    centred = columns - columns.mean(0)
    length = centred.square().sum(1).mean().sqrt()
    return centred / length if float(length) > torch.finfo(columns.dtype).eps else torch.zeros_like(columns)


def _scatter(points: Tensor) -> float:
    """The sum of squared distances to the mean; 0 where all points are the same."""
    if bool((points == points[0]).all()):
        return 0.0
    return len(points) * float(points.var(0, correction=0).sum())


def _cut(points: Tensor, seed: int) -> Iterator[Tensor]:
    """Yield after each round which points belong to the second of two centres; neither is ever without points."""
    draw = torch.Generator().manual_seed(seed)
    first = points[int(torch.randint(len(points), (), generator=draw))]
    squares = (points - first).square().sum(1)
    running = squares.cumsum(0)
    at = torch.rand((), generator=draw, dtype=torch.double).to(running) * running[-1]
    second = points[min(int(torch.searchsorted(running, at, right=True)), len(points) - 1)]
    side = _nearer(points, first, second)
    if _one_sided(side):  # by rounding: the points are nearly the same
        side = torch.zeros_like(side).index_fill(0, squares.argmax(), value=True)
    for _ in range(_ROUNDS):
        yield side
        new = _nearer(points, points[~side].mean(0), points[side].mean(0))
        if torch.equal(new, side) or _one_sided(new):
            return
        side = new
    yield side


def _nearer(points: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Which points are nearer to the other centre: beyond the middle between the two."""
    return points @ (other - one) > (other @ other - one @ one) / 2


def _one_sided(side: Tensor) -> bool:
    return bool(side.all()) or not bool(side.any())


def _by_size(of: Tensor, count: int) -> Tensor:
    order = of.bincount(minlength=count).argsort(descending=True, stable=True)
    place = torch.empty_like(order).scatter(0, order, torch.arange(count, device=of.device))
    return place[of]
