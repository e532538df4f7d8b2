"""The evidence beside the pictures: what real images give the same units."""

from collections.abc import Callable

import ipywidgets as widgets
from torch import Tensor

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis._comparison import largest_objective
from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization
from xaiwidgets.models import ImageModel
from xaiwidgets.models.twin import state_key

_SAME = ("layer", "units", "objective", "row", "column", "directions", "cosine_power")  # what the null level depends on


class Comparison:
    """The largest objective that any of the user's images gives each unit, computed beside the run."""

    def __init__(self, model: ImageModel, images: Tensor | None) -> None:
        self.model, self.images = model, images
        self.box = widgets.HTML()
        self.box.add_class("xw-evidence")
        self._jobs: dict[tuple[object, ...], Job] = {}
        self._shown = ""
        self.box.value = self._said(
            "Each image's number is the unit's own activation. Give <code>images=</code> to compare it with what real "
            "images give."
            if images is None
            else f"Run to compare with the largest activation in {len(images)} images."
        )

    def begin(self, method: ActivationMaximization, news: Callable[[], None]) -> None:
        """Let the worker find the null level of these units, unless it is known; ``news`` is called as it grows."""
        key = self._key(method)
        known = self._jobs.get(key)
        if self.images is None or (known is not None and known.status not in {"cancelled", "failed"}):
            return
        steps = largest_objective(method, self.model, self.images)
        job = worker_for(self.model.device).submit(steps, slot=id(self))
        self._jobs[key] = job
        job.subscribe(lambda _job: news())

    def largest(self, method: ActivationMaximization) -> list[float] | None:
        """The null level of each unit once every image was looked at.

        None before, and where a ratio would mean nothing.
        """
        job = self._jobs.get(self._key(method))
        if job is None or job.status != "done":
            return None
        levels = job.latest.value.tolist()
        return levels if min(levels) > 0 else None

    def words(self, method: ActivationMaximization, index: int, value: float) -> str:
        """The number below an image: a multiple of the null level, or the activation itself."""
        largest = self.largest(method)
        if value != value:  # noqa: PLR0124 - not a number: nothing is known yet
            return ""
        return f"{value:.3g}" if largest is None else f"{value / largest[index]:.1f}×"

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
            return
        above = sum(value > level for value, level in zip(objective, largest, strict=True))
        text = self._said(
            f"<b>{above} of {len(objective)}</b> lie above the largest activation that {len(self.images)} real "
            "images give their unit (1×, the dashed line). An image far above it shows what the unit "
            "would like most, not what it usually sees."
        )
        if text != self._shown:
            self._shown = self.box.value = text

    def _key(self, method: ActivationMaximization) -> tuple[object, ...]:
        values = (getattr(method, name) for name in _SAME)
        settings = tuple(id(value) if isinstance(value, Tensor) else value for value in values)
        return (*settings, state_key(self.model.module))  # other weights have another level

    @staticmethod
    def _said(text: str) -> str:
        return f"<p class='xw-evidence-text'>{text}</p>"


def checked_images(images: Tensor | None, model: ImageModel) -> Tensor | None:
    """The images, refused in words where the model cannot look at them."""
    if images is None:
        return None
    shape = tuple(getattr(images, "shape", ()))
    channels = model.input_shape[0] if len(model.input_shape) > 1 else 1
    if not isinstance(images, Tensor) or len(shape) != 4 or shape[1] != channels or not shape[0]:  # noqa: PLR2004
        came = f"a tensor of shape {shape}" if isinstance(images, Tensor) else type(images).__name__
        message = f"images={came} was given; give a tensor (image, {channels}, height, width) with values in [0, 1]."
        raise XaiwidgetsError(message)
    return images
