"""The evidence beside the pictures: what real images give the same units."""

import math
from collections.abc import Callable
from html import escape

from torch import Tensor

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.methods.feature_analysis._comparison import largest_objective
from xaiwidgets.methods.feature_analysis._from_settings import refuse_images
from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization
from xaiwidgets.models import ImageModel
from xaiwidgets.models.twin import state_key
from xaiwidgets.widgets.parts.evidence import Evidence

_SAME = ("layer", "units", "objective", "row", "column", "directions", "cosine_power")  # what the null level depends on


class Comparison:
    """The largest objective that any of the user's images gives each unit, computed beside the run."""

    def __init__(self, model: ImageModel, images: Tensor | None) -> None:
        self.model, self.images = model, images
        self.box = Evidence()
        self._jobs: dict[tuple[object, ...], Job] = {}
        self.reset()

    def reset(self) -> None:
        """Say what there is to come."""
        self.box.say(
            "Each image's number is the unit's own activation. Give <code>images=</code> to compare it with what real "
            "images give."
            if self.images is None
            else f"Run to compare with the largest activation in {len(self.images)} images."
        )

    def begin(self, method: ActivationMaximization, news: Callable[[], None], rests: Callable[[], bool]) -> None:
        """Let the worker find the null level of these units, unless it is known; ``news`` is called as it grows."""
        key = self._key(method)
        known = self._jobs.get(key)
        if self.images is None or (known is not None and known.status not in {"cancelled", "failed"}):
            return
        steps = largest_objective(method, self.model, self.images)
        job = worker_for(self.model.device).submit(steps, slot=id(self), rest=rests)
        self._jobs[key] = job
        job.subscribe(lambda _job: news())

    def stop(self) -> None:
        """Compute no further."""
        for job in self._jobs.values():
            job.cancel()

    def largest(self, method: ActivationMaximization) -> list[float] | None:
        """The null level of each unit once every image was looked at.

        None before, and where a ratio would mean nothing.
        """
        if self.images is None:
            return None
        job = self._jobs.get(self._key(method))
        if job is None or job.status != "done":
            return None
        levels = job.latest.value.tolist()
        return levels if min(levels) > 0 else None

    def words(self, method: ActivationMaximization, objective: list[float]) -> list[str]:
        """The numbers below the images: multiples of the null level, or the activations themselves."""
        largest = self.largest(method)
        if largest is None:
            return ["" if math.isnan(value) else f"{value:.3g}" for value in objective]
        return [f"{value / level:.1f}×" for value, level in zip(objective, largest, strict=True)]

    def sentence(self, method: ActivationMaximization, index: int, value: float) -> str:
        """The same in words."""
        largest = self.largest(method)
        if largest is None:
            return f"{method.objective} {value:.3g}"
        return (
            f"{value / largest[index]:.1f}× the largest of {len(self.images)} images "
            f"({value:.3g} against {largest[index]:.3g})"
        )

    def report(self, method: ActivationMaximization, objective: list[float]) -> None:
        """Say how many images lie above the null level. Called on the publisher's thread."""
        largest = self.largest(method)
        if largest is None:
            job = self._jobs.get(self._key(method))
            if job is not None and job.error is not None:
                self.box.say(f"The images could not be compared with: {escape(str(job.error))}")
            return
        above = sum(value > level for value, level in zip(objective, largest, strict=True))
        self.box.say(
            f"<b>{above} of {len(objective)}</b> lie above the largest activation that {len(self.images)} real "
            "images give their unit (1×, the dashed line). An image far above it shows what the unit "
            "would like most, not what it usually sees."
        )

    def _key(self, method: ActivationMaximization) -> tuple[object, ...]:
        settings = (_content(getattr(method, name)) for name in _SAME)
        return (*settings, state_key(self.model.module))  # other weights have another level


def checked_images(images: Tensor | None, model: ImageModel) -> Tensor | None:
    """The images, refused in words where the model cannot look at them."""
    if images is not None:
        refuse_images(images, model.input_shape[0] if len(model.input_shape) > 1 else 1)
    return images


def _content(value: object) -> object:
    """What a setting is, tensors by their numbers: each method has copies of its own."""
    return (tuple(value.shape), tuple(value.flatten().tolist())) if isinstance(value, Tensor) else value
