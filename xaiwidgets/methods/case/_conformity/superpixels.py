"""Super-pixels: k-means over colour and place, each region split anew for the next finer level.

It is what SLIC (Achanta et al. 2012) computes, but nested, so that a finer level refines the regions of the coarser
one, and in a few lines of torch, so that no image library is needed and equal seeds give equal regions.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

_ROUNDS = 10
_COLOR = 2.0  # a full step of colour counts as two sides of a super-pixel


def split(
    image: Float[Tensor, "channel height width"], labels: Int[Tensor, "height width"], size: int, seed: int
) -> Int[Tensor, "height width"]:
    """Split regions into parts of about size × size pixels of like colour; each part counted from 0, in order."""
    points = _points(image, size)
    found, count = torch.empty(labels.numel(), dtype=torch.long), 0
    for region in range(int(labels.max()) + 1):
        pixels = (labels.flatten() == region).nonzero().flatten()
        parts = max(1, round(len(pixels) / size**2))
        draw = torch.Generator().manual_seed(seed)
        own = kmeans(points[pixels], parts, draw)
        found[pixels] = count + own
        count += int(own.max()) + 1
    return found.view_as(labels)


def kmeans(points: Float[Tensor, "point number"], count: int, draw: torch.Generator) -> Int[Tensor, "point"]:
    """Lloyd's rounds from starts that lie far apart, the first drawn; the cluster of each point, none of them empty."""
    start = int(torch.randint(len(points), (), generator=draw))
    chosen, distance = [start], _squares(points, points[start])
    while len(chosen) < min(count, len(points)):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, _squares(points, points[chosen[-1]]))
    centers = points[chosen]
    for _ in range(_ROUNDS):
        own = torch.cdist(points, centers, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
        sums = torch.zeros_like(centers).index_add_(0, own, points)
        sizes = torch.bincount(own, minlength=len(centers))[:, None]
        centers = torch.where(sizes > 0, sums / sizes.clamp_min(1), centers)
    return own.unique(return_inverse=True)[1]


def _points(image: Tensor, size: int) -> Tensor:
    """Each pixel's place in sides of a super-pixel, and its colour."""
    channels, height, width = image.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([rows, columns]).double() / size
    colors = image * (_COLOR / math.sqrt(channels))
    return torch.cat([places, colors]).flatten(1).T.contiguous()


def _squares(points: Tensor, center: Tensor) -> Tensor:
    return (points - center).square().sum(1)
