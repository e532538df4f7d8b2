"""What deconvolution and guided backpropagation show, side by side with the plain gradient and with their evidence."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import Method
from xaiwidgets.methods.feature_analysis.deconvolution import Deconvolution
from xaiwidgets.methods.feature_analysis.guided_backprop import GuidedBackprop
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._tiles import around_grey, crop, where_it_is
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
from xaiwidgets.widgets.parts.words import unit_names

_RULES = {Deconvolution: "deconvnet", GuidedBackprop: "guided backprop"}
_NAMES = [*_RULES.values(), "gradient"]
_KEPT, _LOST = 0.5, 0.2  # of the way from chance to the same: what leaves most of a picture's detail, and what little
_DRAWN = 2


class RectifierViewer(ImageExplorer):
    """The frame of both: ``kind`` is run, the other rule beside it, and each unit has a row of pictures."""

    title = ""
    portrait = 2

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any,
        layer: str | None,
        units: Sequence[int] | None,
        device: str | torch.device | None,
        settings: Mapping[str, Any],
    ) -> None:
        checked_names(type(self), settings)
        self.kind(layer="", units=(0,), **settings)  # refuses here, before the browser hears of anything
        self._other: Job | None = None
        model = as_image_model(model, device)
        images = images_for(model, images)
        choice = LayerChoice(model, layer, units, seed=settings.get("seed", 0), most=_DRAWN)  # refuses first
        self.curves = LinePlot(
            "Likeness to the picture while weights become random",
            alt="rank correlation of each picture with the first one over the stages of randomisation",
            x_label="stages randomised, from the layer down to the image",
        )
        self.evidence = Evidence("Run to see what the pictures are worth: the weights are made random.")
        super().__init__(
            model,
            settings,
            title=self.title,
            frame=FrameView(columns=4),
            choice=choice,
            images=ImageChoice(model, images),
            picture=[self.curves.heading, self.curves.plot],
            how=[heading("Evidence"), self.evidence],
        )

    steps_setting = ""

    def remember(self) -> dict[str, Any]:
        """The image, and the run of the other rule."""
        return {**super().remember(), "other": self._begin_other()}

    def companions(self) -> list[Job]:
        """The run of the other rule."""
        return [] if self._other is None else [self._other]

    def lay_out(self, method: Method) -> None:
        """The image and three pictures of each unit."""
        layer = method.layer or "the output"
        names = unit_names(method.units, self.choice.unit_names)
        labels = [label for name in names for label in (name, *_NAMES)]
        alts = [alt for name in names for alt in _alts(name, layer)]
        colors = [MID_GREY, *map(category_color, range(3))] * len(names)
        _, height, width = self.model.picture_shape
        self.frame.set_grid(labels, alts, [""] * len(labels), colors, width / height)
        self.curves.reset(3)
        self.bar.subject = f"{self.model.name} · {layer} · {self.images.name}"

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The image, both rules' patterns and the gradient, in a row for each unit, cut to where the unit looks."""
        image = run.arguments[1].batch([0])[0]
        blank, shown, pictures = torch.full_like(image, 0.5), self._patterns(run), []
        for unit in range(len(run.value.units)):
            box, size = where_it_is(run.value.gradient[0, unit]), tuple(image.shape[1:])
            pictures.append(crop(image, box, size))
            for part in shown:
                pattern = None if part is None else around_grey(part[0, unit]).cpu().to(image)
                pictures.append(blank if pattern is None else crop(pattern, box, size))
        return to_pixels(torch.stack(pictures), width)

    def draw(self, run: Run) -> None:
        """Activations below the pictures, the evidence as curves and in words."""
        self.frame.set_notes(self.notes(run))
        if run.value.stages:
            self.curves.show(self._lines(run), now=run.job.finished)
        self.evidence.say(self._words(run))
        self.foot.sentence = self._sentence(run)

    def notes(self, run: Run) -> list[str]:
        """The activation below the image."""
        return [note for value in run.value.activation[0].tolist() for note in (f"{value:.3g}", "", "", "")]

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the likeness over the stages."""
        return self.curves.filled(self._lines(run)) if run.value.stages else None

    def _begin_other(self) -> Job:
        """The other rule on the same image, in a job beside the run."""
        method = self.current.method
        (other,) = (kind for kind in _RULES if kind is not self.kind)
        steps = other(**{name: getattr(method, name) for name in method.specs()})(*self.current.arguments)
        job = worker_for(self.model.device).submit(steps, slot=(id(self), "other"), rest=self.rests)
        run = self.current
        job.subscribe(lambda _job: self._on_other(run))
        self._other = job
        return job

    def _on_other(self, run: Run) -> None:
        if run is self.shown and run.value is not None:
            jobs = [run.job, *([] if self._other is None else [self._other])]
            still = all(job.finished or job.status == "paused" for job in jobs)  # then no picture waits for the budget
            self.frame.show(self._picture, lossless=still)
        self.mark_news()

    def _patterns(self, run: Run) -> list[Tensor | None]:
        """The deconvnet's, guided backpropagation's, and the gradient; None for what is not there yet."""
        other = _value(run.remembered.get("other"))
        theirs = None if other is None else other.patterns
        return [*(run.value.patterns if kind is self.kind else theirs for kind in _RULES), run.value.gradient]

    def _likeness(self, run: Run) -> dict[str, list[float]]:
        """The rank correlations over the stages, by the picture's name; NaN where they are not known yet."""
        other = _value(run.remembered.get("other"))
        unknown = [float("nan")] * len(run.value.stages)
        mine, gradient = run.value.similarity.tolist()
        theirs = other.similarity[0].tolist() if other is not None else unknown
        rules = {_RULES[kind]: mine if kind is self.kind else theirs for kind in _RULES}
        return {**rules, "gradient": gradient}

    def _chances(self, run: Run) -> dict[str, float]:
        """The correlation that each picture has with one that lies in the same places, by the picture's name."""
        other = _value(run.remembered.get("other"))
        mine, gradient = run.value.chance.tolist()
        theirs = float("nan") if other is None else float(other.chance[0])
        return {**{_RULES[kind]: mine if kind is self.kind else theirs for kind in _RULES}, "gradient": gradient}

    def _lines(self, run: Run) -> Lines:
        values = [[1.0, *likeness] for likeness in self._likeness(run).values()]
        return Lines(list(range(len(run.value.stages) + 1)), values, len(run.value.stages))

    def _words(self, run: Run) -> str:
        """What is left of each picture at the last stage that is known, and what that means."""
        if not run.value.stages:
            return "Nothing was checked: with <i>Random stages</i> above 0 one sees what random weights do."
        lines = []
        chances = self._chances(run)
        for name, likeness in self._likeness(run).items():
            known = [value for value in likeness if value == value]  # noqa: PLR0124 - NaN is not itself
            if known:
                stage = f"{len(known)} of {len(likeness)} stages"
                lines.append(
                    f"<b>{name}</b>: <b>{known[-1]:.2f}</b> after {stage}, {chances[name]:.2f} by chance. "
                    f"{_meaning(known[-1], chances[name])}"
                )
        other = run.remembered.get("other")
        refused = f"<br>{escape(str(other.error))}" if other is not None and other.error is not None else ""
        head = (
            "Rank correlation of each picture with the one it has when weights are made random (1: the same). Pictures "
            "that lie in the same place are alike already by chance:"
        )
        return head + "".join(f"<br>{line}" for line in lines) + refused

    def _sentence(self, run: Run) -> str:
        row = self.selection // 4
        if self.selection < 0 or row >= len(run.value.units):
            return ""
        (vertical, across), activation = run.value.position[0, row].tolist(), float(run.value.activation[0, row])
        name = unit_names(run.value.units, self.choice.unit_names)[row]
        return f"{name} · activation {activation:.3g} at row {vertical}, column {across}"


def _alts(name: str, layer: str) -> list[str]:
    """What the four pictures of a unit show."""
    return [f"what {name} sees of the image", *(f"{rule} of {name} of layer {layer}" for rule in _NAMES)]


def _meaning(likeness: float, chance: float) -> str:
    """What is left of a picture's detail, chance apart."""
    kept = (likeness - chance) / max(1e-6, 1 - chance)
    how_much = "Most" if kept > _KEPT else "Part" if kept > _LOST else "Little"
    return f"{how_much} of its detail is there without what the network learned."


def _value(job: Job | None) -> Any:
    return None if job is None or job.latest is None else job.latest.value
