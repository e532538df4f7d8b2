"""The widget of activation maximisation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.core import Method, Spec, XaiwidgetsError, nearest
from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._comparison import Comparison, checked_images
from xaiwidgets.widgets.feature_analysis._curves import Curves, figure_of
from xaiwidgets.widgets.parts.explorer import Explorer
from xaiwidgets.widgets.parts.foot import Foot
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run, code
from xaiwidgets.widgets.parts.run_bar import RunBar
from xaiwidgets.widgets.parts.run_history import RunHistory
from xaiwidgets.widgets.parts.settings_form import SettingsForm
from xaiwidgets.widgets.parts.teller import Parts
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.words import device_words, unit_names

_HIDDEN = {name for name, spec in ActivationMaximization.specs().items() if spec.hidden} - {"layer", "units"}


class FeatureVisualizer(Explorer):
    """Watch the images that units of a network respond to, while they are drawn.

    ``model`` is an `ImageModel` or a plain `torch.nn.Module`; ``layer`` a dotted path (a middle layer unless told),
    ``units`` its channels (six drawn with the seed unless told). ``images`` (Float[image, channel, height, width] in
    [0, 1]) are compared with: numbers are then multiples of the largest objective that any of them gives. Other
    keywords are settings of `ActivationMaximization`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    def __init__(
        self,
        model: ImageModel | nn.Module,
        layer: str | None = None,
        units: Sequence[int] | None = None,
        *,
        images: Tensor | np.ndarray | None = None,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        specs = _specs_of(settings)
        ActivationMaximization(layer="", units=(0,), **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self._fixed = {name: value for name, value in settings.items() if specs[name].hidden}
        outputs = settings.get("objective") == "logit"
        images = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
        self.images = checked_images(images, model)
        self.choice = LayerChoice(model, layer, units, seed=settings.get("seed", 0), outputs=outputs)
        self.comparison, self.curves = Comparison(model, images), Curves()
        frame, self._pair = FrameView(columns=3), FrameView(columns=3)
        self._pair.layout.display = "none"
        bar = RunBar(name=type(self).__name__, title="Feature visualizer", device=device_words(model))
        form = SettingsForm(specs, {name: value for name, value in settings.items() if name not in self._fixed})
        history = RunHistory()
        columns = {
            "what": [heading("Layer"), self.choice.tree, heading("Runs"), history],
            "picture": [frame, self._pair, self.curves.heading, self.curves.plot],
            "how": [form, heading("Evidence"), self.comparison.box],
        }
        super().__init__(model, Parts(bar, frame, form, history, Foot()), columns)
        self.choice.on_change(lambda: self.guarded(self._choose))
        self.observe(lambda _change: self.mark_news(), "selection")
        history.on_compare(self._on_compare)
        self._lay_out(self.choice.units)
        self.foot.code = self.preview()

    setting_names = frozenset(ActivationMaximization.specs())

    def set(self, **settings: Any) -> None:
        """Change settings, layer or units from code, as the controls do; raises a sentence for what does not fit.

        Live settings steer a run that is on; any other starts it anew.
        """
        before = self.method()
        changed = before.replace(**settings)  # refused as a whole, or taken as a whole
        difference = before.difference(changed)
        self.choice.set(changed.layer, changed.units)
        self._fixed |= {name: getattr(changed, name) for name in difference.keys() & _HIDDEN}
        self.form.set({name: getattr(changed, name) for name in difference.keys() & self.form.values.keys()})
        if {"layer", "units"} & difference.keys():
            self._choose()
        elif difference:
            self.take_settings(difference)

    def method(self) -> ActivationMaximization:
        """The method with the settings as they stand in the widget."""
        return ActivationMaximization(
            layer=self.choice.layer, units=self.choice.units, **self._fixed, **self.form.values
        )

    def arguments(self) -> tuple[Any, ...]:
        """The model, and the images where the settings ask for them."""
        return (self.model, self.images) if self._uses_images(self.method()) else (self.model,)

    def run(self) -> "FeatureVisualizer":
        """Start with the present settings, in the place of a run that is on; returns at once."""
        with get_publisher().lock:
            method = self.method()
            self.current = self.shown = None  # late steps of the run before are nobody's
            self._lay_out(method.units)
            super().run()
        self.comparison.begin(method, self.mark_news, self.rests)
        return self

    def rehearsal(self) -> tuple[Method, float]:
        """Four steps of the same size."""
        method = self.method()
        return method.replace(steps=4), method.steps

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The images of the newest answer."""
        return to_pixels(run.value.images, width)

    def draw(self, run: Run) -> None:
        """Numbers below the images, curves, and the sentence about the selection."""
        self.frame.set_notes(self._notes(run))
        self.curves.show(run.value, _span(run), self.comparison.largest(run.method), now=run.job.finished)
        self.comparison.report(run.method, run.value.objective.tolist())
        self.foot.sentence = self._sentence(run)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the objective over steps."""
        return figure_of(run.value, _span(run), self.comparison.largest(run.method))

    def adopt(self, run: Run) -> None:
        """Take over layer, units and settings of an earlier run."""
        settings = run.settings
        self.choice.set(settings.layer, settings.units)
        self.form.set({name: getattr(settings, name) for name in self.form.values})
        self._lay_out(settings.units)

    def call(self, run: Run) -> tuple[str, str]:
        """The code that makes the model, and the call's arguments."""
        return self._model_code(run.method), "model, images" if self._uses_images(run.method) else "model"

    def preview(self) -> str:
        """The code of a run with the present settings."""
        method = self.method()
        call = "model, images" if self._uses_images(method) else "model"
        return code(method, self._model_code(method), f"last(method({call}))")

    def title_of(self, run: Run) -> str:
        """Layer and units."""
        units = ", ".join(map(str, run.method.units[:4]))
        return f"{run.method.layer} · {units}{', …' if len(run.method.units) > 4 else ''}"  # noqa: PLR2004

    def settings_changed(self) -> None:
        """Show the units that the next run will draw."""
        super().settings_changed()
        if self.shown is None:  # else the code stays that of what is shown
            self.foot.code = self.preview()

    def dispose(self) -> None:
        """Stop what runs, the comparison too, and free everything."""
        self.comparison.stop()
        super().dispose()

    def _model_code(self, method: Method) -> str:
        lines = [f"model = {self.model.source}" if self.model.source else f"model = ...  # {self.model!r}"]
        if self._uses_images(method):
            lines.append("images = ...  # the images that were given to the widget")
        return "\n".join(lines)

    def _uses_images(self, method: Method) -> bool:
        return self.images is not None and (method.colors == "images" or method.parameterization == "maco")

    def _lay_out(self, units: Sequence[int]) -> None:
        """Name the cells and keep their space free before the first picture."""
        names = unit_names(units, self.choice.unit_names)
        layer = self.choice.layer or "the output"
        _, height, width = (1, 1, *self.model.input_shape)[-3:]
        self.frame.set_grid(
            names,
            [f"{name} of layer {layer}: the image it responds to" for name in names],
            [""] * len(units),
            [category_color(i) for i in range(len(units))],
            aspect=max(0.2, width / height),
        )
        self.curves.reset(len(units))
        self.bar.subject = f"{self.model.name} · {layer} · {len(units)} unit{'s' * (len(units) != 1)}"

    def _choose(self) -> None:
        self.restart()
        with get_publisher().lock:
            if self.current is None or self.current.job.finished:
                self.clear()
                self._lay_out(self.choice.units)
                self.comparison.reset()
                self.foot.code, self.foot.sentence = self.preview(), ""

    def _notes(self, run: Run) -> list[str]:
        return self.comparison.words(run.method, run.value.objective.tolist())

    def _sentence(self, run: Run) -> str:
        index = self.selection
        if not 0 <= index < len(run.value.units):
            return ""
        name = unit_names(run.value.units, self.choice.unit_names)[index]
        if not bool(run.value.alive[index]):
            return f"{name} has no gradient: nothing near this image changes it"
        return f"{name} · {self.comparison.sentence(run.method, index, float(run.value.objective[index]))}"

    def _on_compare(self, entry: int) -> None:
        """Show an earlier run below the picture, or take it away."""
        run = self.runs.get(entry)
        self._pair.layout.display = "none" if run is None else ""
        if run is not None:
            names = [f"{name}, earlier run" for name in unit_names(run.value.units, ())]
            colors = [category_color(i) for i in range(len(names))]
            self._pair.set_grid(
                names, [f"{name} of layer {run.method.layer}" for name in names], self._notes(run), colors
            )
            self._pair.show(lambda: self.pixels(run), lossless=True)


def _span(run: Run) -> float:
    """The steps that the plot has room for: all of them while it runs, those that were made once it has ended."""
    return run.job.latest.done if run.job.finished else run.method.steps


def _specs_of(settings: Mapping[str, Any]) -> dict[str, Spec]:
    """The method's settings, once every one that is given is known to be one of them."""
    specs = ActivationMaximization.specs()
    for name in settings:
        if name not in specs:
            message = f"FeatureVisualizer has no setting {name!r}; {nearest(name, specs)}."
            raise XaiwidgetsError(message)
    return specs
