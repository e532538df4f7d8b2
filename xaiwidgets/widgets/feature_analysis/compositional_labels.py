"""The widget of compositional labels."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis._composition.result import Composition
from xaiwidgets.methods.feature_analysis.compositional_labels import CompositionalLabels
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.feature_analysis._labeler.agreement import BOTH, LEGEND, ONE, FormulaMasks, agreement_picture
from xaiwidgets.widgets.feature_analysis._labeler.formula_plot import FormulaPlot, lines_of
from xaiwidgets.widgets.feature_analysis._labeler.words import in_words
from xaiwidgets.widgets.feature_analysis._masks import masked_picture
from xaiwidgets.widgets.feature_analysis._tiles import Crops
from xaiwidgets.widgets.parts.concepts_for import concepts_for, model_for, source_of
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.words import unit_names

_DRAWN, _ACROSS = 3, 6


class CompositionalLabeler(MethodExplorer):
    """See which formula of concepts tells best where a unit is on, while a set of labelled images is counted.

    ``concepts`` is a `ConceptSet` (500 painted scenes unless told), each image shown by its middle in the model's size;
    ``layer`` a dotted path (a middle layer unless told), ``units`` its channels (three drawn unless told). A row shows
    the images that a unit responds to most, with where it is on, or with where it and its formula agree. The plot shows
    how much is gained by more concepts. Other keywords are settings of `CompositionalLabels`. Raises `XaiwidgetsError`
    with a sentence for what does not fit.
    """

    kind = CompositionalLabels
    steps_setting = ""

    def __init__(
        self,
        model: ImageModel | nn.Module,
        concepts: ConceptSet | None = None,
        layer: str | None = None,
        units: Sequence[int] | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(CompositionalLabeler, settings)
        CompositionalLabels(layer="", **settings)  # refuses here, before the browser hears of anything
        model = model_for(model, concepts, device)
        concepts = concepts_for(model, concepts)
        self.choice, self.concepts = LayerChoice(model, layer, units, most=_DRAWN), concepts  # refuses first
        self._crops, self._formula_masks = Crops(concepts.images), FormulaMasks(concepts)
        self.part = widgets.ToggleButtons(options=[ONE, BOTH])
        self.part.add_class("xw-toggle")
        self.legend, self.evidence = Evidence(LEGEND[ONE]), Evidence()
        self.plot = FormulaPlot()
        super().__init__(
            model,
            settings,
            title="Compositional labels",
            what=[heading("Layer"), self.choice.tree],
            picture=[self.legend, self.plot.heading, self.plot.plot],
            how=[heading("Shown"), self.part, heading("Evidence"), self.evidence],
        )
        self.evidence.say(f"Run to compare {len(concepts.concepts):,} concepts in {len(concepts):,} images.")
        self.choice.on_change(lambda: self.guarded(self.choice_changed))
        self.part.observe(lambda _change: self._another_picture(), "value")

    def chosen(self) -> dict[str, Any]:
        """Layer and units."""
        return {"layer": self.choice.layer, "units": self.choice.units}

    def choose(self, method: CompositionalLabels) -> None:
        """Put layer and units into the tree."""
        self.choice.set(method.layer, method.units)

    def inputs(self) -> list[Input]:
        """The set of concepts."""
        return [("concepts", self.concepts, source_of(self.concepts))]

    def lay_out(self, method: CompositionalLabels) -> None:
        """A row for each unit."""
        names, layer = unit_names(method.units, self.choice.unit_names), method.layer or "the output"
        places = [(name, rank + 1) for name in names for rank in range(method.top)]
        across = max((n for n in range(1, _ACROSS + 1) if method.top % n == 0), default=1)
        _, height, width = self.model.picture_shape
        self.frame.set_grid(
            [name if rank == 1 else f"{name} · {rank}" for name, rank in places],
            [
                f"number {rank} of the images that {name} of layer {layer} responds to most, with where it is on"
                for name, rank in places
            ],
            [""] * len(places),
            [category_color(i // method.top) for i in range(len(places))],
            aspect=width / height,
            columns=across if across > 1 else _ACROSS,
        )
        self.plot.reset(len(names))
        self.bar.subject = f"{self.model.name} · {layer} · {len(self.concepts):,} images"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The top images with the masks, in a row for each unit."""
        found, pictures = run.value, []
        for row, ids in enumerate(found.top.ids.cpu()):
            images = self._crops(ids, torch.zeros((len(ids), 4), dtype=torch.int64))
            pictures += [self._drawn(found, image, row, place) for place, image in enumerate(images)]
        return to_pixels(torch.stack(pictures), width)

    def notes(self, run: Run) -> list[str]:
        """The IoU at the first picture of each row."""
        rest = [""] * (run.value.top.ids.shape[1] - 1)
        return [note for iou in run.value.iou.tolist() for note in (f"{iou:.3f}", *rest)]

    def draw(self, run: Run) -> None:
        """Numbers, lines, and what can be checked."""
        self.frame.set_notes(self.notes(run))
        self.plot.tell(run.value, now=run.job.finished)
        self.evidence.say(in_words(run.value, unit_names(run.value.units, self.choice.unit_names)))
        self.foot.sentence = self._sentence(run.value)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the lines."""
        return self.plot.filled(lines_of(run.value))

    def _drawn(self, found: Composition, image: Tensor, row: int, place: int) -> Tensor:
        """One top image; grey where there is none."""
        which = int(found.top.ids[row, place])
        image = image if image.shape[0] in {1, 3} else image.mean(0, keepdim=True)
        if which < 0:
            return image if self.part.value == ONE else image[:1].expand(3, -1, -1)
        mask = found.mask(row, place).cpu()
        if self.part.value == ONE:
            return masked_picture(image, mask)
        return agreement_picture(image, mask, self._formula_masks(found.formulas[row], which))

    def _sentence(self, found: Composition) -> str:
        across = found.top.ids.shape[1]
        if not 0 <= self.selection < found.top.ids.numel():
            return ""
        row, place = divmod(self.selection, across)
        which = int(found.top.ids[row, place])
        if which < 0:
            return ""
        words = f"image {which} · unit {found.units[row]} reaches {float(found.top.activation[row, place]):.3g}"
        formula, mask = found.formulas[row], found.mask(row, place).cpu()
        if formula is None or not bool(mask.any()):
            return words
        inside = (mask & self._formula_masks(formula, which)).sum() / mask.sum()
        return f"{words} · {float(inside):.0%} of where it is on here is {formula}"

    def _another_picture(self) -> None:
        """The same answer drawn in the other way."""
        self.legend.say(LEGEND[self.part.value])
        if self.shown is not None and self.shown.value is not None:
            self.frame.show(self._picture, lossless=self.shown.job.finished)
