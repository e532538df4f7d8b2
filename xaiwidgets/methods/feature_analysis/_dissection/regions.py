"""Pixels with the same labels, taken as one."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xaiwidgets.data import ConceptBatch

_MOST_KEYS = 1 << 62


class Regions(NamedTuple):
    """A batch's images in regions: all pixels of an image that have the very same labels are one.

    Whatever is said of the labels of one pixel is said of its region, so that regions, some dozens to an image, are all
    that has to be looked at for each concept. They are numbered image by image: ``region`` is that of each pixel,
    ``image`` the image of each region, ``size`` how many pixels it has, ``has`` its concepts.
    """

    ids: Int[Tensor, "image"]
    region: Int[Tensor, "image pixel"]
    image: Int[Tensor, "region"]
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
        return Regions(batch.ids.to(device), region, image, size, has[:, 1:] | whole[image])

    def of_images(self, images: int) -> list[slice]:
        """The regions of each image."""
        ends = torch.bincount(self.image, minlength=images).cumsum(0).tolist()
        return [slice(start, stop) for start, stop in zip([0, *ends[:-1]], ends, strict=True)]

    def parts(self, numbers: int) -> Iterator[slice]:
        """The regions in slices, of so many at most."""
        return (slice(start, start + numbers) for start in range(0, len(self.size), numbers))


def _numbered(key: Int[Tensor, "image pixel"]) -> Int[Tensor, "image pixel"]:
    """The keys numbered from 0 without a gap; neighbours are mostly alike, so that few have to be sorted."""
    runs, of_run = torch.unique_consecutive(key.flatten(), return_inverse=True)
    return torch.unique(runs, return_inverse=True)[1][of_run].view(key.shape)
