"""The run: read maps, begin with random patches, then train, project and fit the last layer, stage by stage."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaiwidgets.methods.case._prototype_parts.along import along
from xaiwidgets.methods.case._prototype_parts.beginning import random_patches, telling_patches
from xaiwidgets.methods.case._prototype_parts.inputs import Side, labelled, read_sides, refuse_empty_classes
from xaiwidgets.methods.case._prototype_parts.last_layer import first_weights, fit_last_layer
from xaiwidgets.methods.case._prototype_parts.network import first_network
from xaiwidgets.methods.case._prototype_parts.result import Known, LearnedParts
from xaiwidgets.methods.case._prototype_parts.survey import Survey, survey
from xaiwidgets.methods.case._prototype_parts.telling import Teller
from xaiwidgets.methods.case._prototype_parts.training import Descent
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.case.prototype_parts import PrototypeParts

TOTAL = 100.0
_READ, _BEGUN = 8.0, 14.0  # percent done after each stage
_LEARNT, _LOOKED = 0.7, 0.8  # of an epoch at whose end prototypes are projected
_ITERATIONS = 300  # of the last layer, at most


class Run:
    """The state of one run; ``settings`` may be changed between two steps."""

    def __init__(self, settings: "PrototypeParts", model: ImageModel, train: Any, test: Any) -> None:
        self.settings, self._model = settings, model
        self._train = labelled(train, model, "training")
        self._test = None if test is None else labelled(test, model, "test")
        classes = refuse_empty_classes(self._train, self._test)
        self._classes = torch.arange(classes, device=model.device).repeat_interleave(settings.prototypes)
        self._count = classes
        self._teller = Teller(model, settings, self._train.shape, self._classes, classes)
        self._known = Known()
        self._history: list[tuple[float, float, float]] = []
        self.value: LearnedParts = self._teller.blank()

    def steps(self) -> Iterator[float]:
        """Yield the percentage that is done."""
        settings = self.settings
        yield from along(self._read(), 0, _READ)
        yield from self._begin()
        descent = Descent(self._network, settings.epochs * -(-len(self._fit.maps) // settings.batch))
        stages = min(settings.projections, settings.epochs)
        ends = {round(settings.epochs * (stage + 1) / stages) for stage in range(stages)}
        span = (TOTAL - _BEGUN) / settings.epochs
        for epoch in range(1, settings.epochs + 1):
            low = _BEGUN + span * (epoch - 1)
            learnt = low + span * _LEARNT
            yield from along(self._learn(descent), low, learnt)
            looked = low + span * (_LOOKED if epoch in ends else 1)
            fit = yield from along(self._look(epoch, "learning"), learnt, looked)
            if epoch in ends:
                yield from self._project(descent, fit, epoch, looked, low + span)
        yield TOTAL

    def _read(self) -> Generator[float, None, None]:
        self._fit, self._held, self._own = yield from read_sides(self.settings, self._model, self._train, self._test)

    def _begin(self) -> Iterator[float]:
        """Random patches as prototypes, with the best last layer for them: what training has to beat."""
        settings, fit = self.settings, self._fit
        self._generator = torch.Generator().manual_seed(settings.seed)
        network = first_network(fit.maps, settings.channels, self._generator)
        self._fit = fit._replace(maps=network.standardised(fit.maps))
        self._held = self._held._replace(maps=network.standardised(self._held.maps))
        known = self._fit.maps, fit.labels, self._classes, self._teller.patch, self._generator
        patches = random_patches(network, *known)
        self._network = network.with_prototypes(patches)
        self._weights = first_weights(self._classes, self._count, patches)
        seen = yield from along(self._survey(self._fit), _READ, _READ + 1)
        kept = self._weights
        self._weights = yield from along(self._fitted(seen), _READ + 1, _BEGUN - 2)
        yield from along(self._look(0, "random patches, before training", seen), _BEGUN - 2, _BEGUN - 1)
        self._known = self._known._replace(by_chance=self._known.now)
        self.value = replace(self.value, accuracy=self._known)
        self._weights = kept
        patches = yield from along(telling_patches(network, *known), _BEGUN - 1, _BEGUN)
        self._network = network.with_prototypes(patches)

    def _learn(self, descent: Descent) -> Iterator[float]:
        """One epoch over add-on and prototypes."""
        fit = self._fit
        batches = torch.randperm(len(fit.labels), generator=self._generator).split(self.settings.batch)
        for done, rows in enumerate(batches, 1):
            at, settings = rows.to(fit.labels.device), self.settings
            labels = fit.labels[at]
            own = labels[:, None] == self._classes
            parts = settings.cluster, settings.separation
            descent.step(self._weights, fit.maps[at], labels, own, settings.learning_rate, parts)
            self._network = descent.network
            yield done / len(batches)

    def _project(self, descent: Descent, fit: Survey, epoch: int, low: float, high: float) -> Iterator[float]:
        """Put each prototype on the nearest patch of its class, then fit the last layer."""
        third = (high - low) / 3
        self._known = self._known._replace(trained=self._known.now)
        descent.put(fit.patches)
        self._network = descent.network
        fit = yield from along(self._look(epoch, "projected"), low, low + third)
        self._known = self._known._replace(projected=self._known.now)
        self._weights = yield from along(self._fitted(fit), low + third, high - third / 2)
        yield from along(self._look(epoch, "projected, last layer fitted", fit), high - third / 2, high)

    def _fitted(self, fit: Survey) -> Generator[float, None, Tensor]:
        """The last layer for the training images as they are surveyed."""
        newest = fit_last_layer(
            fit.similarities, self._fit.labels, self._classes, self._weights, self.settings.sparsity, _ITERATIONS
        )
        found = self._weights
        for done, weights in enumerate(newest, 1):
            found = weights
            yield 1 - 0.9**done  # how many it takes is not known
        return found

    def _look(self, epoch: float, stage: str, fit: Survey | None = None) -> Generator[float, None, Survey]:
        """Take stock: where each prototype's nearest patch is, and what is classified rightly."""
        if fit is None:
            fit = yield from along(self._survey(self._fit), 0, 0.75)
        held = yield from along(self._survey(self._held), 0.75, 1)
        accuracies = [
            seen.accuracy(self._weights, side.labels) for seen, side in ((held, self._held), (fit, self._fit))
        ]
        self._history.append((float(epoch), *accuracies))
        self._known = self._known._replace(now=accuracies[0], own=self._own)
        self.value = self._teller.tell(
            self._network, self._weights, (self._fit, fit), (self._held, held), self._history, self._known, stage
        )
        yield 1.0
        return fit

    def _survey(self, side: Side) -> Generator[float, None, Survey]:
        return survey(self._network, side.maps, side.labels, self._classes)
