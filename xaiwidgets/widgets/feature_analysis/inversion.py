"""The widget of inversion."""

from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.methods.feature_analysis.inversion import Inversion
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._curves import span_of
from xaiwidgets.widgets.feature_analysis._layer_slider import LayerSlider
from xaiwidgets.widgets.feature_analysis._sweep_panel import SweepPanel
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.image_choice import ImageChoice, images_for
from xaiwidgets.widgets.parts.image_explorer import ImageExplorer
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.line_plot import LinePlot, Lines
from xaiwidgets.widgets.parts.method_explorer import Input, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color

_NEAR, _FAR = 0.1, 0.5  # of the distance of two images: hardly to be told apart, and far from the same


class Inverter(ImageExplorer):
    """See what a layer keeps of an image: another image with the same features, drawn from noise.

    ``image`` is what to look at: an image, several of them to choose from (an `ImageSet`, a tensor, an array, a path,
    Pillow images, a torch ``Dataset``), or None for samples; more can be dropped in. Several also say how far apart
    two images are. ``layer`` is a dotted path (a middle layer unless told); the slider walks through the network.
    *Sweep* inverts every main layer, and draws how the error grows with depth. Other keywords are settings of
    `Inversion`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = Inversion
    portrait = 1

    def __init__(
        self,
        model: ImageModel | nn.Module,
        image: Any = None,
        layer: str | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(Inverter, settings)
        Inversion(layer="", **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.given = images_for(model, image)
        choice = LayerChoice(model, layer, pick_units=False)
        self.slider = LayerSlider(model, choice)
        self.curves = LinePlot("Errors", alt="feature error and image error over the steps")
        self.sweep = SweepPanel(model, lambda: self.rests())  # noqa: PLW0108 - the method comes later
        self.evidence = Evidence("Run to draw an image with the same features.")
        super().__init__(
            model,
            settings,
            title="Inverter",
            choice=choice,
            images=ImageChoice(model, self.given),
            above=[self.slider],
            picture=[self.curves.heading, self.curves.plot, self.sweep],
            how=[heading("Evidence"), self.evidence],
        )
        self.sweep.on_press(lambda: self.guarded(self._sweep))

    def choose(self, method: Inversion) -> None:
        """Put the layer into the tree and the slider."""
        super().choose(method)
        self.slider.follow()

    def inputs(self) -> list[Input]:
        """The chosen image, and the others where there are several."""
        several = [("train", self.given, self.given.source)] if len(self.given) > 1 else []
        return [*super().inputs(), *several]

    def choice_changed(self) -> None:
        """Another layer or image: once something was run, show it at once."""
        self.slider.follow()
        if self.shown is not None:
            self.run()
        else:
            super().choice_changed()

    def lay_out(self, method: Inversion) -> None:
        """Original, reconstruction and difference."""
        layer, name = method.layer or "the output", self.images.name
        alts = [f"{name}, as it was given", f"what layer {layer} keeps of {name}", "the difference; grey is none"]
        colors = [MID_GREY, category_color(0), category_color(1)]
        _, height, width = self.model.picture_shape
        self.frame.set_grid(["original", f"from {layer}", "difference"], alts, [""] * 3, colors, width / height)
        self.curves.reset(2)
        self.bar.subject = f"{self.model.name} · {layer} · {name}"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The three pictures."""
        original = run.arguments[1].batch([0])[0]
        drawn = run.value.images[0].cpu().to(original)
        return to_pixels(torch.stack([original, drawn, 0.5 + (drawn - original) / 2]), width)

    def notes(self, run: Run) -> list[str]:
        """Feature error below the reconstruction, image error below the difference."""
        errors = float(run.value.feature_error[0]), float(run.value.image_error[0])
        return ["", *(f"{error:.3f}" if error == error else "" for error in errors)]  # noqa: PLR0124 - NaN is not itself

    def draw(self, run: Run) -> None:
        """Errors below the pictures, as curves, and in words."""
        self.frame.set_notes(self.notes(run))
        self.curves.show(self._lines(run), "features (blue), image (orange)", now=run.job.finished)
        self.evidence.say(self._words(run))

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the errors over the steps."""
        return self.curves.filled(self._lines(run))

    def _lines(self, run: Run) -> Lines:
        value = run.value
        errors = [value.history[:, 0].tolist(), value.image_history[:, 0].tolist()]
        return Lines(value.history_steps, errors, span_of(run))

    def _words(self, run: Run) -> str:
        """The three published errors by their names, and the image error."""
        value = run.value
        feature, squared, distance, image = (
            float(part[0])
            for part in (
                value.feature_error,
                value.feature_error_pairs,
                value.feature_distance_pairs,
                value.image_error,
            )
        )
        if feature != feature:  # noqa: PLR0124 - nothing is known yet
            return "Looking at the image …"
        lines = [f"‖ΔΦ‖² / ‖Φ₀‖² = <b>{feature:.3f}</b> (1 where nothing of the features is met)"]
        if squared == squared:  # noqa: PLR0124 - NaN is not itself
            lines.append(f"‖ΔΦ‖² is <b>{squared:.3f}</b> of the mean squared distance of two images")
            lines.append(f"‖ΔΦ‖ is <b>{distance:.3f}</b> of their mean distance: {_nearness(distance)}")
        lines.append(f"Pixels differ by <b>{image:.3f}</b> (root mean square; 0 to 1)")
        return "<br>".join(lines)

    def _sweep(self) -> None:
        self.sweep.toggle(self.method(), self.images.image, self.slider.layers)


def _nearness(distance: float) -> str:
    """What a distance of features means, in units of that of two images."""
    if distance > _FAR:
        return "the layer tells them apart; more steps may help"
    return "the layer can hardly tell them apart" if distance < _NEAR else "the layer sees them as alike"
