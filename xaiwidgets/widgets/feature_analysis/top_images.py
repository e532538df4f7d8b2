"""The widget of top images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.methods.feature_analysis.top_images import TopImages
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._tiles import Crops
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.image_choice import images_for
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.words import unit_names

_CUT, _WHOLE = "what it sees", "whole images"
_DRAWN, _ACROSS = 3, 6


class TopImageBrowser(MethodExplorer):
    """See the images of a set that units respond to most, while the set is looked through.

    ``images`` is an `ImageSet`, a tensor, an array, a folder's path or a torch ``Dataset``, each image shown by its
    middle in the model's size. ``layer`` is a dotted path (a middle layer unless told), ``units`` its channels (three
    drawn unless told): every channel of the layer is followed, so that choosing others needs no second pass. Each
    picture is what the unit can see of the image; the number is its activation. Other keywords are settings of
    `TopImages`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = TopImages
    steps_setting = ""

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str | None = None,
        units: Sequence[int] | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(TopImageBrowser, settings)
        TopImages(layer="", **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.images = images_for(model, images)
        self._crops = Crops(self.images)
        self.choice = LayerChoice(model, layer, units, most=_DRAWN)
        self.part = widgets.ToggleButtons(options=[_CUT, _WHOLE])
        self.part.add_class("xw-toggle")
        self.evidence = Evidence()
        super().__init__(
            model,
            settings,
            title="Top images",
            what=[heading("Layer"), self.choice.tree],
            how=[heading("Shown"), self.part, heading("Evidence"), self.evidence],
        )
        self.evidence.say(f"Run to look through {len(self.images):,} images.")
        self.choice.on_change(lambda: self.guarded(self._choose))
        self.part.observe(lambda _change: self._redraw(), "value")

    def chosen(self) -> dict[str, Any]:
        """The layer; all of its units are followed."""
        return {"layer": self.choice.layer, "units": ()}

    def choose(self, method: TopImages) -> None:
        """Put the layer into the tree; the units are shown only, and stay where the layer has them."""
        if method.layer != self.choice.layer:
            self.choice.set(method.layer, None)

    def inputs(self) -> list[Input]:
        """The set."""
        return [("images", self.images, self.images.source)]

    def set(self, **settings: Any) -> None:
        """Change settings, layer or shown units; other units need no second pass."""
        units = settings.pop("units", None)
        super().set(**settings)
        if units is not None:
            self.choice.set(self.choice.layer, units or None)
            self._choose()

    def remember(self) -> dict[str, Any]:
        """Which units were shown."""
        return {"units": self.choice.units}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Show them again."""
        self.choice.set(self.choice.layer, remembered["units"])

    def lay_out(self, method: TopImages) -> None:
        """A row for each unit."""
        names, layer = unit_names(self.choice.units, self.choice.unit_names), method.layer or "the output"
        places = [(name, rank + 1) for name in names for rank in range(method.k)]
        across = max((n for n in range(1, _ACROSS + 1) if method.k % n == 0), default=1)
        _, height, width = self.model.picture_shape
        self.frame.set_grid(
            [f"{name} · {rank}" for name, rank in places],
            [f"number {rank} of the images that {name} of layer {layer} responds to most" for name, rank in places],
            [""] * len(places),
            [category_color(i // method.k) for i in range(len(places))],
            aspect=width / height,
            columns=across if across > 1 else _ACROSS,
        )
        self.bar.subject = f"{self.model.name} · {layer} · {len(self.images):,} images"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The crops, or the whole images, in a row for each unit."""
        boxes = run.value.boxes if self.part.value == _CUT else torch.zeros_like(run.value.boxes)
        pictures: list[Tensor] = []
        for unit in self._units(run):
            pictures += self._crops(run.value.indices[unit], boxes[unit])
        return to_pixels(torch.stack(pictures), width)

    def notes(self, run: Run) -> list[str]:
        """The activations."""
        return [
            f"{value:.3g}" if index >= 0 else ""
            for unit in self._units(run)
            for value, index in zip(run.value.activation[unit].tolist(), run.value.indices[unit].tolist(), strict=True)
        ]

    def draw(self, run: Run) -> None:
        """Activations, what the top images have in common, and the sentence about one of them."""
        self.frame.set_notes(self.notes(run))
        self.evidence.say(self._words(run))
        self.foot.sentence = self._sentence(run)

    def _units(self, run: Run) -> tuple[int, ...]:
        """The units that are shown of a run."""
        return run.remembered.get("units", self.choice.units)

    def _choose(self) -> None:
        """Another layer needs another pass; other units do not."""
        shown = self.shown
        if shown is not None and shown.value is not None and shown.method.layer == self.choice.layer:
            with get_publisher().lock:
                shown.remembered = self.remember()
                self.lay_out(shown.method)
                shown.cells = self.frame.cells
            self._redraw()
        else:
            self.choice_changed()

    def _redraw(self) -> None:
        if self.shown is not None and self.shown.value is not None:
            self.frame.show(self._picture, lossless=self.shown.job.finished)
        self.mark_news()

    def _words(self, run: Run) -> str:
        """Which class the top images of each unit share, beside its share of the whole set."""
        head = f"{run.value.seen:,} of {len(self.images):,} images were looked at."
        labels = self.images.labels
        if labels is None or len(labels.unique()) == len(labels):  # nothing that several images could share
            return head
        names = unit_names(self._units(run), self.choice.unit_names)
        lines = [self._shared(run, unit, name) for unit, name in zip(self._units(run), names, strict=True)]
        return "<br>".join([head, *filter(None, lines)])

    def _shared(self, run: Run, unit: int, name: str) -> str:
        if not bool(run.value.alive[unit]):
            return f"<b>{escape(name)}</b> responds alike to all: its images are merely the first."
        places = run.value.indices[unit]
        labels = self.images.labels[places[places >= 0].cpu()]
        (label, count), *_ = Counter(labels.tolist()).most_common(1)
        share = (self.images.labels == label).double().mean().item()
        what = escape(self.images.class_names[label] if self.images.class_names else f"class {label}")
        return f"<b>{escape(name)}</b>: <b>{count} of {len(labels)}</b> are {what} (of the set {share:.0%})"

    def _sentence(self, run: Run) -> str:
        units, k = self._units(run), run.value.indices.shape[1]
        if not 0 <= self.selection < len(units) * k:
            return ""
        unit, rank = units[self.selection // k], self.selection % k
        index = int(run.value.indices[unit, rank])
        if index < 0:
            return ""
        place = f"row {int(run.value.rows[unit, rank])}, column {int(run.value.columns[unit, rank])}"
        named = self.images.label_name(index)
        shown = f"image {index}{f', {named}' if named else ''}"
        return f"{shown} · unit {unit} reaches {float(run.value.activation[unit, rank]):.3g} at {place}"
