"""The widget of region swaps."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._answers import class_names_of
from xaiwidgets.methods.case._counterfactual_swap.result import RegionSwaps
from xaiwidgets.methods.case.counterfactual_swap import CounterfactualSwap
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.case._counterfactual_swap.edit_plot import EditPlot
from xaiwidgets.widgets.case._counterfactual_swap.pictures import lay_out, notes_of, pixels_of
from xaiwidgets.widgets.case._counterfactual_swap.words import in_words, sentence_of
from xaiwidgets.widgets.case._query_picker import QueryPicker
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.image_choice import images_for
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.words import class_name

_FIRST = "Run to look for the fewest cells of another image that change the answer."
_ANY = "any other"
_MOST_CELLS = 400  # of a layer that is offered: all pairs of more take long


class RegionSwapper(MethodExplorer):
    """See which parts of another image turn a prediction into that image's.

    ``images`` hold both (the packaged Fashion-MNIST, or photographs, unless told): ``chosen`` is the place of the
    query, ``target`` the class that the distractors, the first others that are answered with it, have (None: the first
    other answer). Numbered cells of the query's map are replaced by those of the distractor with the same numbers, one
    after the other, until the answer flips. ``layer`` is one with a map (the deepest unless told). Other keywords are
    settings of `CounterfactualSwap`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = CounterfactualSwap
    steps_setting = ""
    unit = "%"

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str | None = None,
        *,
        chosen: int = 0,
        target: int | None = None,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(RegionSwapper, settings)
        CounterfactualSwap(layer or "", target=target, **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.images = images_for(model, images)
        if len(self.images) < 2:  # noqa: PLR2004 - a query and a distractor
            raise XaiwidgetsError("One image was given; give at least two: the query and one to swap in.")
        known = _layers_of(model)
        chosen_layer = known[-1] if layer is None else model.layer(layer).name
        if chosen_layer not in known:
            raise XaiwidgetsError(
                f"Layer {chosen_layer!r} of {model.name} has no map of 2 to {_MOST_CELLS} cells; choose one that has: "
                f"{', '.join(map(repr, known[-3:]))}."
            )
        self.names = class_names_of(model, self.images, model.layer("").units)
        self.picker = QueryPicker(self.images, chosen, list(self.names), target, _ANY)
        self.map = pick("Cells of", known)
        self.map.value = chosen_layer
        self.plot, self.evidence = EditPlot(), Evidence(_FIRST)
        super().__init__(
            model,
            settings,
            title="Region swap",
            what=[self.picker, self.map],
            picture=[self.plot.heading, self.plot.plot, self.plot.key],
            how=[heading("Evidence"), self.evidence],
        )
        self._silent = False
        self.picker.on_change(lambda: self.guarded(self._another))
        self.map.observe(lambda _change: None if self._silent else self.guarded(self._another), "value")

    def choose_image(self, place: int, target: int | None = None) -> None:
        """Take another query and class."""
        self.picker.choose(place, target)
        self._another()

    def chosen(self) -> dict[str, Any]:
        """The layer and the class of the distractors."""
        return {"layer": self.map.value, "target": self.picker.target}

    def choose(self, method: CounterfactualSwap) -> None:
        """Put them into their lists."""
        layer = self.model.layer(method.layer).name
        if layer not in self.map.options:
            raise XaiwidgetsError(f"Layer {layer!r} has no map of 2 to {_MOST_CELLS} cells; choose another.")
        self.picker.choose(target=method.target)
        self._silent = True
        try:
            self.map.value = layer
        finally:
            self._silent = False

    def inputs(self) -> list[Input]:
        """The query, and all other images."""
        query, others = self.picker.image, self.images.without([self.picker.place])
        return [("query", query, query.source), ("images", others, others.source)]

    def remember(self) -> dict[str, Any]:
        """Which image was looked at."""
        return {"place": self.picker.place}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Choose it again."""
        self.picker.choose(remembered["place"], self.picker.target)

    def lay_out(self, method: CounterfactualSwap) -> None:
        """The two images, and what comes of them."""
        _, height, width = self.model.picture_shape
        lay_out(self.frame, width / height)
        wanted = f"{_ANY} class" if method.target is None else self.names[method.target]
        self.bar.subject = f"{self.model.name} · {method.layer} · image {self.picker.place:,} · {wanted}"

    def choice_changed(self) -> None:
        """Something else was chosen: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.plot.reset()
                self.evidence.say(_FIRST)

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - their numbers are to be read
        """The two images with numbered cells, and the query with the pixels swapped."""
        return pixels_of(run.value)

    def notes(self, run: Run) -> list[str]:
        """The probability of the distractor's class, and how many edits."""
        notes = notes_of(run.value)
        notes[1] = class_name(run.value.target, self.names)
        return notes

    def draw(self, run: Run) -> None:
        """Numbers below the pictures, probabilities, and what can be checked."""
        value: RegionSwaps = run.value
        self.frame.set_notes(self.notes(run))
        self.plot.name_classes(value, self.names)
        self.plot.show(value, now=run.job.finished)
        self.evidence.say(in_words(value, self.names))
        self.foot.sentence = sentence_of(value, self.names)
        self.picker.say([("answer", escape(class_name(value.query_class, self.names)))])

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the probabilities."""
        return self.plot.filled(run.value)

    def title_of(self, run: Run) -> str:
        """From which class to which, in how many edits."""
        value = run.value
        if value is None:
            return self.bar.title
        return f"{class_name(value.query_class, self.names)} → {class_name(value.target, self.names)}"

    def _another(self) -> None:
        """Another image, class or layer: once something was run, answer at once."""
        if self.shown is not None or self.current is not None:
            self.run()
        else:
            self.choice_changed()


def _layers_of(model: ImageModel) -> list[str]:
    """The layers that have a map, in the order in which they are reached; raises where there is none."""
    layers = [layer for layer in model.layers().values() if layer.name and layer.layout and layer.layout.grid]
    kept = [layer for layer in layers if 1 < layer.layout.grid[0] * layer.layout.grid[1] <= _MOST_CELLS]
    if not kept:
        raise XaiwidgetsError(f"{model.name} has no layer with a map of 2 to {_MOST_CELLS} cells to swap.")
    return [layer.name for layer in sorted(kept, key=lambda layer: layer.order)]
