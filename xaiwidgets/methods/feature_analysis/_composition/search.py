"""A beam search for the formula whose mask is most like a unit's, by inclusion and exclusion of counts."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.feature_analysis._composition.formula import OPERATIONS, Formula
from xaiwidgets.methods.feature_analysis._dissection.regions import Regions

_MOST_NUMBERS = 1 << 23  # of regions, with their formulas and concepts, that are counted at once

Beams = tuple[tuple[Formula, ...], ...]  # of each mask


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The beam of each mask, the best formula first, with the pixels behind it.

    ``size`` is |L_F| and ``both`` |M ∩ L_F| of each formula, ``masks`` is |M|; where a beam has fewer formulas they are
    0.
    """

    formulas: Beams
    size: Int[Tensor, "mask place"]
    both: Int[Tensor, "mask place"]
    masks: Int[Tensor, "mask"]

    @property
    def iou(self) -> Float[Tensor, "mask place"]:
        """|M ∩ L_F| / |M ∪ L_F| of each formula in the beam."""
        return _iou(self.both, self.size, self.masks)

    @property
    def best(self) -> tuple[Formula | None, ...]:
        """The best formula of each mask, None for one that meets no concept."""
        return tuple(beam[0] if beam else None for beam in self.formulas)

    def filled(self, before: "Found") -> "Found":
        """With what was found before for masks that are empty so far."""
        empty = self.masks == 0
        beams = zip(empty.tolist(), self.formulas, before.formulas, strict=True)
        return Found(
            formulas=tuple(known if nothing else beam for nothing, beam, known in beams),
            size=torch.where(empty[:, None], before.size, self.size),
            both=torch.where(empty[:, None], before.both, self.both),
            masks=torch.where(empty, before.masks, self.masks),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FormulaSearch:
    """One length of the search: what is counted to find the best formulas of ``length`` concepts.

    ``beams`` are the formulas f that are known for each mask M, in their order. ``sizes`` are |f ∩ c| for each concept
    c, and ``overlaps`` |M ∩ f ∩ c|; before the first formula stands one, behind the last concept stands one, that is
    true everywhere, so that |c|, |f|, |M| and all pixels are there too. Counts are whole numbers in double precision,
    which is exact up to 9 × 10¹⁵ pixels.
    """

    names: tuple[str, ...]
    beam: int
    length: int
    beams: Beams
    sizes: Float[Tensor, "mask formula concept"]
    overlaps: Float[Tensor, "mask formula concept"]
    images: int = 0

    @staticmethod
    def first(masks: int, names: tuple[str, ...], beam: int, device: torch.device) -> "FormulaSearch":
        """The search for single concepts."""
        none = torch.zeros((masks, 1, len(names) + 1), dtype=torch.double, device=device)
        return FormulaSearch(names=names, beam=beam, length=1, beams=((),) * masks, sizes=none, overlaps=none)

    def longer(self) -> "FormulaSearch":
        """The search for formulas with one concept more than those that were found, with nothing counted."""
        beams = tuple(tuple(sorted(beam, key=lambda formula: formula.order)) for beam in self.found().formulas)
        none = self.sizes.new_zeros((len(beams), 1 + self.beam, self.sizes.shape[2]))
        return replace(self, length=self.length + 1, beams=beams, sizes=none, overlaps=none, images=0)

    @property
    def over(self) -> bool:
        """Whether no formula is left that could become longer: all of the last length were worse than shorter ones."""
        return self.length > 1 and not bool(self._grow().any())

    def after(self, regions: Regions, masks: Int[Tensor, "mask region"]) -> "FormulaSearch":
        """With a batch, given how many pixels of each mask lie in each region."""
        sizes, overlaps = self.sizes, self.overlaps
        rows = sizes.shape[0] * sizes.shape[1] + sizes.shape[2]
        for part in regions.parts(max(1, _MOST_NUMBERS // rows)):
            has = regions.has[part].T
            has = torch.cat([has, torch.ones_like(has[:1])])
            holds, concepts = self._holds(has).double(), has.T.double()
            sizes = sizes + (holds * regions.size[part]) @ concepts
            overlaps = overlaps + (holds * masks[:, None, part]) @ concepts
        return replace(self, sizes=sizes, overlaps=overlaps, images=self.images + len(regions.region))

    def _holds(self, has: Bool[Tensor, "concept region"]) -> Bool[Tensor, "mask formula region"]:
        """Where each formula is true; nowhere where a beam has fewer."""
        known = {formula: formula.holds(has.__getitem__) for beam in self.beams for formula in beam}
        everywhere, nowhere = has[-1], ~has[-1]
        places = self.sizes.shape[1] - 1
        rows = [
            [everywhere, *(known[formula] for formula in beam), *[nowhere] * (places - len(beam))]
            for beam in self.beams
        ]
        return torch.stack([torch.stack(row) for row in rows])

    def found(self) -> Found:
        """The best formulas by what was counted so far, each mask's own.

        Those with a larger IoU come first, of equal ones the shorter, then the one that is first in their order. Of
        formulas that cover equally many pixels, inside of the mask and outside, only the first is taken: they are the
        same formula in other words, or as good as that. Formulas that miss the mask are left out.
        """
        sizes, overlaps = self._candidates(self.sizes), self._candidates(self.overlaps)
        overlaps = torch.where(self._allowed(sizes.shape[1]), overlaps, 0)
        masks = self.overlaps[:, 0, -1].long()
        iou = _iou(overlaps, sizes, masks)
        order = iou.argsort(dim=1, descending=True, stable=True)
        sorted_by = [part.gather(1, order).long() for part in (sizes, overlaps)]
        columns = [part.cpu().numpy() for part in (order, *sorted_by)]
        beams, counts = [], torch.zeros((2, len(masks), self.beam), dtype=torch.int64)
        for row, (places, size, both) in enumerate(zip(*columns, strict=True)):
            chosen = _first_different(size, both, self.beam)
            beams.append(tuple(self._formula(row, int(places[i])) for i in chosen))
            counts[0, row, : len(chosen)] = torch.from_numpy(size[chosen])
            counts[1, row, : len(chosen)] = torch.from_numpy(both[chosen])
        size, both = counts.to(masks.device)
        return Found(formulas=tuple(beams), size=size, both=both, masks=masks)

    def _candidates(self, counts: Float[Tensor, "mask formula concept"]) -> Float[Tensor, "mask candidate"]:
        """The counts of the known formulas, then of f AND c, f OR c and f AND NOT c for each f and each c."""
        if self.length == 1:
            return counts[:, 0, :-1]
        known, concept, both = counts[:, 1:, -1], counts[:, :1, :-1], counts[:, 1:, :-1]
        joined = (both, known[..., None] + concept - both, known[..., None] - both)
        return torch.cat([known, torch.stack(joined, 3).flatten(1)], 1)

    def _grow(self) -> Bool[Tensor, "mask place"]:
        """Which formulas are made longer: what shorter ones become was tried before."""
        places, last = self.sizes.shape[1] - 1, self.length - 1
        flags = [[i < len(beam) and len(beam[i]) == last for i in range(places)] for beam in self.beams]
        return torch.tensor(flags, dtype=torch.bool, device=self.sizes.device)

    def _allowed(self, count: int) -> Bool[Tensor, "mask candidate"]:
        if self.length == 1:
            return torch.ones((len(self.beams), count), dtype=torch.bool, device=self.sizes.device)
        grow = self._grow()
        made = len(self.names) * len(OPERATIONS)
        return torch.cat([torch.ones_like(grow), grow.repeat_interleave(made, 1)], 1)

    def _formula(self, row: int, candidate: int) -> Formula:
        """The formula of one of a mask's candidates."""
        if self.length == 1:
            return Formula(candidate, self.names[candidate])
        beam, places = self.beams[row], self.sizes.shape[1] - 1
        if candidate < places:
            return beam[candidate]
        rest, operation = divmod(candidate - places, len(OPERATIONS))
        left, concept = divmod(rest, len(self.names))
        return Formula(concept, self.names[concept], beam[left], OPERATIONS[operation])


def _iou(both: Tensor, size: Tensor, masks: Int[Tensor, "mask"]) -> Float[Tensor, "mask place"]:
    return both.double() / (masks[:, None] + size - both).clamp(min=1)


def _first_different(size: np.ndarray, both: np.ndarray, most: int) -> list[int]:
    """The places of the first pairs of counts that differ, of those that are not empty."""
    chosen: dict[tuple[int, int], int] = {}
    for place, pair in enumerate(zip(size.tolist(), both.tolist(), strict=True)):
        if len(chosen) == most or pair[1] == 0:
            break
        chosen.setdefault(pair, place)
    return list(chosen.values())
