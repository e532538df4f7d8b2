"""Pixels of masks, and the regions that they lie in."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._dissection.regions import Regions

_MOST_PIXELS = 1 << 23  # of masks that are made at once


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
