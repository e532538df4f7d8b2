"""The widget of activation maximisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._comparison import Comparison, checked_images
from xaiwidgets.widgets.feature_analysis._curves import lines_of
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.line_plot import LinePlot
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.words import unit_names


class FeatureVisualizer(MethodExplorer):
    """Watch the images that units of a network respond to, while they are drawn.

    ``model`` is an `ImageModel` or a plain `torch.nn.Module`; ``layer`` a dotted path (a middle layer unless told),
    ``units`` its channels (six drawn with the seed unless told). ``images`` (an `ImageSet`, or Float[image, channel,
    height, width] in [0, 1]) are compared with: numbers are then multiples of the largest objective that any of them
    gives. Other keywords are settings of `ActivationMaximization`. Raises `XaiwidgetsError` with a sentence for what
    does not fit.
    """

    kind = ActivationMaximization

    def __init__(
        self,
        model: ImageModel | nn.Module,
        layer: str | None = None,
        units: Sequence[int] | None = None,
        *,
        images: ImageSet | Tensor | np.ndarray | None = None,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(FeatureVisualizer, settings)
        ActivationMaximization(layer="", units=(0,), **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self._source = images.source if isinstance(images, ImageSet) else ""
        self.images = checked_images(_pixels(images), model)
        outputs = settings.get("objective") == "logit"
        self.choice = LayerChoice(model, layer, units, seed=settings.get("seed", 0), outputs=outputs)
        self.comparison = Comparison(model, self.images)
        self.evidence = self.comparison.box
        self.curves = LinePlot("Objective, without transforms", alt="activation of each image over the steps")
        super().__init__(
            model,
            settings,
            title="Feature visualizer",
            what=[heading("Layer"), self.choice.tree],
            picture=[self.curves.heading, self.curves.plot],
            how=[heading("Evidence"), self.comparison.box],
        )
        self.choice.on_change(lambda: self.guarded(self.choice_changed))

    def chosen(self) -> dict[str, Any]:
        """Layer and units."""
        return {"layer": self.choice.layer, "units": self.choice.units}

    def choose(self, method: ActivationMaximization) -> None:
        """Put layer and units into the tree."""
        self.choice.set(method.layer, method.units)

    def inputs(self) -> list[Input]:
        """The images where the settings ask for them."""
        method = self.method()
        used = self.images is not None and (method.colors == "images" or method.parameterization == "maco")
        return [("images", self.images, self._source and f"{self._source}.batch(slice(None))")] if used else []

    def run(self) -> "FeatureVisualizer":
        """Start with the present settings, in the place of a run that is on; returns at once."""
        super().run()
        self.comparison.begin(self.method(), self.mark_news, self.rests)
        return self

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The images of the newest answer."""
        return to_pixels(run.value.images, width)

    def draw(self, run: Run) -> None:
        """Numbers below the images, curves, and the sentence about the selection."""
        self.frame.set_notes(self.notes(run))
        largest = self.comparison.largest(run.method)
        note = "(× the largest that the images give)" if largest else ""
        self.curves.show(lines_of(run, largest), note, now=run.job.finished)
        self.comparison.report(run.method, run.value.objective.tolist())
        self.foot.sentence = self._sentence(run)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the objective over steps."""
        return self.curves.filled(lines_of(run, self.comparison.largest(run.method)))

    def dispose(self) -> None:
        """Stop what runs, the comparison too, and free everything."""
        self.comparison.stop()
        super().dispose()

    def lay_out(self, method: ActivationMaximization) -> None:
        """A cell for each unit."""
        units, layer = method.units, method.layer or "the output"
        names = unit_names(units, self.choice.unit_names)
        _, height, width = self.model.picture_shape
        self.frame.set_grid(
            names,
            [f"{name} of layer {layer}: the image it responds to" for name in names],
            [""] * len(units),
            [category_color(i) for i in range(len(units))],
            aspect=max(0.2, width / height),
        )
        self.curves.reset(len(units))
        self.bar.subject = f"{self.model.name} · {layer} · {len(units)} unit{'s' * (len(units) != 1)}"

    def choice_changed(self) -> None:
        """Another layer or other units: the comparison is another too."""
        super().choice_changed()
        if self.current is None:
            self.comparison.reset()

    def notes(self, run: Run) -> list[str]:
        """Multiples of the null level, or the objectives themselves."""
        return self.comparison.words(run.method, run.value.objective.tolist())

    def _sentence(self, run: Run) -> str:
        index = self.selection
        if not 0 <= index < len(run.value.units):
            return ""
        name = unit_names(run.value.units, self.choice.unit_names)[index]
        if not bool(run.value.alive[index]):
            return f"{name} has no gradient: nothing near this image changes it"
        return f"{name} · {self.comparison.sentence(run.method, index, float(run.value.objective[index]))}"


def _pixels(images: ImageSet | Tensor | np.ndarray | None) -> Tensor | None:
    if isinstance(images, ImageSet):
        return images.batch(slice(None))
    return torch.from_numpy(images) if isinstance(images, np.ndarray) else images
