"""What the search for compositional labels finds, so far or in the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.data._concepts.stores import Concept
from xaiwidgets.methods._upsampling import Upsampling
from xaiwidgets.methods.feature_analysis._composition.formula import Formula
from xaiwidgets.methods.feature_analysis._composition.search import Found
from xaiwidgets.methods.feature_analysis._dissection.top_maps import TopMaps


@dataclass(frozen=True, kw_only=True, eq=False)
class Composition:
    """For each of ``units`` the formula of concepts whose mask is most like the unit's.

    ``formulas`` are the best ones, None for a unit whose mask meets no concept; ``iou`` is their overlap with the
    unit, |M ∩ L_F| / |M ∪ L_F| over all images, in [0, 1]. ``iou_by_length`` is the best overlap of formulas of up to
    so many concepts, and ``iou_chance`` what the same search finds for the unit's masks laid over other images; NaN
    where not known yet. ``beams`` hold the runners-up too, best first, ``beam_iou`` their overlaps, NaN where there are
    fewer.

    ``length`` is how many concepts the formulas have that are counted now, in ``seen`` of ``total`` images: what is
    said of this length holds for those images, what is said of shorter formulas for all. While ``provisional`` the
    thresholds come from the first images alone, and counts made with them are thrown away later.
    """

    layer: str
    units: tuple[int, ...]
    concepts: tuple[Concept, ...]
    formulas: tuple[Formula | None, ...]
    iou: Float[Tensor, "unit"]
    iou_by_length: Float[Tensor, "unit length"]
    iou_chance: Float[Tensor, "unit length"]
    formulas_by_length: tuple[tuple[Formula | None, ...], ...]
    """For each unit the formulas behind ``iou_by_length``; None where not known yet, or where there is none."""
    beams: tuple[tuple[Formula, ...], ...]
    beam_iou: Float[Tensor, "unit place"]
    mask_size: Int[Tensor, "unit"]
    """Pixels of each unit's mask, |M|."""
    formula_size: Int[Tensor, "unit place"]
    """Pixels of each formula in the beam, |L_F|; 0 where there are fewer."""
    intersection: Int[Tensor, "unit place"]
    """Pixels of both, |M ∩ L_F|."""
    threshold: Float[Tensor, "unit"]
    """T of each unit, in the layer's own units; NaN before anything is known."""
    rank_error: Float[Tensor, "unit"]
    """What the rank of each threshold is wrong by at most, as a share of all values; NaN where it was given."""
    length: int
    seen: int
    total: int
    provisional: bool
    skipped: tuple[str, ...]
    """What was wrong with the images that were left out, a sentence each."""
    top: TopMaps
    """The images that each unit responds to most, with their maps."""
    upsampling: Upsampling

    @property
    def dead(self) -> Bool[Tensor, "unit"]:
        """Whether a unit's mask is empty in all images so far: such a unit has no formula."""
        return self.mask_size == 0

    @property
    def gain(self) -> Float[Tensor, "unit"]:
        """How much larger the overlap is than that of the best single concept."""
        return self.iou - self.iou_by_length[:, 0]

    @property
    def gain_by_chance(self) -> Float[Tensor, "unit"]:
        """How much the formulas for masks laid over other images gain over one concept; NaN where not known."""
        return self.iou_chance[:, self.length - 1] - self.iou_chance[:, 0]

    def mask(self, unit: int, place: int) -> Bool[Tensor, "row column"]:
        """Where the unit in a row of ``units`` exceeds its threshold in the image at a place of its row in ``top``."""
        return self.upsampling(self.top.maps[unit, place][None])[0] > self.threshold[unit]


def composition(
    found: Found, by_length: Sequence[Found | None], *, units: tuple[int, ...], **known: Any
) -> Composition:
    """The answer from what was found, and among formulas of up to so many concepts; None where not known yet.

    The first masks are the units', the others, where there are any, those laid over other images. ``known`` are the
    fields that are no matter of counts.
    """
    rows, best = slice(0, len(units)), found.iou[:, 0]
    nothing = torch.full_like(best, torch.nan)
    iou_by_length = torch.stack([nothing if one is None else one.iou[:, 0] for one in by_length], 1)
    moved = iou_by_length[len(units) :]
    return Composition(
        units=units,
        formulas=found.best[rows],
        iou=best[rows],
        iou_by_length=iou_by_length[rows],
        iou_chance=moved if len(moved) else torch.full_like(iou_by_length, torch.nan),
        formulas_by_length=tuple(
            tuple(None if one is None else one.best[row] for one in by_length) for row in range(len(units))
        ),
        beams=found.formulas[rows],
        beam_iou=found.iou[rows].where(found.both[rows] > 0, torch.nan),
        mask_size=found.masks[rows],
        formula_size=found.size[rows],
        intersection=found.both[rows],
        **known,
    )
