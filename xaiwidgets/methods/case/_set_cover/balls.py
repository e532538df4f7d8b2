"""Balls of one radius around every row, and the greedy choice among them."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods.case._prototypes.distances import Distances, first_largest
from xaiwidgets.methods.case._prototypes.rows import Rows


class Counts(NamedTuple):
    """How many rows of its own label, itself among them, and of others lie in the ball around each row."""

    own: Int[Tensor, "row"]
    other: Int[Tensor, "row"]


class Known(NamedTuple):
    """The share of the rows that is counted, and the counts once that is all."""

    share: float
    whole: Counts | None


class Balls:
    """Which rows lie within the radius of which; a row lies in its own ball."""

    def __init__(self, rows: Rows, distances: Distances, radius: float) -> None:
        self.labels, self.radius, self._rows, self._distances = rows.labels, radius, rows, distances
        self._members = {int(label): (rows.labels == label).nonzero().flatten() for label in rows.labels.unique()}
        self._reach = radius**2 + distances.rounding

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._distances)

    def around(self, row: int) -> tuple[Float[Tensor, "row"], Bool[Tensor, "row"]]:
        """The squared distances of all rows from one, and which lie in its ball."""
        squared = self._distances.squared(torch.tensor([row], device=self.labels.device))[0]
        return squared, self.holds(squared)

    def holds(self, squared: Float[Tensor, "*rows"]) -> Bool[Tensor, "*rows"]:
        """Which squared distances lie within the radius; rounding does not decide."""
        return squared <= self._reach

    def members(self, label: int) -> Int[Tensor, "member"]:
        """The rows of a label."""
        return self._members[label]

    def reaching(self, rows: Int[Tensor, "some"], label: int) -> Iterator[tuple[int, Int[Tensor, "member"]]]:
        """Yield in pieces how many of ``rows`` lie in the ball around each row of a label, with the piece's length."""
        members = self._members[label]
        for piece in self._distances.pieces(rows, len(members)):
            yield len(piece), self.holds(self._distances.squared(piece, members)).sum(0)

    def counts(self) -> Iterator[Known]:
        """Yield how far is counted, at last the counts; they are kept by content."""
        key = f"balls {self._rows.key} {self.radius!r}"
        known = RESULTS.get(key)
        if known is not None:
            yield Known(1.0, known)
            return
        own, total, done = torch.zeros_like(self.labels), torch.zeros_like(self.labels), 0
        for members in self._members.values():
            for piece in self._distances.pieces(members, len(self)):
                within = self.holds(self._distances.squared(piece))
                own[piece], total[piece] = within[:, members].sum(1), within.sum(1)
                done += len(piece)
                if done < len(self):
                    yield Known(done / len(self), None)
        counts = Counts(own, total - own)
        RESULTS.put(key, counts, 2 * own.numel() * own.element_size())
        yield Known(1.0, counts)


class Chosen(NamedTuple):
    """One prototype: its row, what it covers newly and wrongly, and what lies in its ball."""

    row: int
    newly: int
    wrongly: int
    squared: Float[Tensor, "row"]
    within: Bool[Tensor, "row"]


class Greedy:
    """Prototypes in their order; more can be asked for at any time."""

    def __init__(self, balls: Balls, counts: Counts, weight: float, cost: float) -> None:
        self._balls = balls
        self._worth = -weight * counts.other.double() - cost
        self.gap = counts.own.clone()
        self._uncovered = torch.ones(len(balls), dtype=torch.bool, device=balls.labels.device)
        self._other = counts.other
        self.chosen: list[Chosen] = []

    def best(self) -> int | None:
        """The row whose ball lowers the objective most, None where none does."""
        gain = self.gap + self._worth
        row = first_largest(gain)
        return row if float(gain[row]) > 0 else None

    def take(self, row: int) -> Iterator[float]:
        """Make it a prototype; yields the share of the newly covered rows that are no longer counted as a gain."""
        label = int(self._balls.labels[row])
        squared, within = self._balls.around(row)
        fresh = within & self._uncovered & (self._balls.labels == label)
        rows, done = fresh.nonzero().flatten(), 0
        gap, members = self.gap.clone(), self._balls.members(label)
        for length, reached in self._balls.reaching(rows, label):
            gap[members] -= reached
            done += length
            if done < len(rows):
                yield done / len(rows)
        # All at once: a search that is dropped between two pieces must not be half changed.
        self.gap, self._uncovered = gap, self._uncovered & ~fresh
        self.chosen.append(Chosen(row, len(rows), int(self._other[row]), squared, within))
