"""The run: answers are read, the confident ones partitioned, and one after another asked about."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaiwidgets.data import ImageSet
from xaiwidgets.methods._answers import class_names_of, images_for, probabilities_of, refuse_classes
from xaiwidgets.methods.model_inspection._unknowns.chance import band
from xaiwidgets.methods.model_inspection._unknowns.inputs import (
    LABELS,
    refuse_budget,
    refuse_decisions,
    refuse_without_labels,
)
from xaiwidgets.methods.model_inspection._unknowns.oracle import AnswerOracle, LabelOracle, Oracle
from xaiwidgets.methods.model_inspection._unknowns.partitions import partitioned, scaled
from xaiwidgets.methods.model_inspection._unknowns.policies import GuidedSearch, Policy, baselines
from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import read_features

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.unknown_unknowns import UnknownUnknowns

TOTAL = 100.0
_READ, _DIVIDED = 50.0, 60.0  # of it: what is done once all is read, and divided


class Exploring:
    """The state of one run; `steps` goes through it, `value` is the answer so far, ``now`` are the newest settings."""

    def __init__(self, settings: "UnknownUnknowns", model: ImageModel, images: Any) -> None:
        self.settings, self.now, self.model = settings, settings, model
        self.images: ImageSet = images_for(model, images)
        self.by_labels = settings.oracle == LABELS
        if self.by_labels:
            refuse_without_labels(self.images)
        else:
            refuse_decisions(settings, len(self.images))
        self._labels = self.images.labels if self.by_labels else None
        self._of, self.partition, self.seen, self.classes = None, None, 0, 0
        self._guided: GuidedSearch | None = None
        self._asked = _Asked(settings.budget)
        self._beside: dict[str, _Asked] = {}
        self._band, self.total, self.asking = torch.zeros((3, 0), dtype=torch.int64), None, -1

    def steps(self) -> Iterator[float]:
        """Yield how much of `TOTAL` is done after each batch of images, each cut, and each query."""
        for share in self._read():
            yield _READ * share
        for share in self._divide():
            yield _READ + (_DIVIDED - _READ) * share
        for share in self._search():
            yield _DIVIDED + (TOTAL - _DIVIDED) * share

    def _read(self) -> Iterator[float]:
        """Yield after each batch of images which share of them is read."""
        for step in read_features(self.model, self.images, self.settings.layer, outputs=True):
            self._features = step.value.values
            probabilities = probabilities_of(step.value.outputs, self.model)
            top = probabilities.max(1)
            self.confidence, self.predicted = top.values.cpu(), top.indices.cpu()
            if self.by_labels and not self.classes:
                refuse_classes(self._labels, probabilities.shape[1], self.model)
            self.seen, self.classes = len(top.values), probabilities.shape[1]
            self.confident = (self.confidence >= self.settings.threshold).nonzero().flatten()
            yield step.progress

    def _divide(self) -> Iterator[float]:
        """Yield the share of the cuts that is made; then every confident image has its partition."""
        settings, rows = self.settings, self.confident
        refuse_budget(settings, self.confidence, rows)
        device = self._features.device
        chosen, answers, confidence = (
            part[rows.to(part.device)].to(device) for part in (self._features, self.predicted, self.confidence)
        )
        points = scaled(chosen, confidence, settings.weight)
        for of, share in partitioned(points, answers, settings.partitions, settings.seed):
            self._of = of
            yield share
        self.partition = self._of.cpu()

    def _search(self) -> Iterator[float]:
        """Yield after each query which share of the budget is spent; 1 too where nobody has answered it yet."""
        self._guided = GuidedSearch(self.partition, self.settings.seed)
        oracle, others = self._oracle(), self._others()
        for query in range(self.settings.budget):
            if not self._ask(self._guided, self._asked, oracle):
                yield 1.0
                return
            for name, (policy, theirs) in others.items():
                self._ask(policy, self._beside[name], theirs)
            yield (query + 1) / self.settings.budget

    def value(self) -> GuidedExploration:
        """The answer so far."""
        settings, count, guided = self.now, len(self._asked), self._guided
        none = torch.zeros(0, dtype=torch.double)
        theirs = list(self._beside.values())
        return GuidedExploration(
            confident=self.confident,
            answers=self.predicted[self.confident],
            confidence=self.confidence[self.confident],
            partition=torch.full_like(self.confident, -1) if self.partition is None else self.partition,
            queried=self._asked.images[:count],
            wrong=self._asked.wrong[:count],
            labels=self._asked.labels[:count],
            means=none if guided is None else torch.tensor(guided.means).double(),
            bonuses=none if guided is None else torch.tensor(guided.bonuses(settings.exploration)).double(),
            baseline_queries=_stacked([one.images[:count] for one in theirs], count),
            baseline_wrong=_stacked([one.wrong[:count] for one in theirs], count).bool(),
            band=self._band,
            baselines=tuple(self._beside),
            seen=self.seen,
            images=len(self.images),
            threshold=settings.threshold,
            budget=settings.budget,
            cost=settings.cost,
            total=self.total,
            asking=self.asking,
            class_names=class_names_of(self.model, self.images, self.classes),
        )

    def _ask(self, policy: Policy, asked: "_Asked", oracle: Oracle) -> bool:
        """One query of one policy; False where nobody has answered it yet."""
        image = int(self.confident[policy.choose(self.now.exploration)])
        verdict = oracle(image)
        if verdict is None:
            self.asking = image
            return False
        policy.learn(wrong=verdict.wrong)
        asked.add(image, *verdict)
        return True

    def _oracle(self) -> Oracle:
        """One for each policy: what one has asked, another does not know."""
        if self.by_labels:
            return LabelOracle(self._labels, self.predicted)
        return AnswerOracle(self.settings.right, self.settings.wrong)

    def _others(self) -> dict[str, tuple[Policy, Oracle]]:
        """The policies to compare with, and what chance alone would find: only labels can tell."""
        if not self.by_labels:
            return {}
        self.total = int((self._labels[self.confident] != self.predicted[self.confident]).sum())
        self._band = band(len(self.confident), self.total, self.settings.budget)
        confidence = self.confidence[self.confident]
        policies = baselines(self.partition, confidence, self.settings.seed, self.settings.epsilon)
        self._beside = {name: _Asked(self.settings.budget) for name in policies}
        return {name: (policy, self._oracle()) for name, policy in policies.items()}


class _Asked:
    """Images and verdicts in their order, with room for all: rows that were given out are never written again."""

    def __init__(self, budget: int) -> None:
        self.images, self.labels = torch.zeros((2, budget), dtype=torch.int64)
        self.wrong = torch.zeros(budget, dtype=torch.bool)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, image: int, wrong: bool, label: int) -> None:
        """Keep another."""
        for row, entry in ((self.images, image), (self.wrong, wrong), (self.labels, label)):
            row[self._count] = entry
        self._count += 1


def _stacked(rows: list[Tensor], count: int) -> Tensor:
    return torch.stack(rows) if rows else torch.zeros((0, count), dtype=torch.int64)
