"""The widget of learned inversion."""

import tempfile
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis.learned_inversion import LearnedInversion
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._curves import span_of
from xaiwidgets.widgets.feature_analysis._held_out import train_and_held_out
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.foot import LARGEST_EXPORT
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.line_plot import LinePlot, Lines
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color

_MUCH, _LITTLE = 0.5, 0.9  # of the error of the mean image: a layer that keeps much, and one that keeps hardly anything
_BY_HEART = 1.5  # times the error in training


class LearnedInverter(MethodExplorer):
    """See what a layer keeps of images, as a decoder sees it that learns while you watch.

    ``train`` are the images that the decoder learns from, ``images`` up to eight others, which it is tried on: each an
    `ImageSet`, a tensor, an array, a path, Pillow images or a torch ``Dataset``, shown by the middle in the model's
    size. Without ``images`` four of ``train``, spread over it, are held out; without either it is Fashion-MNIST for a
    network of 1×28×28, else photographs. ``layer`` is a dotted path (a middle layer unless told). Other keywords are
    settings of `LearnedInversion`; the learning rate steers a run. The decoder can be saved by its button or by
    ``view.result.decoder.save(path)``, and `LearnedInversion.load` reads it. Raises `XaiwidgetsError` with a sentence
    for what does not fit.
    """

    kind = LearnedInversion
    portrait = 1

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        images: Any = None,
        layer: str | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(LearnedInverter, settings)
        LearnedInversion(layer="", **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.train, self.images = train_and_held_out(model, train, images)
        self._originals = self.images.batch(slice(None))
        self.choice = LayerChoice(model, layer, pick_units=False)
        self.curves = LinePlot("Error", alt="error on held-out images and in training over the steps")
        self.evidence = Evidence(
            f"Run to train a decoder on {len(self.train):,} images, and to try it on {len(self.images)} others."
        )
        frame = FrameView(columns=2 if len(self.images) == 1 else 4)
        frame.add_class("xw-pairs")
        self.keep = widgets.Button(description="Save decoder")
        self.keep.add_class("xw-button")
        super().__init__(
            model,
            settings,
            title="Learned inverter",
            frame=frame,
            what=[heading("Layer"), self.choice.tree],
            picture=[self.curves.heading, self.curves.plot],
            how=[heading("Evidence"), self.evidence, self.keep],
        )
        self.choice.on_change(lambda: self.guarded(self.choice_changed))
        self.keep.on_click(lambda _button: self.guarded(self._send_decoder))

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.choice.layer}

    def choose(self, method: LearnedInversion) -> None:
        """Put the layer into the tree."""
        self.choice.set(method.layer, None)

    def inputs(self) -> list[Input]:
        """The training images and the held-out ones."""
        return [("train", self.train, self.train.source), ("images", self.images, self.images.source)]

    def lay_out(self, method: LearnedInversion) -> None:
        """Each held-out image, and beside it what the decoder makes of its features."""
        layer, names = method.layer or "the output", self._names()
        cells = [
            cell for name in names for cell in ((name, "as it was given"), (f"from {layer}", f"what is left of {name}"))
        ]
        _, height, width = self.model.picture_shape
        self.frame.set_grid(
            [label for label, _ in cells],
            [f"{label}: {what}" for label, what in cells],
            [""] * len(cells),
            [MID_GREY, category_color(0)] * len(names),
            width / height,
        )
        self.curves.reset(2)
        self.bar.subject = f"{self.model.name} · {layer} · learns from {len(self.train):,} images"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """Originals and reconstructions in turn."""
        pairs = torch.stack([self._originals, run.value.images.cpu().to(self._originals)], dim=1)
        return to_pixels(pairs.flatten(0, 1), width)

    def notes(self, run: Run) -> list[str]:
        """The error below each reconstruction."""
        return [note for error in run.value.image_error.tolist() for note in ("", f"{error:.3f}")]

    def draw(self, run: Run) -> None:
        """Errors below the pictures, as curves, and in words."""
        self.frame.set_notes(self.notes(run))
        note = "held out (blue), in training (orange); dashed: the mean training image"
        self.curves.show(self._lines(run), note, now=run.job.finished)
        self.evidence.say(self._words(run))
        self.foot.sentence = self._sentence(run)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the errors over the steps."""
        return self.curves.filled(self._lines(run))

    def _names(self) -> list[str]:
        return [self.images.label_name(i) or f"image {i}" for i in range(len(self.images))]

    def _lines(self, run: Run) -> Lines:
        """Roots of mean squares, as below the pictures."""
        value = run.value
        errors = [value.held_out_error.sqrt().tolist(), value.loss.sqrt().tolist()]
        return Lines(value.history_steps, errors, span_of(run), _root_mean_square(value.mean_error))

    def _words(self, run: Run) -> str:
        """The error beside its null level and the training's, then image by image."""
        value = run.value
        found, null = _root_mean_square(value.image_error), _root_mean_square(value.mean_error)
        learned = float(value.loss[-1]) ** 0.5
        head = (
            f"Error <b>{found:.3f}</b> (root mean square, 0 to 1) against <b>{null:.3f}</b> for the mean training image"
        )
        lines = [f"{head}, which a layer that keeps nothing would leave. {_meaning(found, null)}"]
        if found > _BY_HEART * learned:
            lines.append(f"In training it is <b>{learned:.3f}</b>: the decoder may know those images by heart.")
        pairs = zip(self._names(), value.image_error.tolist(), value.mean_error.tolist(), strict=True)
        lines += [f"{escape(name)}: <b>{error:.3f}</b> against {mean:.3f}" for name, error, mean in pairs]
        return "<br>".join(lines)

    def _sentence(self, run: Run) -> str:
        place = self.selection // 2
        if not 0 <= self.selection < 2 * len(self.images):
            return ""
        error, mean = float(run.value.image_error[place]), float(run.value.mean_error[place])
        return f"{self._names()[place]} · error {error:.3f}, {error / max(mean, 1e-9):.2f}× that of the mean image"

    def _send_decoder(self) -> None:
        """Let the browser save the decoder that is shown."""
        if self.result is None:
            self.foot.say("There is no decoder yet: press Run first.")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"decoder-{self.shown.method.layer or 'output'}.safetensors"
            self.result.decoder.save(path)
            content = path.read_bytes()
        if len(content) > LARGEST_EXPORT:
            raise XaiwidgetsError(
                f"The decoder has {len(content) / 2**20:.0f} MB, more than reaches a browser; save it from Python with "
                "view.result.decoder.save(path)."
            )
        self.foot.send_files([(path.name, "application/octet-stream", content)])


def _root_mean_square(errors: torch.Tensor) -> float:
    return float(errors.square().mean().sqrt())


def _meaning(found: float, null: float) -> str:
    if found < _MUCH * null:
        return "The layer keeps much of these images."
    if found < _LITTLE * null:
        return "The layer keeps part of these images."
    return "The decoder has found little in the layer, so far."
