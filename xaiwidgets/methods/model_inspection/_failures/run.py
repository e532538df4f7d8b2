"""The run: images are read, errors grouped, rules found, and the same is done with random errors."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._answers import class_names_of, images_for, refuse_classes
from xaiwidgets.methods.model_inspection._failures.attributes import Means, Near, attributes_of
from xaiwidgets.methods.model_inspection._failures.clusters import RESTARTS
from xaiwidgets.methods.model_inspection._failures.inputs import as_numbers, names_of, refuse_labels
from xaiwidgets.methods.model_inspection._failures.modes import Answered, Groups, Lifts, halves
from xaiwidgets.methods.model_inspection._failures.reading import Reading
from xaiwidgets.methods.model_inspection._failures.result import Null, SpecificationSheet
from xaiwidgets.methods.model_inspection._failures.rules import Rule
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.failure_modes import FailureModes


class Looking:
    """The state of one run: `read` the images first, then `find` modes as often as settings change."""

    def __init__(self, settings: "FailureModes", model: ImageModel, images: Any) -> None:
        self.settings, self.model = settings, model
        self.images: ImageSet = images_for(model, images)
        refuse_labels(self.images, settings.clusters)
        given = names_of(settings.attribute_names, settings.attributes, len(self.images))
        numbers = as_numbers(settings.attributes, len(self.images), model)
        self.reading = Reading(model, self.images, settings.layer, (given, numbers))
        self.labels = self.images.labels.to(model.device)

    def read(self, clusters: int) -> Iterator[SpecificationSheet]:
        """Yield the errors so far, in no groups yet."""
        for _seen in self.reading.steps():
            refuse_classes(self.labels, self.reading.classes, self.model)
            yield self._sheet(clusters, numbers=self.reading.pictures[1], means=None, held_out=None)

    def prepare(self, clusters: int) -> Iterator[tuple[SpecificationSheet, float]]:
        """Yield the share of the images whose attributes are told: what every search needs, whatever its settings."""
        reading = self.reading
        wrong = reading.predicted != self.labels
        if bool(wrong.all()):
            raise XaiwidgetsError(
                f"{self.model.name} answers all {len(wrong):,} images wrongly, so that there is no right answer to "
                "tell errors from; check that the labels count the network's outputs in their order."
            )
        held_out = halves(wrong, self.settings.seed)
        # The class means are those of the images that are not held out.
        means = Means.of(reading.features[~held_out], self.labels[~held_out], reading.classes)
        sheet = self._sheet(clusters, numbers=reading.pictures[1], means=None, held_out=None)
        parts: list[Near] = []
        for part in means.nearest(reading.features):
            parts.append(part)
            yield sheet, sum(len(known.label) for known in parts) / len(wrong)
        near = Near.joined(parts)
        typical = float(near.distance[~held_out].median().clamp(min=torch.finfo(torch.double).tiny))
        self.means = Means(means.values, typical)
        attributes = attributes_of(reading.top, near.scaled(typical), reading.pictures)
        self.answered = Answered(reading.features, attributes, self.labels, reading.predicted, wrong, held_out)

    def find(self, settings: "FailureModes") -> Iterator[tuple[SpecificationSheet, float]]:
        """Yield the groups, the rules and the null levels so far, with the share of the work that is done."""
        answered = self.answered
        known = {"numbers": answered.attributes.numbers, "means": self.means, "held_out": answered.held_out}
        if not bool(answered.wrong.any()):
            yield self._sheet(settings.clusters, **known), 1.0
            return
        work = RESTARTS + settings.clusters + settings.null
        for done, groups in enumerate(answered.groups(settings)):
            yield self._sheet(settings.clusters, groups=groups, **known), (done + 1) / work
        rules: list[Rule] = []
        for rule in answered.rules(settings, groups):
            rules.append(rule)
            known["covered"] = torch.stack([rule.holds(answered.attributes) for rule in rules])
            share = 1.0 if len(rules) == groups.count and not settings.null else (RESTARTS + len(rules)) / work
            yield self._sheet(settings.clusters, groups=groups, rules=tuple(rules), **known), share
        lifts: list[Lifts] = []
        sheet = self._sheet(settings.clusters, groups=groups, rules=tuple(rules), **known)
        for run in range(settings.null):
            parts = answered.at_random(settings.seed * (settings.null + 1) + run + 1).lifts(settings)
            for part, found in enumerate(parts):
                if found is not None:
                    lifts.append(found)
                    sheet = self._sheet(settings.clusters, groups=groups, rules=tuple(rules), lifts=lifts, **known)
                within = 1.0 if found is not None else (part + 1) / (settings.clusters + 2)
                yield sheet, (RESTARTS + settings.clusters + run + within) / work

    def _sheet(
        self,
        clusters: int,
        *,
        numbers: Tensor,
        means: Means | None,
        held_out: Tensor | None,
        groups: Groups | None = None,
        rules: tuple[Rule, ...] = (),
        covered: Tensor | None = None,
        lifts: Sequence[Lifts] = (),
    ) -> SpecificationSheet:
        reading, seen = self.reading, self.reading.seen
        labels = self.labels[:seen]
        errors = (reading.predicted != labels).nonzero().flatten()
        none = torch.zeros(seen, dtype=torch.bool, device=labels.device)
        null = torch.tensor(lifts, dtype=torch.double, device=labels.device).reshape(-1, 3)
        return SpecificationSheet(
            predicted=reading.predicted,
            confidence=reading.top.values[:, 0],
            labels=labels,
            numbers=numbers,
            covered=none[None][:0] if covered is None else covered,
            layer=self.settings.layer,
            class_names=class_names_of(self.model, self.images, reading.classes),
            names=reading.pictures[0] if means is None else self.answered.attributes.names,
            images=len(self.images),
            clusters=clusters,
            held_out=none if held_out is None else held_out,
            errors=errors,
            cluster=torch.full_like(errors, -1) if groups is None else groups.of,
            distance=torch.zeros_like(errors).double() if groups is None else groups.distance,
            rules=rules,
            null=Null(found=null[:, 0], held_out=null[:, 1], best=null[:, 2]),
            means=means,
            attributes=len(self.reading.given),
        )
