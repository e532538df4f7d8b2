"""The widget of caricatures."""

from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.methods.feature_analysis.caricature import Caricature
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._curves import span_of
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.image_choice import ImageChoice, images_for
from xaiwidgets.widgets.parts.image_explorer import ImageExplorer
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.line_plot import LinePlot, Lines
from xaiwidgets.widgets.parts.method_explorer import checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color


class CaricatureViewer(ImageExplorer):
    """See what a layer finds characteristic of an image, exaggerated.

    ``images`` are those to choose from: an `ImageSet`, a tensor, an array, a path, Pillow images or a torch
    ``Dataset``; more can be dropped in. ``layer`` is a dotted path (a middle layer unless told). Other keywords are
    settings of `Caricature`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = Caricature
    portrait = 1

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(CaricatureViewer, settings)
        Caricature(layer="", **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        images = images_for(model, images)
        choice = LayerChoice(model, layer, pick_units=False)  # refuses before anything else is made
        self.curves = LinePlot("Objective, without transforms", alt="objective over the steps; 1 is the image itself")
        self.evidence = Evidence("Run to exaggerate what the layer sees.")
        super().__init__(
            model,
            settings,
            title="Caricature",
            frame=FrameView(columns=2),
            choice=choice,
            images=ImageChoice(model, images),
            picture=[self.curves.heading, self.curves.plot],
            how=[heading("Evidence"), self.evidence],
        )

    def lay_out(self, method: Caricature) -> None:
        """The image and its caricature."""
        layer, name = method.layer or "the output", self.images.name
        alts = [f"{name}, as it was given", f"a caricature of {name} by layer {layer}"]
        _, height, width = self.model.picture_shape
        self.frame.set_grid([name, f"by {layer}"], alts, [""] * 2, [MID_GREY, category_color(0)], width / height)
        self.curves.reset(1)
        self.bar.subject = f"{self.model.name} · {layer} · {name}"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """Both pictures."""
        original = run.arguments[1].batch([0])[0]
        return to_pixels(torch.stack([original, run.value.images[0].cpu().to(original)]), width)

    def notes(self, run: Run) -> list[str]:
        """How far the caricature goes."""
        return ["1×", f"{float(run.value.strength[0]):.2f}×"]

    def draw(self, run: Run) -> None:
        """The exaggeration below the picture, over the steps, and in words."""
        self.frame.set_notes(self.notes(run))
        self.curves.show(self._lines(run), now=run.job.finished)
        strength, similarity = float(run.value.strength[0]), float(run.value.similarity[0])
        self.evidence.say(
            f"The layer finds <b>{strength:.2f}×</b> of what it found in the image (1×: as much), in the same mixture "
            f"of units up to a cosine of <b>{similarity:.2f}</b> (1: the same). The curve is what is maximised: "
            "strength weighted by that cosine, 1 for the image itself."
        )

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the exaggeration over the steps."""
        return self.curves.filled(self._lines(run))

    def _lines(self, run: Run) -> Lines:
        return Lines(run.value.history_steps, [run.value.history[:, 0].tolist()], span_of(run), 1.0)
