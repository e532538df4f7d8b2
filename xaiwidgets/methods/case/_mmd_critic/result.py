"""Prototypes and criticisms."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.case._prototypes.nearest import nearest_first


@dataclass(frozen=True, eq=False)
class PrototypesAndCriticisms:
    """Which rows stand for the set, which are badly stood for, and what can be checked.

    ``prototypes`` and ``criticisms`` are rows in the order in which they were found. ``mmd2`` is MMD² between the set
    and the first 1, 2, … prototypes: 0 for equal distributions, at most 2. ``witness`` is w(x) of each criticism:
    positive where images like it are commoner in the set than among the prototypes, negative where they are rarer.
    ``nearest`` is for each row the place of its nearest prototype in ``prototypes``, −1 before there is one, and
    ``distance`` how far that is.

    ``random_mmd2`` has MMD² of random sets, a row for each of 20 draws. ``accuracy`` is how often the nearest prototype
    has the label of a row that is none itself, ``random_accuracy`` that of the random sets; NaN and
    none without labels or other rows.
    ``kernel_gamma`` is γ / m², in k(x, x') = exp(−γ d² / m²) the factor of the squared distance; ``stage`` says what is
    being done.
    """

    prototypes: Int[Tensor, "prototype"]
    criticisms: Int[Tensor, "criticism"]
    mmd2: Float[Tensor, "prototype"]
    witness: Float[Tensor, "criticism"]
    nearest: Int[Tensor, "row"]
    distance: Float[Tensor, "row"]
    labels: Int[Tensor, "row"]
    random_mmd2: Float[Tensor, "draw size"]
    random_accuracy: Float[Tensor, "draw_done"]
    accuracy: float = float("nan")
    kernel_gamma: float = float("nan")
    stage: str = "reading features"

    @property
    def stands_for(self) -> Int[Tensor, "prototype"]:
        """How many rows each prototype is the nearest of, itself among them."""
        found = self.nearest[self.nearest >= 0]
        return found.bincount(minlength=len(self.prototypes))

    def members(self, place: int) -> Int[Tensor, "member"]:
        """The rows whose nearest prototype is that at ``place``, the nearest first."""
        return nearest_first(self.nearest == place, self.distance)

    def meaning(self, place: int) -> str:
        """What a criticism criticises, in words."""
        if float(self.witness[place]) > 0:
            return "under-represented: the prototypes hold too few like it"
        return "over-represented: the prototypes hold too many like it"
