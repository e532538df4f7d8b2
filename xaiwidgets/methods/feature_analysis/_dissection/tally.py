"""What network dissection counts: pixels of masks, of concepts, and of both together."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.data import ConceptBatch
from xaiwidgets.methods.feature_analysis._dissection.regions import Regions

BLOCKS = 20  # of images, for a jackknife

_SLICE = 1 << 12  # regions that are added up at once


@dataclass(frozen=True, eq=False)
class Tally:
    """Pixels counted so far, by blocks of images, to which they belong in turn by their ids.

    ``intersection`` is |M ∩ L| of a unit's mask with a concept. ``masks`` is |M| by category, over the images in which
    any label of the category is present; ``touching`` over those in which the mask overlaps one; ``anywhere`` over all.
    ``labels`` is |L|. ``images`` counts images.
    """

    intersection: Int[Tensor, "block unit concept"]
    masks: Int[Tensor, "block unit category"]
    touching: Int[Tensor, "block unit category"]
    anywhere: Int[Tensor, "block unit"]
    labels: Int[Tensor, "block concept"]
    images: Int[Tensor, "block"]

    @staticmethod
    def empty(
        blocks: int, units: int, concepts: int, categories: int, device: torch.device, kind: torch.dtype = torch.int64
    ) -> "Tally":
        """Nothing counted yet."""
        shapes = [(units, concepts), (units, categories), (units, categories), (units,), (concepts,), ()]
        return Tally(*(torch.zeros((blocks, *shape), dtype=kind, device=device) for shape in shapes))

    def emptied(self) -> "Tally":
        """Of the same sizes with nothing counted."""
        return Tally(*(torch.zeros_like(part) for part in _parts(self)))

    def __add__(self, other: "Tally") -> "Tally":
        """Both parts together."""
        return Tally(*(one + two.to(one.device) for one, two in zip(_parts(self), _parts(other), strict=True)))

    def after(self, parts: list["Pairs"], labels: "Labels") -> "Tally":
        """With the masks of a batch, in parts, and its labels."""
        # Twenty neighbours lie in twenty blocks, and so do twenty images that lie twenty apart.
        block = (labels.ids + labels.ids // BLOCKS) % len(self.images)
        known = self
        for pairs in parts:
            known = known._with_masks(pairs, labels, block)
        by_image = ((known.labels, labels.size), (known.images, torch.ones_like(block)))
        counted = [_added(part, block, new) for part, new in by_image]
        return replace(known, labels=counted[0], images=counted[1])

    def _with_masks(self, pairs: "Pairs", labels: "Labels", block: Tensor) -> "Tally":
        at = block[pairs.image] * self.anywhere.shape[1] + pairs.unit
        masks = pairs.size[:, None] * labels.present[pairs.image]
        touching = pairs.size[:, None] * (pairs.intersection.to(labels.of_category.dtype) @ labels.of_category > 0)
        by_unit = ((self.intersection, pairs.intersection), (self.masks, masks), (self.touching, touching))
        counted = [_added(known.flatten(0, 1), at, new).view_as(known) for known, new in by_unit]
        anywhere = _added(self.anywhere.flatten(), at, pairs.size).view_as(self.anywhere)
        return Tally(*counted, anywhere, self.labels, self.images)

    def whole(self) -> "Tally":
        """All blocks as one, in 64 bits."""
        return Tally(*(part.sum(0, keepdim=True, dtype=torch.int64) for part in _parts(self)))

    def less(self, other: "Tally") -> "Tally":
        """Without what the other one counted."""
        return Tally(*(one - two for one, two in zip(_parts(self), _parts(other), strict=True)))

    def without_each(self) -> Iterator["Tally"]:
        """For every block that has images, all but that one."""
        whole = self.whole()
        for block in (self.images > 0).nonzero()[:, 0].tolist():
            yield whole.less(Tally(*(part[block : block + 1] for part in _parts(self))))

    def iou(
        self, category: Int[Tensor, "concept"], denominator: str, units: Int[Tensor, "unit"] | None = None
    ) -> Float[Tensor, "block unit concept"]:
        """Σ|M ∩ L| / (Σ|M| + Σ|L| − Σ|M ∩ L|) of each block, 0 where nothing is marked."""
        rows = slice(None) if units is None else units
        masks = {"original": self.masks, "lite": self.touching, "all": self.anywhere[..., None]}[denominator][:, rows]
        masks = masks if denominator == "all" else masks[..., category]
        both = self.intersection[:, rows].double()
        union = masks + self.labels[:, None] - both
        return both / union.clamp(min=1)


class Labels(NamedTuple):
    """A batch's labels as they are counted."""

    ids: Int[Tensor, "image"]
    regions: Regions
    size: Int[Tensor, "image concept"]
    present: Bool[Tensor, "image category"]
    of_category: Float[Tensor, "concept category"]  # 1 where a concept belongs to a category

    @staticmethod
    def of(batch: ConceptBatch, category: Int[Tensor, "concept"], device: torch.device) -> "Labels":
        """The labels on a device, with their sizes in pixels."""
        regions = Regions.of(batch, device)
        size = torch.zeros((len(batch.ids), len(category)), dtype=torch.int64, device=device)
        for part in regions.parts(_SLICE):
            size.index_add_(0, regions.image[part], regions.size[part, None] * regions.has[part])
        of_category = torch.nn.functional.one_hot(category.to(device)).float()
        return Labels(regions.ids, regions, size, (size > 0).float() @ of_category > 0, of_category)


class Pairs(NamedTuple):
    """Pairs of an image and a unit with a mask, the pixels of the mask, and those of each concept in it."""

    image: Int[Tensor, "pair"]
    unit: Int[Tensor, "pair"]
    size: Int[Tensor, "pair"]
    intersection: Int[Tensor, "pair concept"]


def _added(known: Tensor, at: Tensor, new: Tensor) -> Tensor:
    return known.index_add(0, at, new.to(known.dtype))


def _parts(tally: Tally) -> list[Tensor]:
    return [getattr(tally, field.name) for field in fields(tally)]
