"""The widget of live activations."""

from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import nn

from xaiwidgets.compute import Job
from xaiwidgets.methods.feature_analysis.activations import Activations
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._channel_card import ChannelCard
from xaiwidgets.widgets.feature_analysis._tiles import tiles
from xaiwidgets.widgets.parts.image_choice import ImageChoice, images_for
from xaiwidgets.widgets.parts.image_explorer import ImageExplorer
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.tile_sheet import TileSheet
from xaiwidgets.widgets.parts.words import unit_names

_BY_ITSELF, _ALIKE = "each by itself", "all alike"


class ActivationBrowser(ImageExplorer):
    """See every channel of a layer respond to an image, and look at one of them from all sides.

    ``images`` are those to choose from, and to find each channel's top images in: an `ImageSet`, a tensor, an array, a
    path, Pillow images or a torch ``Dataset``, each shown by its middle in the model's size; more can be dropped in.
    ``layer`` is a dotted path (a middle layer unless told). Choosing an image or a layer shows it at once; choosing a
    channel shows where it is active, its deconvnet pattern, the image it responds to most, and its top images. Raises
    `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = Activations
    steps_setting = ""

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(ActivationBrowser, settings)
        model = as_image_model(model, device)
        images = images_for(model, images)
        choice = LayerChoice(model, layer, pick_units=False)  # refuses before anything else is made
        self.card = ChannelCard(model, images, lambda: self.rests(), lambda: self.mark_news())  # noqa: PLW0108 - later
        self.evidence = self.card.evidence
        self.brightness = widgets.ToggleButtons(options=[_BY_ITSELF, _ALIKE], tooltips=["", ""])
        self.brightness.add_class("xw-toggle")
        super().__init__(
            model,
            settings,
            title="Activation browser",
            frame=TileSheet(budget=1.0),  # frames come when something was chosen, and then at once
            choice=choice,
            images=ImageChoice(model, images),
            picture=[self.card.frame],
            how=[heading("Brightness"), self.brightness, heading("Evidence"), self.card.evidence],
        )
        self.brightness.observe(lambda _change: self._shine(), "value")

    def choice_changed(self) -> None:
        """Another image or layer: show it at once."""
        self.run()

    def lay_out(self, method: Activations) -> None:
        """A tile for each channel."""
        layer = self.model.layer(method.layer)
        names = unit_names(range(layer.units), self.choice.unit_names)
        height, width = layer.layout.grid or (1, 1)
        said = f"{layer.units} channels of layer {method.layer or 'the output'}, each as a small map of the image"
        with get_publisher().lock:
            if [cell["label"] for cell in self.frame.cells] != names or self.frame.cells[0]["alt"] != said:
                self.card.reset()
            self.frame.set_tiles(names, said, width / height)
        self.bar.subject = f"{self.model.name} · {method.layer or 'the output'} · {self.images.name}"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - maps are small
        """The channels as tiles."""
        return tiles(run.value.maps[0], alike=self.brightness.value == _ALIKE)

    def draw(self, run: Run) -> None:
        """The card of the chosen channel, and the sentence about it."""
        unit = self.selection
        if not 0 <= unit < run.value.maps.shape[1]:
            self.foot.sentence = ""
            return
        self.card.show(run, unit)
        largest = float(run.value.largest[0, unit])
        place = f"row {int(run.value.rows[0, unit])}, column {int(run.value.columns[0, unit])}"
        self.foot.sentence = f"unit {unit} · largest {largest:.3g} at {place}; blue is below zero"

    def companions(self) -> list[Job]:
        """What is computed for the card."""
        return self.card.jobs

    def _shine(self) -> None:
        if self.shown is not None and self.shown.value is not None:
            self.frame.show(self._picture, lossless=True)
