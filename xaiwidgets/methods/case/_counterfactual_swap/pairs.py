"""What every single swap of two cells would do: one pass for each, or sums where the rest adds its cells up."""

from collections.abc import Generator, Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.case._counterfactual_swap.rest import Rest
from xaiwidgets.models.features import head_of

_TRIED = 12  # random swaps by which it is seen whether the rest adds up
_NEAR = 1e-4  # of the largest output
_AT_ONCE = 1 << 22  # numbers


class Sums:
    """The rest as a sum over cells followed by the network's last linear layer.

    ``query`` and ``other`` hold what each cell of each map adds to that layer's output: all swaps of two cells are
    differences of these, one small table.
    """

    def __init__(self, base: Tensor, query: Float[Tensor, "cell class"], other: Float[Tensor, "cell class"]) -> None:
        self.base, self.query, self.other = base, query, other

    def outputs(self, edits: Int[Tensor, "edit 2"], cells: Int[Tensor, "some"]) -> Float[Tensor, "some cell class"]:
        """The output after these swaps and one more, of any of ``cells`` with any of the other map."""
        base = self.base + (self.other[edits[:, 1]] - self.query[edits[:, 0]]).sum(0)
        return base + self.other[None] - self.query[cells, None]


@torch.no_grad()
def sums_of(rest: Rest, query: Tensor, other: Tensor) -> Generator[None, None, Sums | None]:
    """The sums, from one pass for each cell of each map; None where the rest does not add up, which is tried.

    Yields between parts of the passes.
    """
    try:
        head = rest.network.get_submodule(head_of(rest.model)[0])
    except XaiwidgetsError:
        return None
    cells = torch.arange(rest.cells, device=query.device)
    first, inputs = torch.zeros_like(cells), []
    for part in rest.head_inputs(query, other, torch.cat([first, cells])[:, None], torch.cat([cells, first])[:, None]):
        inputs.append(part)
        yield
    inputs = torch.cat(inputs)
    (base,) = rest.head_inputs(query, query, cells[None, :1], cells[None, :1])
    # With a_i and b_j for what cells add, they are H − a_0 + b_j, then H − a_i + b_0: all but b_0, which cancels out.
    mine, theirs = base - inputs[rest.cells :], inputs[: rest.cells] - inputs[:1]
    sums = Sums(head(base)[0], *(functional.linear(part, head.weight) for part in (mine, theirs)))
    return sums if _adds_up(sums, rest, query, other) else None


def _adds_up(sums: Sums, rest: Rest, query: Tensor, other: Tensor) -> bool:
    """Whether random swaps, several at once, give what the sums say."""
    draw = torch.Generator().manual_seed(0)
    swaps = [torch.randperm(rest.cells, generator=draw)[: min(3, rest.cells)] for _ in range(2 * _TRIED)]
    mine, theirs = (torch.stack(swaps[start::2]).to(query.device) for start in (0, 1))
    really = torch.cat(list(rest.outputs(query, other, mine, theirs)))
    told = sums.base + (sums.other[theirs] - sums.query[mine]).sum(1)
    return bool((told - really).abs().max() <= _NEAR * really.abs().max().clamp(min=1))


def free_pairs(edits: Int[Tensor, "edit 2"], cells: int) -> Bool[Tensor, "cell cell"]:
    """Which pairs of cells have no part in any swap so far."""
    free = torch.ones(2, cells, dtype=torch.bool, device=edits.device)
    free[0, edits[:, 0]] = free[1, edits[:, 1]] = False
    return free[0][:, None] & free[1][None]


@torch.no_grad()
def by_sums(
    sums: Sums, rest: Rest, edits: Int[Tensor, "edit 2"], target: int, free: Bool[Tensor, "cell cell"]
) -> Iterator[tuple[float, Float[Tensor, "cell cell"]]]:
    """Yield the share that is done, and the target's log probability after each free swap, −∞ elsewhere."""
    cells, found = torch.arange(rest.cells, device=free.device), []
    step = max(1, _AT_ONCE // sums.other.numel())
    gains = torch.full(free.shape, -torch.inf, dtype=torch.float64, device=free.device)
    for start in range(0, rest.cells, step):
        outputs = sums.outputs(edits, cells[start : start + step])
        found.append(rest.probabilities(outputs.flatten(0, 1))[:, target].log().view(outputs.shape[:2]))
        if start + step >= rest.cells:
            gains = torch.where(free, torch.cat(found), gains)
        yield min(1.0, (start + step) / rest.cells), gains


@torch.no_grad()
def one_by_one(
    rest: Rest, query: Tensor, other: Tensor, edits: Int[Tensor, "edit 2"], target: int, free: Bool[Tensor, "cell cell"]
) -> Iterator[tuple[float, Float[Tensor, "cell cell"]]]:
    """Yield the share of the free swaps that was tried, and the target's log probability after each, −∞ elsewhere."""
    pairs = free.nonzero()
    before = edits.expand(len(pairs), *edits.shape)
    swaps = torch.cat([before, pairs[:, None]], 1)
    found: list[Tensor] = []
    gains = torch.full(free.shape, -torch.inf, dtype=torch.float64, device=free.device)
    for part in rest.outputs(query, other, swaps[:, :, 0], swaps[:, :, 1]):
        found.append(rest.probabilities(part)[:, target].log())
        done = sum(map(len, found))
        if done == len(pairs):
            gains[pairs[:, 0], pairs[:, 1]] = torch.cat(found)
        yield done / len(pairs), gains
