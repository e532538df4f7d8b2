"""The swaps that turn one image's prediction into another's."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

QUERY, TARGET = 0, 1
"""The columns of ``probability``: the query's class and the distractor's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionSwaps:
    """Which cells of the query's map were replaced by which of the distractor's, until its class was predicted.

    ``edits`` are pairs (cell, other cell) in their order, cells numbered row by row on the ``grid`` (height, width);
    ``probability`` has the classes' (`QUERY`, `TARGET`) before the first edit and after each. ``flipped`` says whether
    ``target`` is the prediction after the last edit; it is after no earlier one. ``gains`` is the target's
    probability after each single swap of the newest step, 0 for a cell that was used before.

    ``random_edits`` is for each random order of random swaps how many it takes, one more than were tried where it does
    not flip; ``random_probability`` the target's after 0, 1, 2, … of them. ``pictures`` show the edits with the pixels
    below the cells: for the eye alone, for it is the map that is edited, and its cells have seen more than that.

    ``place`` is the distractor's among the given images; ``other_edits`` says of each distractor (``places``) how many
    edits it takes, −1 where it was given up as no better. ``sums`` is True where the rest of the network adds its cells
    up, so that a step is one table; ``tried`` counts the swaps that were compared.
    """

    query: Float[Tensor, "channel height width"]
    distractor: Float[Tensor, "channel height width"]
    place: int
    query_class: int
    target: int
    grid: tuple[int, int]
    edits: Int[Tensor, "edit 2"]
    probability: Float[Tensor, "edit_and_before 2"]
    flipped: bool
    gains: Float[Tensor, "cell cell"]
    pictures: Float[Tensor, "edit_and_before channel height width"]
    random_edits: Int[Tensor, "order"]
    random_probability: Float[Tensor, "order swap"]
    places: tuple[int, ...]
    other_edits: tuple[int, ...]
    sums: bool
    tried: int
    stage: str

    def box(self, cell: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the pixels below a cell."""
        return box_of(cell, self.grid, tuple(self.query.shape[1:]))


def box_of(cell: int, grid: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the pixels below a cell of a grid over an image of this size."""
    row, column = divmod(cell, grid[1])
    top, bottom = (size[0] * edge // grid[0] for edge in (row, row + 1))
    left, right = (size[1] * edge // grid[1] for edge in (column, column + 1))
    return top, left, bottom, right
