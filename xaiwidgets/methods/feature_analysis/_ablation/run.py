"""The run of an ablation: every batch once with all units, and once for each removal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.data import ConceptBatch, ConceptSet
from xaiwidgets.methods.feature_analysis._ablation.control_units import control_sets
from xaiwidgets.methods.feature_analysis._ablation.effects import Effects, Removed
from xaiwidgets.methods.feature_analysis._ablation.harmed import Harmed
from xaiwidgets.methods.feature_analysis._ablation.result import Ablation, ablation
from xaiwidgets.methods.feature_analysis._ablation.silent import SilentUnits
from xaiwidgets.methods.feature_analysis._ablation.true_class import classes_of, true_classes
from xaiwidgets.methods.feature_analysis._dissection.result import category_of
from xaiwidgets.methods.feature_analysis._dissection.tally import Labels
from xaiwidgets.methods.feature_analysis._images import checked_units
from xaiwidgets.methods.feature_analysis._scan import batch_of
from xaiwidgets.models import ImageModel, MicroBatches

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.unit_ablation import UnitAblation

_MOST_CHANGES = 1 << 22  # numbers: 32 MB
_FIRST = 4  # the first batch is a quarter of the others, so that there is an answer soon


class _Looked(NamedTuple):
    """A batch before anything is removed: only the images whose true class is known."""

    ids: Int[Tensor, "image"]
    images: Float[Tensor, "image channel height width"]
    present: Bool[Tensor, "image concept"]
    probabilities: Float[Tensor, "image class"]
    classes: Int[Tensor, "image"]

    @property
    def right(self) -> Bool[Tensor, "image"]:
        """Which are answered rightly."""
        return self.probabilities.argmax(1) == self.classes


@dataclass(frozen=True, eq=False)
class _Counted:
    """All that is kept of the images so far; a row for each removal, the controls last."""

    present: Effects
    absent: Effects
    class_sum: Tensor | None
    top: Harmed

    def after(self, looked: _Looked, removed: list[Removed]) -> "_Counted":
        """With another batch."""
        shown = removed[: len(self.top.ids)]
        by_class = None if self.class_sum is None else torch.stack([one.by_class for one in shown])
        return _Counted(
            self.present.after(removed, looked.right, looked.present),
            self.absent.after(removed, looked.right, ~looked.present),
            None if by_class is None else self.class_sum + by_class,
            self.top.after(shown, looked.ids, looked.classes),
        )


class Ablating:
    """The state of one run; `steps` goes through the images, `value` is the answer of the batches so far."""

    def __init__(self, settings: "UnitAblation", model: ImageModel, concepts: ConceptSet) -> None:
        self.settings, self.model, self.concepts = settings, model, concepts
        self.network = SilentUnits(model, settings.layer, concepts.shape)
        layer = model.layer(settings.layer)
        units = checked_units(settings.units, layer)
        self.removed = (tuple(dict.fromkeys(units)),) if settings.together else tuple((unit,) for unit in units)
        self.controls = control_sets(units, len(self.removed[0]), settings.controls, layer.units, settings.seed)
        self.category = category_of(concepts.concepts).to(model.device)
        names = model.class_names or ()
        names = names if len(names) == self.network.classes else ()
        self.class_of = classes_of(concepts.concepts, names).to(model.device)
        self.batches = MicroBatches(batch_of(model, *concepts.shape[1:]))
        self.truth, self.seen, self.skipped = "predictions", 0, ()
        self.counted, self.images = self._empty(), 0
        self.value = self._value()

    def _empty(self) -> _Counted:
        rows, concepts = len(self.removed), len(self.concepts.concepts)
        shape, device = (rows, concepts, self.network.classes), self.model.device
        kept = rows * concepts * self.network.classes <= _MOST_CHANGES
        both = [Effects.empty(rows + len(self.controls), concepts, device) for _ in range(2)]
        class_sum = torch.zeros(shape, dtype=torch.double, device=device) if kept else None
        return _Counted(*both, class_sum, Harmed.empty(rows, self.settings.top, device))

    def _value(self) -> Ablation:
        units, controls = slice(0, len(self.removed)), slice(len(self.removed), None)
        both = (self.counted.present, self.counted.absent)
        return ablation(
            [part.rows(rows) for rows in (units, controls) for part in both],
            layer=self.settings.layer,
            removed=self.removed,
            control_units=self.controls,
            concepts=self.concepts.concepts,
            truth=self.truth,
            seen=self.seen,
            counted=self.images,
            skipped=self.skipped,
            class_sum=self.counted.class_sum,
            top=self.counted.top,
        )

    def steps(self) -> Iterator[float]:
        """Yield after every removal from a batch how many images, with a fraction, are done."""
        sets = (*self.removed, *self.controls)
        while self.seen < len(self.concepts):
            stop = self.seen + max(1, self.batches.size // (1 if self.seen else _FIRST))
            stop = min(stop, len(self.concepts))
            batch = self.concepts.batch(slice(self.seen, stop))
            looked, removed = self._look(batch), []
            for place, units in enumerate(sets if len(looked.ids) else ()):
                yield self.seen + (stop - self.seen) * (place + 1) / (len(sets) + 1)
                removed.append(self._remove(looked, units, by_class=place < len(self.removed)))
            if removed:
                self.counted, self.images = self.counted.after(looked, removed), self.images + len(looked.ids)
            self.seen, self.skipped = stop, tuple(dict.fromkeys((*self.skipped, *batch.skipped)))
            self.value = self._value()
            yield self.seen

    def _look(self, batch: ConceptBatch) -> _Looked:
        """The batch with all units.

        With the first label of a class the labels are the truth: what was counted of images without one is dropped.
        """
        labels = Labels.of(batch, self.category, self.model.device)
        pixels = batch.layers.shape[2] * batch.layers.shape[3]
        classes = true_classes(labels.size == pixels, self.class_of)
        if self.truth == "predictions" and bool((classes >= 0).any()):
            self.truth, self.counted, self.images = "labels", self._empty(), 0
        known = (classes >= 0) | (self.truth == "predictions")
        images = batch.images.to(self.model.device, self.model.dtype)[known]
        probabilities = self._probabilities(images, ())
        if self.truth == "predictions":
            classes = probabilities.argmax(1)
        return _Looked(labels.ids[known], images, labels.size[known] > 0, probabilities, classes[known])

    def _remove(self, looked: _Looked, units: tuple[int, ...], *, by_class: bool) -> Removed:
        """The same images without some units."""
        after = self._probabilities(looked.images, units)
        change, answer = after - looked.probabilities, after.argmax(1)
        kept = by_class and self.counted.class_sum is not None
        return Removed(
            change=change.gather(1, looked.classes[:, None])[:, 0],
            right=answer == looked.classes,
            answer=answer,
            by_class=looked.present.double().T @ change if kept else None,
        )

    def _probabilities(self, images: Tensor, units: tuple[int, ...]) -> Tensor:
        """In micro-batches where memory is short."""
        parts, start = [torch.empty((0, self.network.classes), dtype=torch.double, device=images.device)], 0
        while start < len(images):
            part, start = self.batches.run(lambda rows: self.network(images[rows], units), start, len(images))
            parts.append(part)
        return torch.cat(parts)
