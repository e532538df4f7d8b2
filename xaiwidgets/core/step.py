"""One answer so far."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """One answer of an explanation that is still being computed.

    ``value`` is the answer so far; the last step's value is the answer. ``done`` of ``total`` units of work lie behind
    it; ``done`` may be fractional when a long unit of work is cut, and it never falls.
    """

    value: T
    done: float
    total: float

    @property
    def progress(self) -> float:
        """The share of the work that is done, in [0, 1]."""
        return min(1.0, self.done / self.total) if self.total else 1.0
