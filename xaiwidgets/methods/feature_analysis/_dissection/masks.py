"""Masks of units at several thresholds at once, and the labels of the pixels in them."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._dissection.tally import Labels, Pairs

_MOST_PIXELS = 1 << 23  # of masks that are made at once
_MOST_COUNTS = 1 << 24


def masked(
    activation: Float[Tensor, "image unit position"],
    largest: Float[Tensor, "image unit"],
    thresholds: Float[Tensor, "level unit"],
    upsampling: Upsampling,
    labels: Labels,
) -> list[list[Pairs]]:
    """For each level of thresholds the pairs whose mask M = up(a) > T is not empty, in parts.

    The thresholds of a unit never rise from one level to the next: levels are quantiles, the smallest first.

    Interpolation never exceeds the largest of a map, so that only pairs whose largest exceeds the lowest threshold are
    upsampled: at the paper's quantile few do.
    """
    ascending = thresholds.flip(0)
    image, unit = (largest > ascending[0]).nonzero(as_tuple=True)
    by_level: list[list[Pairs]] = [[] for _ in thresholds]
    for part in _parts(len(image), upsampling.label_shape, len(thresholds) * (labels.size.shape[1] + 1)):
        counted = _count(activation[image[part], unit[part]], image[part], ascending[:, unit[part]], upsampling, labels)
        for rank, (size, intersection) in enumerate(counted):
            by_level[-1 - rank].append(Pairs(image[part], unit[part], size, intersection))
    return by_level


def _parts(count: int, shape: tuple[int, int], counts: int) -> Iterator[slice]:
    step = max(1, min(_MOST_PIXELS // (shape[0] * shape[1]), _MOST_COUNTS // counts))
    return (slice(start, start + step) for start in range(0, count, step))


def _count(
    maps: Float[Tensor, "pair position"],
    image: Int[Tensor, "pair"],
    thresholds: Float[Tensor, "level pair"],
    upsampling: Upsampling,
    labels: Labels,
) -> list[tuple[Tensor, Tensor]]:
    """The size of each mask and the pixels of each concept in it, from the lowest threshold to the highest."""
    pair, pixel, value = upsampling.above(maps, thresholds[0])
    level = sum((value > threshold[pair]).long() for threshold in thresholds) - 1  # the highest one that is exceeded
    of_image = labels.regions.of_images(len(labels.ids))
    first = torch.tensor([part.start for part in of_image], device=maps.device)
    most, levels, where = max(part.stop - part.start for part in of_image), len(thresholds), image[pair]
    region = labels.regions.region[where, pixel] - first[where]
    places = (pair * levels + level) * most + region
    found = torch.bincount(places, minlength=len(maps) * levels * most).view(-1, levels, most)
    found = found.flip(1).cumsum(1).flip(1)  # a pixel above a threshold is above all lower ones too
    # Pairs are sorted by image, so that those of one image lie side by side.
    ends = torch.searchsorted(image, torch.arange(len(of_image) + 1, device=image.device)).tolist()
    cuts = zip(ends, ends[1:], of_image, strict=False)
    both = torch.cat([_concepts(found[a:b], labels.regions.has[part]) for a, b, part in cuts if a < b])
    return [(found[:, i].sum(1), both[:, i]) for i in range(levels)]


def _concepts(
    found: Int[Tensor, "pair level region"], has: Bool[Tensor, "region2 concept"]
) -> Int[Tensor, "pair level concept"]:
    """From the pixels in each region to those of each concept; double precision is exact, and never made less so."""
    return (found[..., : len(has)].double() @ has.double()).long()
