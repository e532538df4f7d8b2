"""Concepts joined by AND, OR and AND NOT."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Int
from torch import Tensor

from xaiwidgets.data._concepts.stores import Concept

OPERATIONS = ("AND", "OR", "AND NOT")


@dataclass(frozen=True)
class Formula:
    """A concept, or a shorter formula and one more concept: f AND c, f OR c, f AND NOT c.

    ``place`` is where the last concept c stands among those of its set, and ``name`` what it is called; ``left`` is f,
    None for a concept alone. Its length is how many concepts it has, its text their names, with parentheses wherever
    OR meets another operation.
    """

    place: int
    name: str
    left: "Formula | None" = None
    operation: str = ""

    def __len__(self) -> int:
        """How many concepts it has."""
        return 1 if self.left is None else len(self.left) + 1

    def __str__(self) -> str:
        """The formula in words."""
        if self.left is None:
            return self.name
        mixed = self.left.left is not None and (self.left.operation == "OR") != (self.operation == "OR")
        left = f"({self.left})" if mixed else str(self.left)
        return f"{left} {self.operation} {self.name}"

    @property
    def order(self) -> tuple[int, ...]:
        """Formulas are in the order of these numbers: shorter ones first, then by their concepts and operations."""
        if self.left is None:
            return 1, self.place
        return len(self), *self.left.order[1:], self.place, OPERATIONS.index(self.operation)

    def holds(self, has: Callable[[int], Bool[Tensor, "*pixel"]]) -> Bool[Tensor, "*pixel"]:
        """Where it is true, given where each of its concepts is."""
        concept = has(self.place)
        if self.left is None:
            return concept
        left = self.left.holds(has)
        if self.operation == "OR":
            return left | concept
        return left & (concept if self.operation == "AND" else ~concept)

    def mask(
        self, layers: Int[Tensor, "image layer row column"], whole: Bool[Tensor, "image concept"]
    ) -> Bool[Tensor, "image row column"]:
        """Where it is true in images with these labels, as a set's batches have them."""
        return self.holds(lambda place: (layers == place + 1).any(1) | whole[:, place, None, None])


def concept_names(concepts: Sequence[Concept]) -> tuple[str, ...]:
    """What concepts are called in a formula: the name, with the category where the name has several."""
    count = Counter(name for name, _ in concepts)
    return tuple(name if count[name] == 1 else f"{name} ({category})" for name, category in concepts)
