"""What the prototypes so far cover, and what random rows of the same labels would."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.case._prototypes.nearest import Nearest
from xaiwidgets.methods.case._set_cover.balls import Chosen


class Tally:
    """The fields of a `Cover` that grow with each prototype."""

    def __init__(self, labels: Int[Tensor, "row"], weight: float, cost: float) -> None:
        self._labels, self._weight, self._cost = labels, weight, cost
        self._chosen: list[Chosen] = []
        self._covered_by = torch.full_like(labels, -1)
        self._distance = torch.full(labels.shape, torch.inf, dtype=torch.float64, device=labels.device)
        self._wrong_balls = torch.zeros_like(labels)
        self._nearest = Nearest(len(labels), labels.device)
        self._curves: list[tuple[float, float, float]] = []  # objective, covered, wrong

    def add(self, chosen: Chosen) -> None:
        """One more prototype."""
        own = self._labels == self._labels[chosen.row]
        fresh = chosen.within & own & (self._covered_by < 0)
        self._covered_by = torch.where(fresh, len(self._chosen), self._covered_by)
        self._distance = torch.where(fresh, chosen.squared.sqrt(), self._distance)
        self._wrong_balls = self._wrong_balls + (chosen.within & ~own)
        self._nearest.add(chosen.squared)
        self._chosen.append(chosen)
        covered, wrong = (part.double() for part in (self._covered_by >= 0, self._wrong_balls))
        objective = float((1 - covered).sum() + self._weight * wrong.sum()) + self._cost * len(self._chosen)
        self._curves.append((objective, float(covered.mean()), float((wrong > 0).double().mean())))

    def fields(self) -> dict[str, Any]:
        """Those fields by name; nothing of them is written to later."""
        device = self._labels.device
        rows, newly, wrongly = ([chosen[place] for chosen in self._chosen] for place in range(3))
        curves = torch.tensor(self._curves, dtype=torch.float64, device=device).T
        return {
            "prototypes": torch.tensor(rows, device=device),
            "newly": torch.tensor(newly, device=device),
            "wrongly": torch.tensor(wrongly, device=device),
            "objective": curves[0],
            "covered": curves[1],
            "wrong": curves[2],
            "covered_by": self._covered_by,
            "distance": self._distance,
            "wrong_balls": self._wrong_balls,
            "nearest": self._nearest.places,
        }


def shares(
    within: Bool[Tensor, "prototype row"], kinds: Int[Tensor, "prototype"], labels: Int[Tensor, "row"]
) -> tuple[Float[Tensor, "prototype"], Float[Tensor, "prototype"]]:
    """The shares of rows that lie in a ball of their label, and of another, after each prototype."""
    own = kinds[:, None] == labels
    covered, wrong = ((within & part).cumsum(0) > 0 for part in (own, ~own))
    return covered.double().mean(1), wrong.double().mean(1)


def same_labels(labels: Int[Tensor, "row"], like: Int[Tensor, "prototype"], seed: int) -> Int[Tensor, "prototype"]:
    """Different random rows with the labels of the rows ``like``, in their order."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).to(labels.device)
    rows, wanted = torch.empty_like(like), labels[like]
    for label in wanted.unique():
        places = (wanted == label).nonzero().flatten()
        rows[places] = order[labels[order] == label][: len(places)]
    return rows
