"""Prototypes one after the other, then criticisms: the greedy searches of MMD-critic."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.case._mmd_critic.kernel import Kernel
from xaiwidgets.methods.case._prototypes.distances import first_largest

_LEAST = 1e-12  # of what the chosen criticisms leave unexplained of a row: its logarithm must be a number


class Search:
    """Prototypes in their order; more can be asked for at any time, and fewer are the first of them."""

    def __init__(self, kernel: Kernel, means: Float[Tensor, "row"]) -> None:
        self.kernel, self.means = kernel, means
        self.order: list[int] = []
        self.mmd2: list[float] = []
        self.squared: list[Tensor] = []
        self._sums = torch.zeros_like(means)  # of the kernel of each row with the chosen ones
        self._linear = self._square = 0.0

    def extend(self, count: int) -> None:
        """Choose until there are so many.

        J(S ∪ i) = 2/(n m) Σ_{x, s} k(x, s) − 1/m² Σ_{s, s'} k(s, s') for every i at once, from sums that are kept;
        MMD² is the mean of the kernel over all pairs of rows less J.
        """
        while len(self.order) < count:
            size = len(self.order) + 1
            linear, square = self._linear + self.means, self._square + 2 * self._sums + 1
            gain = 2 / size * linear - square / size**2
            gain[self.order] = -torch.inf
            best = first_largest(gain)
            squared, column = self.kernel.column(best)
            self._linear, self._square = float(linear[best]), float(square[best])
            self._sums = self._sums + column
            self.order.append(best)
            self.squared.append(squared)
            self.mmd2.append(max(0.0, float(self.means.mean() - gain[best])))

    def witness(self, count: int) -> Float[Tensor, "row"]:
        """w(x) of every row: the mean of the kernel with all rows less that with the first prototypes."""
        chosen = torch.tensor(self.order[:count], device=self.means.device)
        return self.means - self.kernel.of(torch.stack(self.squared[:count]), chosen).mean(0)


def criticisms(
    kernel: Kernel, witness: Float[Tensor, "row"], taken: list[int], count: int, spread: float
) -> Iterator[int]:
    """Rows with a large |w| that are unlike each other: greedy for Σ|w| / max|w| + spread · log det K.

    What a row adds to the log-determinant is the logarithm of what the chosen ones leave unexplained of it: a column of
    the Cholesky factor for each that is chosen keeps that up to date.
    """
    size = witness.abs()
    size = size / size.max().clamp(min=_LEAST)
    left = torch.ones_like(witness)
    factor: list[Tensor] = []
    chosen = list(taken)
    for _ in range(count):
        gain = size + spread * left.clamp(min=_LEAST).log()
        gain[chosen] = -torch.inf
        best = first_largest(gain)
        chosen.append(best)
        yield best
        column = kernel.column(best)[1]
        for earlier in factor:
            column = column - earlier * earlier[best]
        factor.append(column / left[best].clamp(min=_LEAST).sqrt())
        left = (left - factor[-1].square()).clamp(min=0)


def random_mmd2(search: Search, sets: Int[Tensor, "draw size"]) -> Float[Tensor, "draw size"]:
    """MMD² of the first 1, 2, … rows of random sets."""
    sizes = torch.arange(1, sets.shape[1] + 1, dtype=torch.float64, device=sets.device)
    found = []
    for rows in sets:
        square = search.kernel.between(rows).cumsum(0).cumsum(1).diagonal()
        found.append(search.means.mean() - 2 / sizes * search.means[rows].cumsum(0) + square / sizes**2)
    return torch.stack(found).clamp(min=0)
