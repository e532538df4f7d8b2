"""The run: greedy swaps for one distractor after another, then random ones."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.methods.case._counterfactual_swap.inputs import Given
from xaiwidgets.methods.case._counterfactual_swap.pairs import Sums, by_sums, free_pairs, one_by_one, sums_of
from xaiwidgets.methods.case._counterfactual_swap.rest import Rest
from xaiwidgets.methods.case._counterfactual_swap.result import RegionSwaps, box_of
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.case.counterfactual_swap import CounterfactualSwap

READ, SWAPPED, TOTAL = 1.0, 85.0, 100.0  # percent done after each stage; the rest are the random swaps


class Swapping:
    """One query and its distractors; what is known of the best so far is in ``answer``."""

    def __init__(self, settings: "CounterfactualSwap", model: ImageModel, given: Given) -> None:
        self._settings, self._given = settings, given
        self.rest = Rest(model, settings.layer, given.query)
        self._query = self.rest.read(given.query)
        self._most = min(settings.edits, self.rest.cells)
        self._tried, self._found = 0, [-1] * len(given.places)
        self.answer = self._blank(0)
        self._best: RegionSwaps | None = None

    def steps(self) -> Iterator[Step[RegionSwaps]]:
        """Yield ever better answers."""
        yield Step(self.answer, READ, TOTAL)
        share = (SWAPPED - READ) / len(self._given.places)
        for number in range(len(self._given.places)):
            for done in self._swap(number):
                yield Step(self.answer, READ + share * (number + done), TOTAL)
            yield Step(self.answer, READ + share * (number + 1), TOTAL)
        for done in self._at_random():
            yield Step(self.answer, SWAPPED + (TOTAL - SWAPPED) * done, TOTAL)

    def _swap(self, number: int) -> Iterator[float]:
        """The edits with one distractor; given up where they are no fewer than with one before."""
        other = self.rest.read(self._given.distractors[number : number + 1])
        sums = (yield from self._sums(other)) if self._settings.sums else None
        found = replace(self._blank(number), sums=sums is not None)
        most = self._most if self._best is None or not self._best.flipped else len(self._best.edits) - 1
        for edit in range(most):
            for done, gains in self._tried_swaps(sums, other, found.edits):  # noqa: B007 - the last one is whole
                if done < 1:
                    yield (edit + done) / most
            found = self._edited(found, other, gains)
            if found.flipped:
                self._found[number] = len(found.edits)
            if self._best is None or number == self._number or found.flipped:
                self._show(found, number)
            if found.flipped:
                return
            if edit + 1 < most:
                yield (edit + 1) / most
        if self._best is not None and not self._best.flipped and number != self._number:
            self._show(max(self._best, found, key=lambda one: float(one.probability[-1, 1])), self._number)

    def _sums(self, other: Tensor) -> Generator[float, None, Sums | None]:
        """See `sums_of`; nothing is done yet."""
        steps = sums_of(self.rest, self._query, other)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            yield 0.0

    def _tried_swaps(
        self, sums: Sums | None, other: Tensor, edits: Int[Tensor, "edit 2"]
    ) -> Iterator[tuple[float, Float[Tensor, "cell cell"]]]:
        free = free_pairs(edits, self.rest.cells)
        self._tried += int(free.sum())
        if sums is not None:
            return by_sums(sums, self.rest, edits, self._given.target, free)
        return one_by_one(self.rest, self._query, other, edits, self._given.target, free)

    def _edited(self, found: RegionSwaps, other: Tensor, gains: Float[Tensor, "cell cell"]) -> RegionSwaps:
        """With the best swap made; of equal ones the first."""
        best = int((gains.flatten() == gains.max()).nonzero()[0])
        pair = torch.tensor([divmod(best, self.rest.cells)], device=found.edits.device)
        edits = torch.cat([found.edits, pair])
        after = self._after(other, edits[None])[0]
        cells = pair[0].tolist()
        picture = pasted(found.pictures[-1], found.distractor, *cells, self.rest.layout.grid)
        return replace(
            found,
            edits=edits,
            probability=torch.cat([found.probability, after[None, [self._given.query_class, self._given.target]]]),
            flipped=int(after.argmax()) == self._given.target,
            gains=gains.exp(),
            pictures=torch.cat([found.pictures, picture[None]]),
            tried=self._tried,
            stage=f"edit {len(edits)}",
        )

    def _after(self, other: Tensor, edits: Int[Tensor, "row edit 2"]) -> Float[Tensor, "row class"]:
        parts = self.rest.outputs(self._query, other, edits[:, :, 0], edits[:, :, 1])
        return torch.cat([self.rest.probabilities(part) for part in parts])

    def _at_random(self) -> Iterator[float]:
        """Random swaps with the distractor that is shown, as many as were allowed."""
        found, count, cells = self.answer, self._settings.orders, self.rest.cells
        place = self._given.places.index(found.place)
        other = self.rest.read(self._given.distractors[place : place + 1])
        draw = torch.Generator().manual_seed(self._settings.seed)
        orders = [torch.stack([torch.randperm(cells, generator=draw) for _ in range(2)], 1) for _ in range(count)]
        swaps = torch.stack(orders)[:, : self._most].to(self._query.device)
        reached = swaps.new_full((count,), self._most + 1)
        probability = [found.probability[:1, 1].expand(count)]
        for edit in range(1, self._most + 1):
            after = self._after(other, swaps[:, :edit])
            first = (after.argmax(1) == self._given.target) & (reached > edit)
            reached = torch.where(first, edit, reached)
            probability.append(after[:, self._given.target])
            stage = "done" if edit == self._most else "random swaps"
            self.answer = replace(
                found,
                random_edits=reached,
                random_probability=torch.stack(probability, 1),
                stage=stage,
                tried=self._tried,
            )
            yield edit / self._most

    def _show(self, found: RegionSwaps, number: int) -> None:
        self._number, self._best = number, found
        self.answer = replace(found, other_edits=tuple(self._found))

    _number = 0

    def _blank(self, number: int) -> RegionSwaps:
        given, cells = self._given, self.rest.cells
        nothing = torch.zeros(0, 2, dtype=torch.int64, device=given.query.device)
        probability = self._after(self._query, nothing[None])[:, [given.query_class, given.target]]
        return RegionSwaps(
            query=given.query[0].clone(),
            distractor=given.distractors[number].clone(),
            place=given.places[number],
            query_class=given.query_class,
            target=given.target,
            grid=self.rest.layout.grid,
            edits=nothing,
            probability=probability,
            flipped=False,
            gains=probability.new_zeros(cells, cells),
            pictures=given.query.clone(),
            random_edits=nothing[:, 0],
            random_probability=probability.new_zeros(0, 1),
            places=given.places,
            other_edits=tuple(self._found),
            sums=False,
            tried=self._tried,
            stage="looking at both images",
        )


def pasted(
    picture: Float[Tensor, "channel height width"], other: Tensor, cell: int, other_cell: int, grid: tuple[int, int]
) -> Float[Tensor, "channel height width"]:
    """The picture with the pixels below one cell replaced by those below another of the other picture."""
    size = tuple(picture.shape[1:])
    top, left, bottom, right = box_of(cell, grid, size)
    up, west, down, east = box_of(other_cell, grid, size)
    piece = torch.nn.functional.interpolate(other[None, :, up:down, west:east], (bottom - top, right - left))
    made = picture.clone()
    made[:, top:bottom, left:right] = piece[0]
    return made
