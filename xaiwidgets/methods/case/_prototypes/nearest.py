"""The nearest prototype of each row, and how good a classifier that makes."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

DRAWS = 20
"""Random sets that are compared with."""


class Nearest:
    """The nearest of the prototypes so far for each row, kept up to date; of equally near ones the first."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self._best = torch.full((rows,), torch.inf, dtype=torch.float64, device=device)
        self.places = torch.full((rows,), -1, device=device)
        self._count = 0

    def add(self, squared: Float[Tensor, "row"]) -> None:
        """One more prototype, by its squared distances from all rows."""
        nearer = squared < self._best
        self.places = torch.where(nearer, self._count, self.places)
        self._best = torch.where(nearer, squared, self._best)
        self._count += 1

    @property
    def distances(self) -> Float[Tensor, "row"]:
        """The distance of each row from its nearest prototype; infinite before there is one."""
        return self._best.sqrt()


def nearest_first(rows: Bool[Tensor, "row"], distances: Float[Tensor, "row"]) -> Int[Tensor, "member"]:
    """The places where ``rows`` holds, by distance; of equal ones the first."""
    places = rows.nonzero().flatten()
    return places[distances[places].sort(stable=True).indices]


def nearest_of(squared: Float[Tensor, "prototype row"]) -> Int[Tensor, "row"]:
    """The place of the nearest prototype of each row."""
    found = Nearest(squared.shape[1], squared.device)
    for column in squared:
        found.add(column)
    return found.places


def accuracy(prototypes: Int[Tensor, "prototype"], nearest: Int[Tensor, "row"], labels: Int[Tensor, "row"]) -> float:
    """How often the nearest prototype has the label of a row that is none itself; NaN without such rows or labels."""
    others = torch.ones(len(labels), dtype=torch.bool, device=labels.device)
    others[prototypes] = False
    if not others.any() or not len(prototypes) or bool((labels < 0).any()):
        return float("nan")
    return float((labels[prototypes][nearest] == labels)[others].double().mean())


def random_rows(rows: int, count: int, seed: int, device: torch.device) -> Int[Tensor, "draw count"]:
    """Sets of so many different rows at random; a smaller count gives the beginnings of the same sets."""
    drawn = [
        torch.randperm(rows, generator=torch.Generator().manual_seed(seed * DRAWS + draw))[:count]
        for draw in range(DRAWS)
    ]
    return torch.stack(drawn).to(device)
