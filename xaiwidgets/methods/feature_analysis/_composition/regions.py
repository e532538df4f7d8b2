"""Pixels with the same labels, taken as one."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.data import ConceptBatch
from xaiwidgets.methods.feature_analysis._dissection.upsampling import Upsampling

_MOST_PIXELS = 1 << 23  # of masks that are made at once
_MOST_KEYS = 1 << 62


class Regions(NamedTuple):
    """A batch's images in regions: all pixels of an image that have the very same labels are one.

    Whatever a formula says of one pixel it says of its region, so that regions, some dozens to an image, are all that
    has to be looked at for each formula. ``region`` is that of each pixel, ``size`` how many pixels each has, ``has``
    its concepts.
    """

    ids: Int[Tensor, "image"]
    region: Int[Tensor, "image pixel"]
    size: Int[Tensor, "region"]
    has: Bool[Tensor, "region concept"]

    @staticmethod
    def of(batch: ConceptBatch, device: torch.device) -> "Regions":
        """The regions of some images with their labels."""
        whole, layers = batch.whole.to(device), batch.layers.to(device).flatten(2)
        images, count = len(layers), whole.shape[1] + 1
        key = torch.arange(images, device=device)[:, None].expand(images, layers.shape[2])
        keys = max(1, images)
        for layer in layers.unbind(1):
            if keys * count > _MOST_KEYS:
                key = _numbered(key)
                keys = int(key.max()) + 1
            key, keys = key * count + layer, keys * count
        region = _numbered(key)
        size = torch.bincount(region.flatten())
        pixel = torch.arange(region.numel(), device=device)
        some = torch.zeros_like(size).scatter_reduce_(0, region.flatten(), pixel, "amax")  # one pixel of each region
        image, at = some // max(1, layers.shape[2]), some % max(1, layers.shape[2])
        has = torch.zeros((len(size), count), dtype=torch.bool, device=device)
        has.scatter_(1, layers[image, :, at].long(), value=True)
        return Regions(batch.ids.to(device), region, size, has[:, 1:] | whole[image])

    def parts(self, numbers: int) -> Iterator[slice]:
        """The regions in slices, of so many at most."""
        return (slice(start, start + numbers) for start in range(0, len(self.size), numbers))


class Marked(NamedTuple):
    """Pixels of masks; ``image`` is a place in the batch, -1 for the last one of the batch before."""

    image: Int[Tensor, "found"]
    unit: Int[Tensor, "found"]
    pixel: Int[Tensor, "found"]

    @staticmethod
    def none(device: torch.device) -> "Marked":
        """No pixel."""
        return Marked(*(torch.zeros(0, dtype=torch.int64, device=device) for _ in range(3)))

    @staticmethod
    def of(
        activation: Float[Tensor, "image unit position"],
        largest: Float[Tensor, "image unit"],
        threshold: Float[Tensor, "unit"],
        upsampling: Upsampling,
    ) -> "Marked":
        """Where up(a) > T; only maps whose largest exceeds the threshold are upsampled."""
        image, unit = (largest > threshold).nonzero(as_tuple=True)
        step = max(1, _MOST_PIXELS // (upsampling.label_shape[0] * upsampling.label_shape[1]))
        parts = [Marked.none(activation.device)]
        for part in (slice(start, start + step) for start in range(0, len(image), step)):
            found = upsampling.above(activation[image[part], unit[part]], threshold[unit[part]])
            parts.append(Marked(image[part][found.map], unit[part][found.map], found.pixel))
        return Marked(*(torch.cat(column) for column in zip(*parts, strict=True)))

    def moved(self, before: "Marked") -> "Marked":
        """The masks of each image laid over the image that follows; those of the batch before begin."""
        both = Marked(*(torch.cat(column) for column in zip(before, self, strict=True)))
        return Marked(both.image + 1, both.unit, both.pixel)

    def last(self, images: int) -> "Marked":
        """Those of the last image, for the batch to come."""
        there = self.image == images - 1
        return Marked(self.image[there] - images, self.unit[there], self.pixel[there])

    def by_region(self, regions: Regions, units: int) -> Int[Tensor, "unit region"]:
        """How many pixels of each unit's mask lie in each region; what lies behind the last image is left out."""
        there = self.image < len(regions.region)
        region = regions.region[self.image[there], self.pixel[there]]
        count = len(regions.size)
        found = torch.bincount(self.unit[there] * count + region, minlength=units * count)
        return found.view(units, count)


def _numbered(key: Int[Tensor, "image pixel"]) -> Int[Tensor, "image pixel"]:
    """The keys numbered from 0 without a gap; neighbours are mostly alike, so that few have to be sorted."""
    runs, of_run = torch.unique_consecutive(key.flatten(), return_inverse=True)
    return torch.unique(runs, return_inverse=True)[1][of_run].view(key.shape)
