"""The widget of unit ablation."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis.unit_ablation import UnitAblation
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.feature_analysis._ablator.effect_bars import EffectBars, most_harmed
from xaiwidgets.widgets.feature_analysis._ablator.words import class_name, in_words, signed
from xaiwidgets.widgets.feature_analysis._tiles import Crops
from xaiwidgets.widgets.parts.concepts_for import concepts_for, model_for, source_of
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color

_DRAWN, _ACROSS = 3, 4
_LONGEST = 11  # letters of a class's name below an image
_HARMED = "the most harmed"


class UnitAblator(MethodExplorer):
    """See what a network can do no longer without a unit, while a set of labelled images is looked through.

    ``concepts`` is a `ConceptSet` (500 painted scenes unless told), each image shown by its middle in the model's size;
    ``layer`` a dotted path (a middle layer unless told), ``units`` its channels (three drawn unless told). In a row for
    each unit stand the images that its removal harms most, named by class, with the change of the class's probability.
    Bars show the mean change for the images with each concept; a click on one, or the list, chooses the concept that
    the evidence is about, and a click on a picture the unit. Other keywords are settings of `UnitAblation`. Raises
    `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = UnitAblation
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
        checked_names(UnitAblator, settings)
        UnitAblation(layer="", **settings)  # refuses here, before the browser hears of anything
        model = model_for(model, concepts, device)
        self.concepts = concepts_for(model, concepts)
        self.choice = LayerChoice(model, layer, units, seed=settings.get("seed", 0), most=_DRAWN)
        self._crops = Crops(self.concepts.images)
        self.bars = EffectBars()
        names = [f"{name} ({category})" for name, category in self.concepts.concepts]
        self.concept = widgets.Dropdown(options=[_HARMED, *names], value=_HARMED, description="Concept")
        self.concept.add_class("xw-setting")
        self.evidence = Evidence()
        super().__init__(
            model,
            settings,
            title="Unit ablator",
            what=[heading("Layer"), self.choice.tree],
            picture=[self.bars.heading, self.bars.plot],
            how=[heading("Evidence"), self.concept, self.evidence],
        )
        self.evidence.say(f"Run to remove units and look at {len(self.concepts):,} images each time.")
        self.choice.on_change(lambda: self.guarded(self.choice_changed))
        self.concept.observe(lambda _change: self.mark_news(), "value")
        self.bars.on_choose(self._on_bar)

    def chosen(self) -> dict[str, Any]:
        """Layer and units."""
        return {"layer": self.choice.layer, "units": self.choice.units}

    def choose(self, method: UnitAblation) -> None:
        """Put layer and units into the tree."""
        self.choice.set(method.layer, method.units or None)

    def inputs(self) -> list[Input]:
        """The set of concepts."""
        return [("concepts", self.concepts, source_of(self.concepts))]

    def lay_out(self, method: UnitAblation) -> None:
        """A row for each removal."""
        layer, top = method.layer or "the output", method.top
        names = _names((method.units,) if method.together else tuple((unit,) for unit in method.units))
        places = [(name, rank + 1) for name in names for rank in range(top)]
        across = max((n for n in range(1, _ACROSS + 1) if top % n == 0), default=1)
        _, height, width = self.model.picture_shape
        self.frame.set_grid(
            [name for name, _ in places],
            [f"number {rank} of the images that the removal of {name} of layer {layer} harms" for name, rank in places],
            [""] * len(places),
            [category_color(i // top) for i in range(len(places))],
            aspect=width / height,
            columns=across if across > 1 else min(top, _ACROSS),
        )
        self.bar.subject = f"{self.model.name} · {layer} · {len(self.concepts):,} images"

    def choice_changed(self) -> None:
        """Another layer or other units: nothing is known of them."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.bars.reset()

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The images that are harmed most, in a row for each removal; grey where there are none."""
        ids = run.value.top.ids.flatten().cpu()
        pictures: list[Tensor] = self._crops(ids, torch.zeros((len(ids), 4), dtype=torch.int64))
        return to_pixels(torch.stack(pictures), width)

    def notes(self, run: Run) -> list[str]:
        """The class of each image, and the change of its probability."""
        top = run.value.top
        return [
            "" if image < 0 else f"{_short(class_name(of_class, self._class_names))} {signed(change)}"
            for image, of_class, change in zip(
                top.ids.flatten().tolist(), top.classes.flatten().tolist(), top.changes.flatten().tolist(), strict=True
            )
        ]

    def draw(self, run: Run) -> None:
        """Classes and changes, the bars of one removal, and what there is to check."""
        self.frame.set_notes(self.notes(run))
        row = self._row(run)
        name = _names(run.value.removed)[row]
        self.bars.show(run.value, row, self._chosen, name, now=run.job.finished)
        place = most_harmed(run.value, row) if self._chosen is None else self._chosen
        self.evidence.say(in_words(run.value, row, place, name, self._class_names))
        self.foot.sentence = self._sentence(run)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the bars."""
        return self.bars.filled(run.value, self._row(run), self._chosen)

    @property
    def _class_names(self) -> tuple[str, ...]:
        names = self.model.class_names or ()
        return names if len(names) == self.model.layers()[""].units else ()

    @property
    def _chosen(self) -> int | None:
        """The place of the concept that was chosen, None for the one that is harmed most."""
        return self.concept.index - 1 if self.concept.index else None

    def _row(self, run: Run) -> int:
        """The removal that a chosen picture belongs to, else the first."""
        row = self.selection // run.value.top.ids.shape[1]
        return row if 0 <= row < len(run.value.removed) else 0

    def _on_bar(self, chosen: int | None) -> None:
        self.concept.index = 0 if chosen is None else chosen + 1

    def _sentence(self, run: Run) -> str:
        top = run.value.top
        if not 0 <= self.selection < top.ids.numel():
            return ""
        image, of_class, answer = (int(part.flatten()[self.selection]) for part in (top.ids, top.classes, top.answers))
        if image < 0:
            return ""
        name, of_class = _names(run.value.removed)[self._row(run)], class_name(of_class, self._class_names)
        answer = class_name(answer, self._class_names)
        then = "it is still answered" if answer == of_class else f"the answer is {answer}"
        change = signed(float(top.changes.flatten()[self.selection]))
        return f"image {image}, {of_class} · without {name} the probability changes by {change}, and {then}"


def _names(removed: Sequence[Sequence[int]]) -> list[str]:
    """What the removals are called."""
    return [
        f"unit{'s' * (len(units) > 1)} {', '.join(map(str, units))}" if len(units) <= 2 else f"{len(units)} units"  # noqa: PLR2004
        for units in removed
    ]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
