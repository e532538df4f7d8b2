"""The run that finds compositional labels: a pass for thresholds, and one for each length of formulas."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._composition.formula import concept_names
from xaiwidgets.methods.feature_analysis._composition.marked import Marked
from xaiwidgets.methods.feature_analysis._composition.result import Composition, composition
from xaiwidgets.methods.feature_analysis._composition.search import FormulaSearch, Found
from xaiwidgets.methods.feature_analysis._dissection.pilot import Pilot
from xaiwidgets.methods.feature_analysis._dissection.quantiles import Histogram
from xaiwidgets.methods.feature_analysis._dissection.regions import Regions
from xaiwidgets.methods.feature_analysis._dissection.top_maps import TopMaps
from xaiwidgets.methods.feature_analysis._dissection.unit_reader import UnitReader
from xaiwidgets.methods.feature_analysis._images import checked_units
from xaiwidgets.methods.feature_analysis._scan import batch_of
from xaiwidgets.models import ImageModel, MicroBatches

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.compositional_labels import CompositionalLabels


class _Looked(NamedTuple):
    """A batch: the units' activations, the largest of each map, and the regions of the labels."""

    activation: Float[Tensor, "image unit position"]
    largest: Float[Tensor, "image unit"]
    regions: Regions
    skipped: tuple[str, ...]

    @property
    def ids(self) -> Int[Tensor, "image"]:
        """The ids of the images that could be read."""
        return self.regions.ids


class Composing:
    """The state of one run; `steps` goes through the passes, `value` is the answer so far."""

    def __init__(self, settings: "CompositionalLabels", model: ImageModel, concepts: ConceptSet) -> None:
        self.settings, self.model, self.concepts = settings, model, concepts
        self.units = checked_units(settings.units, model.layer(settings.layer))
        self.reader = UnitReader(model, settings.layer, concepts)
        self.upsampling = Upsampling(self.reader.geometry, concepts.label_shape, settings.upsampling, model.device)
        self.batches = MicroBatches(batch_of(model, *concepts.shape[1:]))
        like = torch.empty(0, device=model.device, dtype=model.dtype)
        self.threshold = like.new_full((len(self.units),), torch.nan)
        self.rank_error = torch.full_like(self.threshold, torch.nan)
        self.given = settings.thresholds is not None
        if self.given:
            self.threshold = self._given_thresholds()
        self.provisional = not self.given
        self.top = TopMaps.empty(len(self.units), settings.top, self.reader.positions, like)
        self.skipped: tuple[str, ...] = ()
        self.shorter: list[Found] = []
        """What was found of the lengths that are done."""
        self.done = 0
        self._begin()
        self.found = self.search.found()

    @property
    def total(self) -> int:
        """How many images are looked at: each once for thresholds, unless they are given, and once for each length."""
        return len(self.concepts) * (self.settings.length + (not self.given))

    @property
    def value(self) -> Composition:
        """The answer so far."""
        known = [*self.shorter, *([self.found] if self.search.images else [])]
        rest = known[-1] if known and self.done == self.total else None  # a search that ended early knows all lengths
        return composition(
            self.found,
            known + [rest] * (self.settings.length - len(known)),
            layer=self.settings.layer,
            units=self.units,
            concepts=self.concepts.concepts,
            threshold=self.threshold,
            rank_error=self.rank_error,
            length=self.search.length,
            seen=self.search.images,
            total=len(self.concepts),
            provisional=self.provisional,
            skipped=self.skipped,
            top=self.top,
            upsampling=self.upsampling,
        )

    def steps(self) -> Iterator[None]:
        """Yield after every batch."""
        if not self.given:
            yield from self._measure()
            self._begin()
        yield from self._count()
        while self.search.length < self.settings.length:
            longer = self.search.longer()
            if longer.over:
                break
            self.shorter.append(self.found)
            self.search, self.before = longer, Marked.none(self.model.device)
            yield from self._count()
        if self.done < self.total:  # nothing longer can be better
            self.done = self.total
            yield

    def _measure(self) -> Iterator[None]:
        """The first pass: every value into the histogram; meanwhile single concepts under provisional thresholds."""
        histogram, pilot = Histogram.empty(len(self.units), self.model.device), Pilot()
        for looked in self._batches():
            if len(looked.ids):
                histogram = histogram.after(looked.activation.transpose(0, 1).flatten(1))
                self.top = self.top.after(looked.activation, looked.largest, looked.ids)
                pilot = pilot.after(looked)
                if pilot.anew:
                    self._find_threshold(histogram)
                    self._begin()
                for batch in pilot.kept if pilot.anew else (looked,):
                    self._tally(batch)
            self.found = self.search.found()
            yield
        self._find_threshold(histogram)
        self.provisional = False

    def _count(self) -> Iterator[None]:
        """A pass that counts the formulas of one length."""
        for looked in self._batches():
            if len(looked.ids):
                self._tally(looked)
                if self.given and self.search.length == 1:
                    self.top = self.top.after(looked.activation, looked.largest, looked.ids)
            if self.search.images:
                found = self.search.found()
                self.found = found.filled(self.shorter[-1]) if self.shorter else found
            yield

    def _begin(self) -> None:
        """Nothing is counted."""
        masks, names = len(self.units) * (1 + self.settings.chance), concept_names(self.concepts.concepts)
        self.search = FormulaSearch.first(masks, names, self.settings.beam, self.model.device)
        self.before = Marked.none(self.model.device)

    def _find_threshold(self, histogram: Histogram) -> None:
        if histogram.total:
            threshold, error = histogram.thresholds([self.settings.quantile])
            self.threshold, self.rank_error = threshold[0].to(self.threshold), error[0].to(self.rank_error)

    def _tally(self, looked: _Looked) -> None:
        """Count the formulas in the masks of a batch, and in those of the image before each."""
        marked = Marked.of(looked.activation, looked.largest, self.threshold, self.upsampling)
        masks = marked.by_region(looked.regions, len(self.units))
        if self.settings.chance:
            moved = marked.moved(self.before).by_region(looked.regions, len(self.units))
            masks, self.before = torch.cat([masks, moved]), marked.last(len(looked.ids))
        self.search = self.search.after(looked.regions, masks)

    def _batches(self) -> Iterator[_Looked]:
        """All images, in their order."""
        start = 0
        while start < len(self.concepts):
            before = start
            looked, start = self.batches.run(self._look, start, len(self.concepts))
            self.skipped = tuple(dict.fromkeys((*self.skipped, *looked.skipped)))
            self.done += start - before
            yield looked

    def _look(self, rows: slice) -> _Looked:
        batch = self.concepts.batch(rows)
        regions = Regions.of(batch, self.model.device)
        if len(batch.ids) == 0:
            none = self.threshold.new_zeros((0, len(self.units)))
            return _Looked(none[..., None], none, regions, batch.skipped)
        activation, largest = (part[:, list(self.units)] for part in self.reader(batch.images))
        return _Looked(activation, largest, regions, batch.skipped)

    def _given_thresholds(self) -> Tensor:
        given = self.settings.thresholds
        if given.dim() != 1 or len(given) != len(self.units) or bool(given.isnan().any()):
            raise XaiwidgetsError(
                f"thresholds of shape {tuple(given.shape)} were given for {len(self.units)} units; give one number for "
                "each of units, as the threshold of an earlier result."
            )
        return given.to(self.threshold)
