"""The run of a set cover: count what lies in the balls, choose prototypes, compare with random ones."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.methods.case._prototypes.distances import Distances
from xaiwidgets.methods.case._prototypes.nearest import DRAWS, accuracy, nearest_of
from xaiwidgets.methods.case._prototypes.rows import Rows
from xaiwidgets.methods.case._set_cover.balls import Balls, Counts, Greedy
from xaiwidgets.methods.case._set_cover.result import Cover
from xaiwidgets.methods.case._set_cover.tally import Tally, same_labels, shares

if TYPE_CHECKING:
    from xaiwidgets.methods.case.set_cover import SetCover

Answers = Generator[Step[Cover], None, Cover | None]

READ, COUNTED, CHOSEN, TOTAL = 40.0, 60.0, 85.0, 100.0  # percent done after each stage


def blank(labels: Int[Tensor, "row"]) -> Cover:
    """The answer before anything is known."""
    none, zeros = labels.new_empty(0), torch.zeros_like(labels)
    numbers = torch.empty(0, dtype=torch.float64, device=labels.device)
    return Cover(
        *(none, none, none, numbers, numbers, numbers),
        *(zeros - 1, torch.full(labels.shape, torch.inf, dtype=torch.float64, device=labels.device)),
        *(zeros, zeros, zeros - 1, labels),
        *(numbers.view(0, 0), numbers.view(0, 0), numbers),
    )


class Coverer:
    """Answers for one set of rows; what was counted and chosen is used again where it still holds."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._distances = rows, Distances(rows.features)
        self._pairs = self._distances.pairs()
        self._balls: Balls | None = None
        self._counts: Counts | None = None
        self._greedy: tuple[tuple[float, ...], Greedy] | None = None

    def radius(self, epsilon: float) -> float:
        """The distance below which ``epsilon`` percent of the pairs are; 0 for a single row."""
        last = len(self._pairs) - 1
        return 0.0 if last < 0 else float(self._pairs[min(last, round(epsilon / 100 * last))].sqrt())

    def answers(self, settings: "SetCover") -> Answers:
        """Yield ever better answers."""
        value = replace(blank(self._rows.labels), radius=self.radius(settings.epsilon), stage="counting what is near")
        for share in self._count(value.radius):
            yield _step(value, READ, COUNTED, share)
        value = yield from self._choose(value, settings)
        yield from self._check(value, settings.seed)

    def _count(self, radius: float) -> Iterator[float]:
        if self._balls is not None and self._balls.radius == radius:
            return
        balls = Balls(self._rows, self._distances, radius)
        counting = balls.counts()
        while (counts := next(counting)).whole is None:
            yield counts.share
        self._balls, self._counts, self._greedy = balls, counts.whole, None

    def _choose(self, value: Cover, settings: "SetCover") -> Answers:
        greedy, tally = self._search(settings), Tally(self._rows.labels, settings.wrong_weight, settings.cost)
        for place in range(settings.count):
            if place == len(greedy.chosen):
                row = greedy.best()
                if row is None:
                    break
                for share in greedy.take(row):
                    yield _step(value, COUNTED, CHOSEN, (place + share) / settings.count)
            tally.add(greedy.chosen[place])
            gap = greedy.gap if place + 1 == len(greedy.chosen) else value.gap
            value = replace(value, gap=gap, stage="choosing prototypes", **tally.fields())
            yield _step(value, COUNTED, CHOSEN, (place + 1) / settings.count)
        return replace(value, gap=greedy.gap, exhausted=greedy.best() is None)

    def _search(self, settings: "SetCover") -> Greedy:
        """The search that goes on where only the count grew, else a new one."""
        key = (settings.wrong_weight, settings.cost)
        if self._greedy is None or self._greedy[0] != key or len(self._greedy[1].chosen) > settings.count:
            self._greedy = (key, Greedy(self._balls, self._counts, *key))
        return self._greedy[1]

    def _check(self, value: Cover, seed: int) -> Answers:
        """The same with random rows of the same labels; nothing where there are no prototypes."""
        labels, covered, wrong, right = value.labels, [], [], []
        value = replace(value, accuracy=accuracy(value.prototypes, value.nearest, labels))
        for draw in range(DRAWS if len(value.prototypes) else 0):
            rows = same_labels(labels, value.prototypes, seed * DRAWS + draw)
            squared = self._distances.squared(rows)
            curves = shares(self._balls.holds(squared), labels[rows], labels)
            covered.append(curves[0])
            wrong.append(curves[1])
            if value.accuracy == value.accuracy:
                right.append(accuracy(rows, nearest_of(squared), labels))
            value = replace(
                value,
                random_covered=torch.stack(covered),
                random_wrong=torch.stack(wrong),
                random_accuracy=torch.tensor(right, dtype=torch.float64, device=labels.device),
                stage="comparing with random rows",
            )
            yield _step(value, CHOSEN, TOTAL, min(0.99, (draw + 1) / DRAWS))
        value = replace(value, stage="done")
        yield _step(value, CHOSEN, TOTAL, 1)
        return value


def _step(value: Cover, start: float, end: float, share: float) -> Step[Cover]:
    return Step(value, done=start + (end - start) * share, total=TOTAL)
