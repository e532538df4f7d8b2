"""Another dissection of the same concepts to compare with: a control, another layer, another network."""

from collections.abc import Callable
from typing import NamedTuple

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis._dissection.result import Dissection
from xaiwidgets.methods.feature_analysis.network_dissection import NetworkDissection
from xaiwidgets.models import ImageModel
from xaiwidgets.models.twin import state_key
from xaiwidgets.widgets.parts.layer_choice import default_layer
from xaiwidgets.widgets.parts.pick import pick

_MOST = 12  # that are kept

NOTHING, UNTRAINED, ROTATED = "nothing", "an untrained copy", "a random basis"


class Other(NamedTuple):
    """A second network, its layer, and the concepts in the shape that it looks at."""

    model: ImageModel
    layer: str
    concepts: ConceptSet

    @staticmethod
    def of(model: ImageModel, layer: str | None, concepts: ConceptSet) -> "Other":
        """A network in the layer that is asked for, or in a middle one; raises for a layer that is not there."""
        layer = default_layer(model, outputs=False) if layer is None else layer
        return Other(model, model.layer(layer).name, concepts.fitted(model.picture_shape))

    @property
    def name(self) -> str:
        """What it is called in the choice."""
        return f"{self.model.name}, {self.layer or 'the output'}"


class Beside:
    """A choice of what to compare with, the dissections that were made of it, and the one that is on.

    Each is the present method on the same concepts with one thing changed, as a job beside the run. What was compared
    once stays known for the method that it was made with.
    """

    def __init__(
        self,
        model: ImageModel,
        concepts: ConceptSet,
        other: Other | None,
        rests: Callable[[], bool],
        news: Callable[[], None],
    ) -> None:
        self._model, self._concepts, self._other, self._rests, self._news = model, concepts, other, rests, news
        layers = [f"layer {name}" for name, layer in model.layers().items() if name and layer.units]
        others = [] if other is None else [other.name]
        self.choice = pick("Compare with", [NOTHING, UNTRAINED, ROTATED, *others, *layers])
        self._made: dict[tuple[str, str, str], Job] = {}

    @property
    def name(self) -> str:
        """What is compared with."""
        return self.choice.value

    def choose(self, name: str) -> None:
        """Choose it by its name; raises for one that is not offered."""
        if name not in self.choice.options:
            raise XaiwidgetsError(f"{name!r} was given to compare with; {nearest(name, self.choice.options)}.")
        self.choice.value = name

    def begin(self, method: NetworkDissection) -> None:
        """Dissect what is chosen, unless it was done with these settings."""
        if self.name == NOTHING:
            return
        key = self._key(method, self.name)
        known = self._made.get(key)
        if known is not None and known.status not in {"cancelled", "failed"}:
            return
        changed, model, concepts = self._changed(method)
        start = None if known is None or known.latest is None else known.latest.value
        job = worker_for(model.device).submit(
            changed(model, concepts, start), slot=(id(self), "beside"), rest=self._rests
        )
        job.subscribe(lambda _job: self._news())
        self._made[key] = job
        for old in [key for key, job in self._made.items() if job.finished][:-_MOST]:
            del self._made[old]

    def found(self, method: NetworkDissection) -> Dissection | None:
        """The newest answer of what is chosen."""
        job = self._made.get(self._key(method, self.name))
        return None if job is None or job.latest is None else job.latest.value

    def all_found(self, method: NetworkDissection) -> dict[str, Dissection]:
        """All that was compared with under these settings, by its name."""
        key = self._key(method, "")[1:]
        return {
            name: job.latest.value
            for (name, *made), job in list(self._made.items())
            if tuple(made) == key and job.latest is not None
        }

    @property
    def jobs(self) -> list[Job]:
        """What is computed beside the run."""
        return list(self._made.values())

    def error(self, method: NetworkDissection) -> str:
        """Why the chosen one could not be made, "" where it could."""
        job = self._made.get(self._key(method, self.name))
        return "" if job is None or job.error is None else str(job.error)

    def _changed(self, method: NetworkDissection) -> tuple[NetworkDissection, ImageModel, ConceptSet]:
        if self._other is not None and self.name == self._other.name:
            return method.replace(layer=self._other.layer, thresholds=None), self._other.model, self._other.concepts
        change = {UNTRAINED: {"weights": "untrained"}, ROTATED: {"rotation": 1.0}}
        layer = {"layer": self.name.removeprefix("layer ")}
        return method.replace(thresholds=None, **change.get(self.name, layer)), self._model, self._concepts

    def _key(self, method: NetworkDissection, name: str) -> tuple[str, str, str]:
        """The way of scoring is no part of it: counts can be scored anew; the weights are."""
        return (
            name,
            method.replace(iou_threshold=0.04, denominator="original").as_code(),
            str(state_key(self._model.module)),
        )


def scored_like(one: Dissection, other: Dissection) -> Dissection:
    """One dissection scored as another is, at its quantile where counts are kept there."""
    quantile = other.quantile if other.quantile in one.levels else one.quantile
    return one.rescored(quantile=quantile, iou_threshold=other.iou_threshold, denominator=other.denominator)
