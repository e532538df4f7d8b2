"""The run of MMD-critic: the kernel's means, prototypes, criticisms, and the check by random sets."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.methods.case._mmd_critic.kernel import Kernel
from xaiwidgets.methods.case._mmd_critic.result import PrototypesAndCriticisms
from xaiwidgets.methods.case._mmd_critic.search import Search, criticisms, random_mmd2
from xaiwidgets.methods.case._prototypes.distances import Distances
from xaiwidgets.methods.case._prototypes.nearest import Nearest, accuracy, nearest_of, random_rows
from xaiwidgets.methods.case._prototypes.rows import Rows

if TYPE_CHECKING:
    from xaiwidgets.methods.case.mmd_critic import MMDCritic

Answers = Generator[Step[PrototypesAndCriticisms], None, PrototypesAndCriticisms | None]

READ, COMPARED, STOOD, CRITICISED, TOTAL = 40.0, 55.0, 75.0, 85.0, 100.0  # percent done after each stage


def room(settings: "MMDCritic", rows: int) -> tuple[int, int]:
    """How many prototypes and criticisms there can be among so many rows."""
    prototypes = min(settings.prototypes, rows)
    return prototypes, min(settings.criticisms, rows - prototypes)


def refuse_few(settings: "MMDCritic", rows: int) -> None:
    """Raise where more is asked for than there are rows."""
    if settings.prototypes + settings.criticisms > rows:
        raise XaiwidgetsError(
            f"prototypes={settings.prototypes} and criticisms={settings.criticisms} were given for {rows} examples; "
            f"give at most {rows} together."
        )


def blank(labels: Int[Tensor, "row"]) -> PrototypesAndCriticisms:
    """The answer before anything is known."""
    none = labels.new_empty(0)
    numbers = torch.empty(0, dtype=torch.float64, device=labels.device)
    nearest = Nearest(len(labels), labels.device)
    return PrototypesAndCriticisms(
        *(none, none, numbers, numbers, nearest.places, nearest.distances),
        *(labels, numbers.view(0, 0), numbers),
    )


class Critic:
    """Answers for one set of rows; what is known of a kernel is used again as long as γ stays."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._distances = rows, Distances(rows.features)
        self._search: Search | None = None
        self._scale = median_squared(self._distances)

    def answers(self, settings: "MMDCritic") -> Answers:
        """Yield ever better answers."""
        value = blank(self._rows.labels)
        for share in self._compare(settings):
            yield _step(replace(value, stage="comparing all with all"), READ, COMPARED, share)
        search, (count, wanted) = self._search, room(settings, len(self._distances))
        sets = random_rows(len(self._distances), count, settings.seed, search.means.device)
        value = replace(value, random_mmd2=random_mmd2(search, sets), kernel_gamma=search.kernel.gamma)
        value = yield from self._stand(value, count)
        value = yield from self._criticise(value, wanted, settings.spread)
        yield from self._check(value, sets)

    def _compare(self, settings: "MMDCritic") -> Iterator[float]:
        """Yield the share of the kernel's means that is known; a search with the same kernel goes on."""
        gamma = settings.gamma / self._scale
        if self._search is None or self._search.kernel.gamma != gamma:
            kernel = Kernel(self._rows, self._distances, gamma, per_class=settings.per_class)
            means = kernel.means()
            while (known := next(means)).whole is None:
                yield known.share
            self._search = Search(kernel, known.whole)

    def _stand(self, value: PrototypesAndCriticisms, count: int) -> Answers:
        search, nearest = self._search, Nearest(len(self._distances), value.labels.device)
        for place in range(count):
            search.extend(place + 1)
            nearest.add(search.squared[place])
            value = replace(
                value,
                prototypes=torch.tensor(search.order[: place + 1], device=value.labels.device),
                mmd2=torch.tensor(search.mmd2[: place + 1], dtype=torch.float64, device=value.labels.device),
                nearest=nearest.places,
                distance=nearest.distances,
                stage="choosing prototypes",
            )
            yield _step(value, COMPARED, STOOD, (place + 1) / count)
        return value

    def _criticise(self, value: PrototypesAndCriticisms, count: int, spread: float) -> Answers:
        search, taken = self._search, value.prototypes.tolist()
        witness, found = search.witness(len(taken)), []
        for row in criticisms(search.kernel, witness, taken, count, spread):
            found.append(row)
            chosen = torch.tensor(found, device=witness.device)
            value = replace(value, criticisms=chosen, witness=witness[chosen], stage="choosing criticisms")
            yield _step(value, STOOD, CRITICISED, len(found) / count)
        return value

    def _check(self, value: PrototypesAndCriticisms, sets: Int[Tensor, "draw size"]) -> Answers:
        """The accuracy of the nearest prototype, and that of the nearest of each random set, where it is defined."""
        own, found = accuracy(value.prototypes, value.nearest, value.labels), []
        value = replace(value, accuracy=own)
        for rows in sets if own == own else ():  # noqa: PLR0124 - not a number
            found.append(accuracy(rows, nearest_of(self._distances.squared(rows)), value.labels))
            random = torch.tensor(found, dtype=torch.float64, device=value.labels.device)
            value = replace(value, random_accuracy=random, stage="comparing with random sets")
            yield _step(value, CRITICISED, TOTAL, min(0.99, len(found) / len(sets)))
        value = replace(value, stage="done")
        yield _step(value, CRITICISED, TOTAL, 1)
        return value


def _step(value: PrototypesAndCriticisms, start: float, end: float, share: float) -> Step[PrototypesAndCriticisms]:
    return Step(value, done=start + (end - start) * share, total=TOTAL)


def median_squared(distances: Distances) -> float:
    """The median squared distance between two rows, the mean where that is 0, and 1 where all rows are equal."""
    pairs = distances.pairs()
    if not len(pairs):
        return 1.0
    return float(pairs[len(pairs) // 2]) or float(pairs.mean()) or 1.0
