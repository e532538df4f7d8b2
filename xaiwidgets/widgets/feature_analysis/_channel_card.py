"""One channel looked at from all sides: its map, what drove it, what it responds to most, in data and in general."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import Steps
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization
from xaiwidgets.methods.feature_analysis.deconvolution import Deconvolution
from xaiwidgets.methods.feature_analysis.top_images import TopImages
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.feature_analysis._tiles import Crops, around_grey, crop, lit, where_it_is
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color

TOP = 6  # images of the data set
_STEPS = 96  # of the maximising image


class ChannelCard:
    """Pictures of one unit that refine while one looks, each from a job of its own on the shared device."""

    def __init__(
        self, model: ImageModel, images: ImageSet, rests: Callable[[], bool], news: Callable[[], None]
    ) -> None:
        self.model, self.images, self._rests, self._news = model, images, rests, news
        self.frame, self.evidence = FrameView(columns=3), Evidence()
        self._crops = Crops(images)
        self._jobs: dict[str, Job] = {}
        self._tops: dict[str, Job] = {}  # by layer: the images are looked at once for all of its units
        self._run: Run | None = None
        self._unit = -1
        self.reset()

    def reset(self) -> None:
        """Ask for a channel."""
        self._run, self._unit = None, -1
        self.frame.layout.display = "none"
        self.evidence.say(
            "White is above zero, blue below. Click a channel: where it is active, what drove it, which images it "
            "responds to most."
        )

    def show(self, run: Run, unit: int) -> None:
        """Look at a unit in the image of a run; what is looked at already goes on."""
        if run is self._run and unit == self._unit:
            return self._report()
        another = self._run is None or unit != self._unit or run.method.layer != self._run.method.layer
        self._run, self._unit = run, unit
        self.frame.layout.display = ""
        if another:
            self._name_cells()
            self._begin("best", ActivationMaximization(layer=run.method.layer, units=(unit,), steps=_STEPS)(self.model))
        pattern = Deconvolution(layer=run.method.layer, units=(unit,), stages=0)
        self._begin("pattern", pattern(self.model, run.arguments[1]))
        self._begin_top(run.method.layer)
        self._redraw()
        return None

    @property
    def jobs(self) -> list[Job]:
        """All that is computed for it."""
        return [*self._jobs.values(), *self._tops.values()]

    def _begin(self, name: str, steps: Steps) -> None:
        self._jobs[name] = self._submit(steps, name)

    def _begin_top(self, layer: str) -> None:
        known = self._tops.get(layer)
        if known is None or known.status in {"cancelled", "failed"}:
            self._tops[layer] = self._submit(TopImages(layer=layer, k=TOP)(self.model, self.images), f"top {layer}")

    def _submit(self, steps: Steps, name: str) -> Job:
        job = worker_for(self.model.device).submit(steps, slot=(id(self), name), rest=self._rests)
        job.subscribe(lambda _job: self._redraw())
        return job

    def _redraw(self) -> None:
        """Any thread: the newest pictures leave at the browser's own rate."""
        self.frame.show(self._pictures, lossless=self._settled())
        self._news()

    def _settled(self) -> bool:
        return all(job.finished for job in (*self._jobs.values(), *self._tops.values()))

    def _name_cells(self) -> None:
        names = ["active here", "what drove it", "responds to most", *(f"top {i + 1}" for i in range(TOP))]
        alts = [
            f"the image, dark where unit {self._unit} is not active",
            f"deconvnet pattern of unit {self._unit}",
            f"the image that unit {self._unit} responds to most",
            *(f"number {i + 1} of the data set for unit {self._unit}" for i in range(TOP)),
        ]
        _, height, width = self.model.picture_shape
        colors = [category_color(i) for i in (0, 1, 2, *[3] * TOP)]
        self.frame.set_grid(names, alts, [""] * len(names), colors, width / height)

    def _pictures(self) -> np.ndarray | None:
        run, unit = self._run, self._unit
        if run is None or run.value is None or unit >= run.value.maps.shape[1]:
            return None
        image = run.arguments[1].batch([0])[0]
        pictures = [lit(image, run.value.maps[0, unit].detach().cpu().float()), self._pattern(image), self._best(image)]
        pictures += self._top(image)
        if image.shape[0] not in {1, 3}:
            pictures = [picture.mean(0, keepdim=True) for picture in pictures]
        return to_pixels(torch.stack(pictures), self.frame.target_width)

    def _pattern(self, image: Tensor) -> Tensor:
        value = _value_of(self._jobs.get("pattern"))
        if value is None:
            return torch.full_like(image, 0.5)
        pattern = value.patterns[0, 0]
        return crop(around_grey(pattern).cpu().to(image), where_it_is(pattern), tuple(image.shape[1:]))

    def _best(self, image: Tensor) -> Tensor:
        value = _value_of(self._jobs.get("best"))
        return torch.full_like(image, 0.5) if value is None else value.images[0].cpu().to(image)

    def _top(self, image: Tensor) -> list[Tensor]:
        """The crops of the data set's best images."""
        value = self._top_value()
        if value is None:
            return [torch.full_like(image, 0.5)] * TOP
        return self._crops(value.indices[self._unit], value.boxes[self._unit])

    def _top_value(self) -> Any:
        return _value_of(self._tops.get(self._run.method.layer))

    def _report(self) -> None:
        """Numbers below the pictures and the comparison in words (the publisher's thread calls)."""
        run, top = self._run, self._top_value()
        if run is None or run.value is None:
            return
        here = float(run.value.largest[0, self._unit])
        notes = [f"{here:.3g}", "", ""]
        best = _value_of(self._jobs.get("best"))
        if best is not None and best.objective.isfinite().all():
            notes[2] = f"mean {float(best.objective[0]):.3g}"
        if top is not None:
            notes += [f"{a:.3g}" if i >= 0 else "" for a, i in zip(*self._best_of(top), strict=True)]
        self.frame.set_notes([*notes, *[""] * (3 + TOP - len(notes))])
        self.evidence.say(self._words(here, top))

    def _best_of(self, top: Any) -> tuple[list[float], list[int]]:
        return top.activation[self._unit].tolist(), top.indices[self._unit].tolist()

    def _words(self, here: float, top: Any) -> str:
        words = f"<b>Unit {self._unit}</b> reaches <b>{here:.3g}</b> in this image."
        if top is not None and top.indices[self._unit, 0] >= 0:
            largest, index = float(top.activation[self._unit, 0]), int(top.indices[self._unit, 0])
            share = f"; here it is at {here / largest:.0%} of that" if largest > 0 else ""
            name = self.images.label_name(index)
            which = f"image {index}{f', {escape(name)}' if name else ''}"
            words += f" Its largest in {top.seen:,} of {len(self.images):,} images is {largest:.3g} ({which}){share}."
        refused = [job.error for job in self._jobs.values() if job.error is not None]
        return words + "".join(f" <br>{escape(str(error))}" for error in refused)


def _value_of(job: Job | None) -> Any:
    return None if job is None or job.latest is None else job.latest.value
