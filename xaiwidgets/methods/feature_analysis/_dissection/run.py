"""The run of a network dissection: a pass that finds thresholds, and a pass that counts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._dissection.detectors import best_concepts
from xaiwidgets.methods.feature_analysis._dissection.masks import masked
from xaiwidgets.methods.feature_analysis._dissection.pilot import Looked, Pilot
from xaiwidgets.methods.feature_analysis._dissection.progress import Progress
from xaiwidgets.methods.feature_analysis._dissection.quantiles import Histogram
from xaiwidgets.methods.feature_analysis._dissection.result import Dissection, category_of
from xaiwidgets.methods.feature_analysis._dissection.tally import BLOCKS, Labels, Tally
from xaiwidgets.methods.feature_analysis._dissection.top_maps import TopMaps
from xaiwidgets.methods.feature_analysis._dissection.unit_reader import UnitReader
from xaiwidgets.methods.feature_analysis._scan import batch_of
from xaiwidgets.models import ImageModel, MicroBatches

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.network_dissection import NetworkDissection

LADDER = (0.001, 0.002, 0.005, 0.01, 0.02)
"""Quantiles at which counts are kept beside those of the run: turning to one of them needs no pass."""


class Dissecting:
    """The state of one run; `steps` goes through the passes, `value` is the answer so far."""

    def __init__(
        self, settings: "NetworkDissection", model: ImageModel, concepts: ConceptSet, start: Dissection | None
    ) -> None:
        self.settings, self.model, self.concepts = settings, model, concepts
        self.reader = reader = UnitReader(
            model,
            settings.layer,
            concepts,
            weights=settings.weights,
            rotation=settings.rotation,
            seed=settings.seed,
        )
        self.category = category_of(concepts.concepts).to(model.device)
        self.upsampling = Upsampling(reader.geometry, concepts.label_shape, settings.upsampling, model.device)
        self.batches = MicroBatches(batch_of(model, *concepts.shape[1:]))
        self.given = settings.thresholds is not None
        self.levels = (settings.quantile,)
        histogram = None if self.given else Histogram.empty(reader.units, model.device)
        key = (*reader.key, settings.upsampling, settings.top, reader.units, concepts.concepts)
        self.progress = Progress.none(key, histogram, concepts)
        like = torch.empty(0, device=model.device)
        self.top = TopMaps.empty(reader.units, settings.top, reader.positions, like)
        self.thresholds = like.new_full((1, reader.units), torch.nan)
        self.errors, self.tallies = torch.full_like(self.thresholds, torch.nan), self._empty()
        if self.given:
            self.thresholds = self._given_thresholds()
        self.provisional = not self.given
        """Whether thresholds are those of the pilot."""
        if start is not None:
            self._take_over(start)

    @property
    def total(self) -> int:
        """How many images are looked at: each once for thresholds, unless they are given, and once for masks."""
        return len(self.concepts) * (1 if self.given else 2)

    @property
    def done(self) -> int:
        """How many were."""
        flags = [self.progress.counted] if self.given else [self.progress.measured, self.progress.counted]
        return sum(int(known[self.concepts.ids].sum()) for known in flags)

    def value(self, settings: "NetworkDissection") -> Dissection:
        """The answer so far, scored as these settings have it."""
        level = self.levels.index(settings.quantile)
        iou = self.tallies[level].whole().iou(self.category, settings.denominator)[0]
        return Dissection(
            layer=settings.layer,
            concepts=self.concepts.concepts,
            threshold=self.thresholds[level],
            iou=iou,
            best=best_concepts(iou),
            quantile=settings.quantile,
            iou_threshold=settings.iou_threshold,
            denominator=settings.denominator,
            provisional=self.provisional,
            total=len(self.concepts),
            levels=self.levels,
            thresholds=self.thresholds,
            tallies=self.tallies,
            rank_error=self.errors[level],
            top=self.top,
            upsampling=self.upsampling,
            progress=self.progress,
        )

    def steps(self) -> Iterator[None]:
        """Yield after every batch; at once where nothing is left to do."""
        if not self._left("counted"):
            yield
            return
        if not self.given:
            yield from self._measure()
        yield from self._count()
        if self.progress.skipped and not int(self.tallies[0].images.sum()):
            raise XaiwidgetsError(
                f"None of the {len(self.concepts):,} images could be read. {self.progress.skipped[0]}"
            )

    def _measure(self) -> Iterator[None]:
        """The first pass: every value into the histogram; meanwhile masks under provisional thresholds."""
        if not self._left("measured"):
            return
        for looked in self._batches("measured"):
            known = self.progress
            if len(looked.ids):
                histogram = known.histogram.after(looked.activation.transpose(0, 1).flatten(1))
                known = replace(known, histogram=histogram)
                self.top = self.top.after(looked.activation, looked.largest, looked.ids)
            pilot = known.pilot.after(looked)
            self.progress = replace(known.after("measured", looked), pilot=pilot)
            if pilot.anew:
                self._find_thresholds()
            self._tally(*(pilot.kept if pilot.anew else (looked,)))
            yield
        self._settle()

    def _count(self) -> Iterator[None]:
        """The second pass: masks under the thresholds."""
        for looked in self._batches("counted"):
            self._tally(looked)
            if self.given and len(looked.ids):
                self.top = self.top.after(looked.activation, looked.largest, looked.ids)
            self.progress = self.progress.after("counted", looked)
            yield

    def _settle(self) -> None:
        """All values are known: thresholds are true from now on, and counts are kept along the ladder."""
        self.levels, self.provisional = tuple(sorted({*LADDER, self.settings.quantile})), False
        self.progress = replace(self.progress, pilot=Pilot())
        self._find_thresholds()

    def _find_thresholds(self) -> None:
        """Those of the values so far; what was counted with others is thrown away."""
        thresholds, errors = self.progress.histogram.thresholds(list(self.levels))
        self.thresholds, self.errors = thresholds.to(self.thresholds), errors.to(self.thresholds)
        self.tallies = self._empty()

    def _tally(self, *batches: Looked) -> None:
        """Count masks and labels at every level."""
        for looked in batches:
            if len(looked.ids) == 0:
                continue
            by_level = masked(looked.activation, looked.largest, self.thresholds, self.upsampling, looked.labels)
            self.tallies = tuple(
                tally.after(pairs, looked.labels) for tally, pairs in zip(self.tallies, by_level, strict=True)
            )

    def _left(self, what: str) -> list[int]:
        """The places of the images that were not measured, or not counted."""
        return (~getattr(self.progress, what)[self.concepts.ids]).nonzero()[:, 0].tolist()

    def _batches(self, what: str) -> Iterator[Looked]:
        places, start = self._left(what), 0
        while start < len(places):
            looked, start = self.batches.run(lambda rows: self._look(places[rows]), start, len(places))
            yield looked

    def _look(self, places: list[int]) -> Looked:
        batch = self.concepts.batch(places)
        activation, largest = self.reader(batch.images) if len(batch.ids) else self._nothing()
        labels = Labels.of(batch, self.category, self.model.device)
        asked = self.concepts.ids[places]
        return Looked(asked, activation, largest, labels, batch.skipped)

    def _nothing(self) -> tuple[Tensor, Tensor]:
        """What is read of no image."""
        none = self.thresholds.new_empty((0, self.reader.units, self.reader.positions))
        return none, none[..., 0]

    def _empty(self) -> tuple[Tally, ...]:
        """Blocks at the run's quantile alone: they take twenty times the memory."""
        size = (self.reader.units, len(self.category), int(self.category.max()) + 1)
        rows, columns = self.concepts.label_shape
        few = self.concepts.origin_size * rows * columns <= torch.iinfo(torch.int32).max
        kinds = {BLOCKS: torch.int32 if few else torch.int64, 1: torch.int64}
        blocks = [BLOCKS if level == self.settings.quantile else 1 for level in self.levels]
        return tuple(Tally.empty(count, *size, self.model.device, kinds[count]) for count in blocks)

    def _given_thresholds(self) -> Tensor:
        given = self.settings.thresholds
        if bool(given.isnan().any()):
            unit = int(given.flatten().isnan().nonzero()[0, 0])
            raise XaiwidgetsError(f"The threshold of unit {unit} is NaN, no number; give one that masks can exceed.")
        if given.dim() != 1 or len(given) != self.reader.units:
            raise XaiwidgetsError(
                f"thresholds of shape {tuple(given.shape)} were given for {self.reader.units} units; give one number "
                "for each, as the threshold of an earlier result."
            )
        return given.to(self.thresholds)[None]

    def _take_over(self, start: Dissection) -> None:
        """Keep of an earlier result what still holds: its measurements, and its counts under the same thresholds."""
        if start.iou.device != self.model.device:
            raise XaiwidgetsError(
                f"start= lies on {start.iou.device}, the model on {self.model.device}; continue where it was begun."
            )
        known = start.progress.continued(self.progress, self.concepts.ids)
        if not self.given and known.histogram is not None:
            self.progress, self.top = known.uncounted(), start.top
            if not self._left("measured"):
                self._settle()
            elif start.levels == self.levels:
                self.thresholds, self.errors, self.tallies = start.thresholds, start.rank_error[None], start.tallies
            else:
                self.progress = replace(self.progress, pilot=Pilot())
                self._find_thresholds()
        same = start.levels == self.levels and torch.equal(start.thresholds.to(self.thresholds), self.thresholds)
        if same and not start.provisional:
            self.progress = replace(known, histogram=self.progress.histogram)
            self.tallies, self.top = start.tallies, start.top
