"""A cover of labelled rows by balls around prototypes."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.case._prototypes.nearest import nearest_first


@dataclass(frozen=True, eq=False)
class Cover:
    """Which rows are prototypes, and which rows their balls cover.

    ``prototypes`` are rows in the order in which they were chosen. ``newly`` is how many rows of its own label each
    covered that none before had, ``wrongly`` how many rows of other labels lie in its ball; ``objective`` is the
    paper's after each: uncovered rows + weight · rows in balls of another label (each as often as that happens) + λ ·
    prototypes. ``covered`` and ``wrong`` are shares of all rows, in [0, 1], after each prototype: covered by a ball
    of their own label, and lying in at least one of another.

    ``covered_by`` is for each row the place of the first prototype of its label whose ball it lies in, −1 for none;
    ``wrong_balls`` in how many balls of other labels it lies; ``gap`` how many uncovered rows of its label lie within
    ``radius`` of it, itself among them: large in the middle of what is left out. ``nearest`` is the place of the
    nearest prototype of any label, −1 before there is one.

    ``random_covered`` and ``random_wrong`` are the shares for random rows with the same labels in the same order, a row
    for each of 20 draws; ``accuracy`` is how often the nearest prototype has the label of a row that is none itself,
    ``random_accuracy`` that of the random rows; NaN and none
    where every row is a prototype or none is. ``radius`` is the radius of all balls, ``exhausted`` says that
    no further prototype would lower the objective.
    """

    prototypes: Int[Tensor, "prototype"]
    newly: Int[Tensor, "prototype"]
    wrongly: Int[Tensor, "prototype"]
    objective: Float[Tensor, "prototype"]
    covered: Float[Tensor, "prototype"]
    wrong: Float[Tensor, "prototype"]
    covered_by: Int[Tensor, "row"]
    distance: Float[Tensor, "row"]
    wrong_balls: Int[Tensor, "row"]
    gap: Int[Tensor, "row"]
    nearest: Int[Tensor, "row"]
    labels: Int[Tensor, "row"]
    random_covered: Float[Tensor, "draw size"]
    random_wrong: Float[Tensor, "draw size"]
    random_accuracy: Float[Tensor, "draw_done"]
    accuracy: float = float("nan")
    radius: float = float("nan")
    exhausted: bool = False
    stage: str = "reading features"

    @property
    def uncovered(self) -> Int[Tensor, "uncovered"]:
        """The rows in no ball of their label, those in the middle of most others first, then in their order."""
        rows = (self.covered_by < 0).nonzero().flatten()
        return rows[self.gap[rows].sort(descending=True, stable=True).indices]

    @property
    def wrongly_covered(self) -> Int[Tensor, "wrong"]:
        """The rows in a ball of another label, in their order."""
        return (self.wrong_balls > 0).nonzero().flatten()

    def members(self, place: int) -> Int[Tensor, "member"]:
        """The rows that the prototype at ``place`` was the first of their label to cover, the nearest first."""
        return nearest_first(self.covered_by == place, self.distance)

    def covered_of(self, label: int) -> float:
        """The share of the rows of one label that are covered; NaN where there are none."""
        return float((self.covered_by[self.labels == label] >= 0).double().mean())
