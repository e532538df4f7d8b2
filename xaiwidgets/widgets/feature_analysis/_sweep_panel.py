"""The error by depth: an image inverted from every main layer, the curve growing as it goes."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._sweep import inversion_sweep
from xaiwidgets.methods.feature_analysis.inversion import Inversion
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.line_plot import LinePlot, Lines
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.theme import MID_GREY

_START, _STOP = "Sweep all layers", "Stop the sweep"
_ACROSS = 6


class SweepPanel(widgets.VBox):
    """A button, a strip of reconstructions from the first layer to the last, and the curve of their errors."""

    def __init__(self, model: ImageModel, rests: Callable[[], bool]) -> None:
        self._model, self._rests = model, rests
        self._job: Job | None = None
        self._layers: tuple[str, ...] = ()
        self._news = False
        self.button = widgets.Button(description=_START)
        self.button.add_class("xw-button")
        self.said = widgets.HTML()
        self.frame = FrameView(columns=_ACROSS)
        self.curve = LinePlot(
            "Error by depth", alt="feature and image error of every layer", x_label="layer, from the image"
        )
        self._body = widgets.VBox([self.frame, self.curve.heading, self.curve.plot])
        self._body.layout.display = "none"
        super().__init__([widgets.HBox([self.button, self.said]), self._body])
        get_publisher().add(self)

    def on_press(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the button is pressed."""
        self.button.on_click(lambda _button: callback())

    def toggle(self, method: Inversion, image: ImageSet, layers: Sequence[str]) -> None:
        """Begin a sweep, or stop the one that is on."""
        if self._job is not None and not self._job.finished:
            self._job.cancel()
            return
        with get_publisher().lock:  # no picture of the sweep before comes in between
            self._layers = tuple(layers)
            self._name_cells()
            self._body.layout.display = ""
            self.curve.reset(2)
            steps = inversion_sweep(method, self._model, image, self._layers)
            self._job = worker_for(self._model.device).submit(steps, slot=(id(self), "sweep"), rest=self._rests)
        self._job.subscribe(self._on_step)

    def stop(self) -> None:
        """Compute no further."""
        if self._job is not None:
            self._job.cancel()

    @property
    def result(self) -> Any:
        """The newest answer of the sweep, None before the first."""
        return None if self._job is None or self._job.latest is None else self._job.latest.value

    def _name_cells(self) -> None:
        names = [layer or "output" for layer in self._layers]
        alts = [f"what layer {name} keeps of the image" for name in names]
        _, height, width = self._model.picture_shape
        self.frame.set_grid(names, alts, [""] * len(names), [MID_GREY] * len(names), width / height, columns=_ACROSS)

    def due(self) -> float | None:
        """Whether the button or the pictures have something new to say (the publisher asks)."""
        return 0.0 if self._news else None

    def publish(self) -> None:
        """Say it (the publisher calls, under its lock)."""
        self._news = False
        job = self._job
        self.button.description = _START if job is None or job.finished else _STOP
        self.said.value = (
            "" if job is None or job.error is None else f"<p class='xw-problem'>{escape(str(job.error))}</p>"
        )
        if self.result is None:
            return
        curves = [self.result.feature_error, self.result.image_error]
        errors = [[error for error in curve.tolist() if error == error] for curve in curves]  # noqa: PLR0124 - no NaN
        self.frame.set_notes([f"{error:.2f}" for error in errors[1]])
        lines = Lines(range(1, len(errors[1]) + 1), errors, len(self._layers))
        self.curve.show(lines, "features (blue), image (orange)", now=job.finished)

    def dispose(self) -> None:
        """Stop, and say nothing more."""
        self.stop()
        get_publisher().remove(self)

    def _on_step(self, job: Job) -> None:
        """After each step, on the worker's thread: the pictures leave at the browser's own rate."""
        if job.latest is not None:
            self.frame.show(self._pictures, lossless=job.finished)
        self._news = True
        get_publisher().wake()

    def _pictures(self) -> np.ndarray | None:
        """What was reached in each layer; grey where the sweep has not come yet."""
        result = self.result
        if result is None or len(result.layers) != len(self._layers):
            return None
        images = [part[0].detach().cpu() for part in result.images]
        blank = torch.full_like(images[0], 0.5)
        return to_pixels(torch.stack(images + [blank] * (len(self._layers) - len(images))), self.frame.target_width)
