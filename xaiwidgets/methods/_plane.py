"""Features on a plane: their two principal axes, and how much of their neighbourhoods a plane keeps."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError

_NEIGHBORS = 10
_DISTANCES = 1_000_000  # at once: less than a tenth of a second


@dataclass(frozen=True)
class Kept:
    """How much of the points' neighbourhoods a plane keeps.

    ``share``, in [0, 1]: of each point's ``neighbors`` nearest by its features, the share that is among as many nearest
    on the plane, averaged over the points; ``chance`` is what places drawn at random would have. ``trustworthiness``,
    in [0, 1] (Venna and Kaski 2001, equation 2): 1 where nothing is near on the plane that is not near by its features,
    about 0.5 by chance.
    """

    neighbors: int
    share: float
    trustworthiness: float
    chance: float


def principal_plane(features: Float[Tensor, "image feature"]) -> Float[Tensor, "image 2"]:
    """The coordinates on the two axes of largest variance; each axis points to where its largest coordinate lies.

    Where there is one feature the second coordinate is 0.
    """
    centred = features.double() - features.double().mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -2:].flip(1)
    places = centred @ axes
    places = torch.cat([places, places.new_zeros(len(places), 2 - places.shape[1])], 1)
    largest = places.gather(0, places.abs().argmax(0)[None])[0]
    return places * torch.where(largest < 0, -1.0, 1.0)


def keeping(
    features: Float[Tensor, "image feature"], places: Float[Tensor, "image 2"], neighbors: int = _NEIGHBORS
) -> Iterator[Step[Kept]]:
    """Yield what the plane keeps of the neighbourhoods of the points seen so far, some more points each time.

    Distances are Euclidean on both sides. Where there are few points fewer ``neighbors`` are looked for, at most a
    third of the others. Raises `XaiwidgetsError` for fewer than four points.
    """
    count = len(features)
    k = min(neighbors, (count - 1) // 3)
    if k < 1:
        raise XaiwidgetsError(f"{count} points were given; at least 4 are needed to tell which are near.")
    centred = features.double() - features.double().mean(0)
    rows, shared, excess = max(1, _DISTANCES // count), 0, 0
    for start in range(0, count, rows):
        by_features, on_plane = _distances(centred, start, rows), _distances(places.double(), start, rows)
        near, true = (distances.topk(k, largest=False).indices for distances in (on_plane, by_features))
        shared += int((near[:, :, None] == true[:, None, :]).sum())
        excess += int((_ranks(by_features, near) - k).clamp(min=0).sum())
        done = min(start + rows, count)
        trust = 1.0 - 2.0 * excess / (done * k * (2 * count - 3 * k - 1))
        yield Step(Kept(k, shared / (done * k), trust, k / (count - 1)), done=done, total=count)


def _ranks(distances: Float[Tensor, "row image"], near: Tensor) -> Tensor:
    """The place of some others in the order of distance, counted from 1."""
    far = distances.gather(1, near)
    return torch.stack([(distances < column[:, None]).sum(1) for column in far.T], 1) + 1


def _distances(points: Float[Tensor, "image axis"], start: int, rows: int) -> Float[Tensor, "row image"]:
    """The squared distances of some points to all, infinite to themselves."""
    some = points[start : start + rows]
    squares = points.square().sum(1)
    distances = torch.addmm(squares[start : start + rows, None] + squares, some, points.T, alpha=-2)
    own = torch.arange(len(some), device=points.device)
    distances[own, own + start] = torch.inf
    return distances
