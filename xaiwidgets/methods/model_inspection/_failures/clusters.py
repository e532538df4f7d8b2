"""Groups of errors: k-means in the network's features, or the confusions of one class with another."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.model_inspection._failures.attributes import distances

RESTARTS = 8
_ROUNDS = 100  # of one restart; it ends before where nothing changes any more
_TRIALS = 4  # candidates for each further centre, of which the best is taken


class Clusters(NamedTuple):
    """The ``centres``, the one that each point belongs to, and the sum of the squared distances to it."""

    centres: Float[Tensor, "cluster feature"]
    of: Int[Tensor, "point"]
    inertia: float


def k_means(points: Float[Tensor, "point feature"], count: int, seed: int) -> Iterator[Clusters]:
    """Yield the best clustering so far after each of eight restarts, as Lloyd (1982) has it from k-means++ centres.

    The largest cluster is the first one; of equal ones that with the first point. Where there are fewer different
    points than clusters, there are fewer clusters.
    """
    points = points.double()
    best: Clusters | None = None
    for restart in range(RESTARTS):
        draw = torch.Generator().manual_seed(seed * RESTARTS + restart)
        found = _lloyd(points, plus_plus(points, count, draw))
        best = found if best is None or found.inertia < best.inertia else best
        yield _by_size(best)


def plus_plus(points: Float[Tensor, "point feature"], count: int, draw: torch.Generator) -> Tensor:
    """First centres: each a point drawn by its squared distance to those before; of four drawn the one that helps most.

    Points that coincide with a centre are never drawn.
    """
    first = int(torch.randint(len(points), (), generator=draw))
    centres, nearest = [first], distances(points, points[first : first + 1])[:, 0].square()
    for _ in range(1, count):
        at = torch.rand(_TRIALS, generator=draw, dtype=torch.double)
        running = nearest.cpu().cumsum(0)  # a GPU's is not the same to the bit every time
        if not float(running[-1]):
            break
        drawn = torch.searchsorted(running, at * running[-1], right=True).clamp(max=len(points) - 1).to(points.device)
        left = torch.minimum(nearest[:, None], distances(points, points[drawn]).square())
        chosen = int(left.sum(0).argmin())
        centres.append(int(drawn[chosen]))
        nearest = left[:, chosen]
    return points[centres]


def _lloyd(points: Tensor, centres: Tensor) -> Clusters:
    """Means and assignments in turn until nothing changes; an empty cluster takes the point that is farthest away."""
    of = distances(points, centres).argmin(1)
    for _ in range(_ROUNDS):
        counts = of.bincount(minlength=len(centres))
        means = [
            points[of == place].mean(0) if count else centres[place] for place, count in enumerate(counts.tolist())
        ]
        centres = torch.stack(means)
        squares = distances(points, centres).square()
        for empty in (counts == 0).nonzero().flatten().tolist():
            far = int(squares.min(1).values.argmax())
            centres[empty] = points[far]
            squares[:, empty] = distances(points, centres[empty : empty + 1])[:, 0].square()
        new = squares.argmin(1)
        if torch.equal(new, of):
            break
        of = new
    return Clusters(centres, of, float(squares.gather(1, of[:, None]).sum()))


def _by_size(found: Clusters) -> Clusters:
    count = len(found.centres)
    first = torch.full((count,), len(found.of), device=found.of.device)
    first = first.scatter_reduce(0, found.of, torch.arange(len(found.of), device=found.of.device), "amin")
    by_first = first.argsort(stable=True)
    order = by_first[found.of.bincount(minlength=count)[by_first].argsort(descending=True, stable=True)]
    order = order[found.of.bincount(minlength=count)[order] > 0]
    place = torch.full((count,), -1, device=found.of.device).scatter(0, order, torch.arange(len(order)).to(order))
    return Clusters(found.centres[order], place[found.of], found.inertia)


def confusions(labels: Int[Tensor, "error"], predicted: Int[Tensor, "error"], count: int) -> Int[Tensor, "pair 2"]:
    """The most frequent (label, predicted) among errors, the most frequent first, at most ``count``."""
    pairs, counts = torch.stack([labels, predicted], 1).unique(dim=0, return_counts=True)
    return pairs[counts.argsort(descending=True, stable=True)[:count]]


def pair_of(
    labels: Int[Tensor, "error"], predicted: Int[Tensor, "error"], pairs: Int[Tensor, "pair 2"]
) -> Int[Tensor, "error"]:
    """The place of each error's pair, -1 where it is none of them."""
    same = (torch.stack([labels, predicted], 1)[:, None] == pairs[None]).all(2)
    return same.double().argmax(1).where(same.any(1), -1) if len(pairs) else torch.full_like(labels, -1)
