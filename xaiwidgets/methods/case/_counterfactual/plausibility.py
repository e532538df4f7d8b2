"""How far a feature vector lies from real ones, against how far each real one lies from the others."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods._neighbors.search import L2, ExactSearch

_AT_ONCE = 1 << 26  # multiplications of one step


class Neighborhood:
    """The mean distance to the ``neighbors`` nearest real examples: of each of them, held out, and of new ones."""

    def __init__(self, features: Float[Tensor, "row feature"], neighbors: int) -> None:
        self._rows, self._neighbors = features, min(neighbors, len(features) - 1)
        self._search = ExactSearch(features, L2)
        self.usual = features.new_empty(0)

    def read(self) -> Iterator[float]:
        """Fill in ``usual``, the real examples' distances in order of size; yields the share that is done."""
        count, found = len(self._rows), []
        step = max(1, _AT_ONCE // self._rows.numel())
        for start in range(0, count, step):
            own = torch.arange(start, min(start + step, count), device=self._rows.device)
            found.append(self.distance(self._rows[own], own))
            yield min(1.0, (start + step) / count)
        self.usual = torch.cat(found).sort().values

    def distance(
        self, features: Float[Tensor, "one feature"], own: Int[Tensor, "one"] | None = None
    ) -> Float[Tensor, "one"]:
        """The mean distance to the nearest examples; the row ``own`` (−1 for none) is not its own neighbour."""
        return self._search.nearest(features, self._neighbors, own).distances.mean(1).to(features)

    def told(
        self, features: Float[Tensor, "one feature"], own: Int[Tensor, "one"] | None = None
    ) -> tuple[Float[Tensor, "one"], Float[Tensor, "one"]]:
        """The share of real examples that lie at least as far, and the distance over their median."""
        distance = self.distance(features, own)
        nearer = torch.searchsorted(self.usual, distance)  # how many real ones lie nearer
        median = self.usual[len(self.usual) // 2].clamp(min=1e-12)
        return 1 - nearer.to(distance) / len(self.usual), distance / median
