"""What network dissection finds, so far or in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.data._concepts.stores import Concept
from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._dissection import detectors as detecting
from xaiwidgets.methods.feature_analysis._dissection.progress import KEY, Progress
from xaiwidgets.methods.feature_analysis._dissection.tally import Tally
from xaiwidgets.methods.feature_analysis._dissection.top_maps import TopMaps

DENOMINATORS = ("original", "lite", "all")


@dataclass(frozen=True, kw_only=True, eq=False)
class Dissection:
    """How far the masks of units overlap with concepts.

    ``threshold`` is T of each unit, in the layer's own units; NaN before anything is known. ``iou`` is the overlap of
    each unit with each of ``concepts``, (name, category), in [0, 1], with the ``denominator`` and at the ``quantile``
    that it names. ``seen`` images of ``total`` have been counted. While ``provisional`` the thresholds come from the
    first images alone, and the counts made with them are thrown away later; merged first passes are so too. ``levels``
    are the quantiles at which counts are kept, ``thresholds`` and ``tallies`` theirs; `rescored` turns to another one.
    ``counts`` are the pixels behind ``iou``, ``top`` the images that units respond to most with their maps.
    """

    layer: str
    concepts: tuple[Concept, ...]
    threshold: Float[Tensor, "unit"]
    iou: Float[Tensor, "unit concept"]
    best: Int[Tensor, "unit"]
    """The concept of the largest IoU of each unit, -1 for none."""
    quantile: float
    iou_threshold: float
    denominator: str
    provisional: bool
    total: int
    levels: tuple[float, ...]
    thresholds: Float[Tensor, "level unit"]
    tallies: tuple[Tally, ...]
    rank_error: Float[Tensor, "unit"]
    """What the rank of each threshold is wrong by at most, as a share of all values; NaN where it was given."""
    top: TopMaps
    upsampling: Upsampling
    progress: Progress

    @property
    def own(self) -> bool:
        """Whether the units are the network's own, not those of random weights or of a turned basis."""
        known = dict(zip(KEY, self.progress.key, strict=True))
        return known["training"] == "trained" and known["rotation"] == 0

    @property
    def seen(self) -> int:
        """How many images have been counted."""
        return int(self.counts.images.sum())

    @property
    def counts(self) -> Tally:
        """The pixels counted at this quantile, by blocks of images where these are kept."""
        return self.tallies[self.levels.index(self.quantile)]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the concepts, in their order."""
        return categories_of(self.concepts)

    @property
    def category(self) -> Int[Tensor, "concept"]:
        """The place of each concept's category among ``categories``."""
        return category_of(self.concepts).to(self.iou.device)

    @property
    def labels(self) -> tuple[Concept | None, ...]:
        """The best concept of each unit, None for one that overlaps none."""
        return tuple(None if i < 0 else self.concepts[i] for i in self.best.tolist())

    @property
    def best_iou(self) -> Float[Tensor, "unit"]:
        """The largest IoU of each unit."""
        return self.iou.amax(1)

    @property
    def detectors(self) -> Bool[Tensor, "unit"]:
        """Whether a unit detects its best concept: its IoU exceeds ``iou_threshold``."""
        return self.best_iou > self.iou_threshold

    @property
    def dead(self) -> Bool[Tensor, "unit"]:
        """Whether a unit's mask is empty in all images so far: such a unit has no label."""
        return (self.counts.anywhere.sum(0) == 0) & (self.seen > 0)

    @cached_property
    def detectors_by_concept(self) -> dict[Concept, int]:
        """How many units detect each concept as their label, most first; concepts without one are left out."""
        return detecting.detectors_by_concept(self.best, self.detectors, self.concepts)

    @cached_property
    def _unique(self) -> tuple[int, int]:
        return detecting.unique_detectors(self.iou, self.category, self.iou_threshold)

    @property
    def unique_detectors(self) -> int:
        """How many concepts are the label of some detector: each unit has one label."""
        return self._unique[0]

    @property
    def unique_detectors_by_category(self) -> int:
        """How many concepts are a category's best of some unit that detects it, summed over the categories."""
        return self._unique[1]

    @cached_property
    def _jackknife(self) -> tuple[Tensor, Tensor]:
        return detecting.jackknife(self.counts, self.best, self.category, self.denominator)

    @property
    def interval(self) -> Float[Tensor, "unit 2"]:
        """The 95 % interval of each unit's best IoU, by a jackknife over blocks of images; NaN where unknown."""
        return self._jackknife[0]

    @property
    def stability(self) -> Float[Tensor, "unit"]:
        """In how many of the recounts without one block a unit keeps its label, in [0, 1]; NaN where unknown."""
        return self._jackknife[1]

    @property
    def doubtful(self) -> Bool[Tensor, "unit"]:
        """Detectors whose label could be chance: the interval reaches down to the threshold, or the label changes."""
        return self.detectors & ((self.interval[:, 0] <= self.iou_threshold) | (self.stability < 1))

    @property
    def skipped(self) -> tuple[str, ...]:
        """What was wrong with the images that were left out, a sentence each."""
        return self.progress.skipped

    def mask(self, unit: int, place: int) -> Bool[Tensor, "row column"]:
        """Where a unit exceeds its threshold in the image at a place of its row in ``top``, in the labels' size."""
        return self.upsampling(self.top.maps[unit, place][None])[0] > self.threshold[unit]

    def rescored(
        self, *, quantile: float | None = None, iou_threshold: float | None = None, denominator: str | None = None
    ) -> "Dissection":
        """The same counts scored in another way, without looking at any image.

        Raises `XaiwidgetsError` for a quantile at which no counts are kept: it needs another pass over the images,
        with ``start=`` this result. Only the quantile of the run has blocks, and so intervals.
        """
        quantile = self.quantile if quantile is None else quantile
        denominator = self.denominator if denominator is None else denominator
        given = self.iou_threshold if iou_threshold is None else iou_threshold
        if not isinstance(given, int | float) or not 0 <= given <= 1:
            raise XaiwidgetsError(f"iou_threshold={given!r} was given; give a number from 0 to 1.")
        if denominator not in DENOMINATORS:
            raise XaiwidgetsError(f"denominator={denominator!r} was given; {nearest(denominator, DENOMINATORS)}.")
        if quantile not in self.levels:
            known = ", ".join(f"{level:g}" for level in self.levels)
            raise XaiwidgetsError(
                f"quantile={quantile:g} was asked for; counts are kept at {known}. Run again with it and start= this "
                "result: thresholds are known, so that one pass suffices."
            )
        level = self.levels.index(quantile)
        iou = self.tallies[level].whole().iou(self.category, denominator)[0]
        return replace(
            self,
            threshold=self.thresholds[level],
            iou=iou,
            best=detecting.best_concepts(iou),
            quantile=quantile,
            iou_threshold=float(given),
            denominator=denominator,
        )

    def merge(self, other: "Dissection") -> "Dissection":
        """Two parts of a set as one: what both measured, and what both counted with the same thresholds.

        Merged first passes give the thresholds of the whole, with which each part is then counted: ``method.replace(
        thresholds=merged.threshold)``. Raises `XaiwidgetsError` for parts that do not belong together.
        """
        from xaiwidgets.methods.feature_analysis._dissection.merging import merged

        if not isinstance(other, Dissection):
            raise XaiwidgetsError(f"{type(other).__name__} was given to merge; give another Dissection.")
        return merged(self, other)


def categories_of(concepts: Sequence[Concept]) -> tuple[str, ...]:
    """The categories in the order in which concepts name them."""
    return tuple(dict.fromkeys(category for _, category in concepts))


def category_of(concepts: Sequence[Concept]) -> Int[Tensor, "concept"]:
    """The place of each concept's category."""
    places = {category: i for i, category in enumerate(categories_of(concepts))}
    return torch.tensor([places[category] for _, category in concepts])
