"""Which computation a head gets, and why."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._influence.exact import inverse_bytes
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem
from xaiwidgets.models.memory import free_memory

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.influence import InfluenceFunctions

EXACT, PRODUCTS = "exact head", "conjugate gradients"
EXACT_UP_TO = 20_000  # parameters: the inverse of so many takes 3.2 GB
TOGETHER = 8  # test rows that are solved for at once


@dataclass(frozen=True)
class Tier:
    """The computation that was chosen, why, and the bytes that it takes besides the features."""

    name: str
    reason: str
    bytes: int


def tier_of(settings: "InfluenceFunctions", problem: HeadProblem, tests: int, *, known: bool) -> Tier:
    """Exact for a small head, conjugate gradients beyond; raises where the memory is too small for what is asked.

    ``known``: the inverse is there already, and takes no more memory.
    """
    free, answers = free_memory(problem.features.device), 8 * tests * problem.rows
    exact, size = inverse_bytes(problem), f"{problem.size:,} parameters"
    if answers > free // 2:
        raise XaiwidgetsError(
            f"The effects of {problem.rows:,} training on {tests:,} test examples take {_words(answers)}, "
            f"{_words(free)} are free; give fewer test examples."
        )
    fits = known or exact <= free // 2
    if settings.solver == "cg" or (settings.solver == "auto" and (problem.size > EXACT_UP_TO or not fits)):
        why = "asked for" if settings.solver == "cg" else f"the inverse would take {_words(exact)}"
        vectors = 8 * 4 * TOGETHER * problem.size
        return Tier(PRODUCTS, f"{size}: {why}", vectors + answers)
    if not fits:
        raise XaiwidgetsError(
            f"The exact inverse for {size} takes {_words(exact)}, {_words(free)} are free; choose solver='cg'."
        )
    why = f"the inverse takes {_words(exact)}"
    return Tier(EXACT, f"{size}: {why}", exact + answers + 4 * problem.rows * problem.classes**2)


def _words(count: int) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:  # noqa: PLR2004 - the next unit
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
