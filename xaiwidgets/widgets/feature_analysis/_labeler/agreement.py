"""Pictures of how far a unit and a formula agree."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis._composition.formula import Formula

_DIM, _TINT = 0.2, 0.6  # of a picture where neither is; and how much of a colour lies over it where one is alone
_UNIT, _FORMULA = (0.90, 0.62, 0.0), (0.34, 0.71, 0.91)  # orange and sky blue
_STRIPES = 28  # along a side
_KEPT = 96  # labels of images

ONE, BOTH = "unit alone", "with formula"
LEGEND = {
    ONE: "Bright: the unit is on. Dark: it is off.",
    BOTH: "Bright: both. Orange stripes: the unit alone. Blue: the formula alone. Dark: neither.",
}


def agreement_picture(
    image: Float[Tensor, "channel height width"],
    unit: Bool[Tensor, "row column"],
    formula: Bool[Tensor, "row column"],
) -> Float[Tensor, "3 height width"]:
    """The image as it is where both masks are, tinted where one is alone, and dark where neither is.

    The unit alone is orange with dark stripes, the formula alone blue without, so that no colour has to be told apart.
    """
    color = image if image.shape[0] == 3 else image.mean(0, keepdim=True).expand(3, -1, -1)  # noqa: PLR2004
    masks = torch.stack([unit, formula]).to(image)[None]
    unit, formula = functional.interpolate(masks, image.shape[1:], mode="nearest-exact")[0] > 0
    drawn = torch.where(unit & formula, color, color * _DIM)
    striped = torch.where(_stripes(image), 1.0, 0.5) * _tinted(color, _UNIT)
    return torch.where(unit & ~formula, striped, torch.where(formula & ~unit, _tinted(color, _FORMULA), drawn))


class FormulaMasks:
    """Masks of formulas on images of a set, named by their ids; the newest labels are kept, as reading takes long."""

    def __init__(self, concepts: ConceptSet) -> None:
        self._concepts = concepts
        self._place = {image: place for place, image in enumerate(concepts.ids.tolist())}
        self._known: dict[int, tuple[Tensor, Tensor]] = {}

    def __call__(self, formula: Formula | None, image: int) -> Bool[Tensor, "row column"]:
        """Where a formula is true in an image; nowhere without a formula."""
        if formula is None:
            return torch.zeros(self._concepts.label_shape, dtype=torch.bool)
        if image not in self._known:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            batch = self._concepts.batch([self._place[image]])
            self._known[image] = (batch.layers, batch.whole)
        return formula.mask(*self._known[image])[0]


def _tinted(color: Tensor, tint: tuple[float, float, float]) -> Tensor:
    over = torch.tensor(tint, dtype=color.dtype)[:, None, None]
    return (1 - _TINT) * color.mean(0, keepdim=True) + _TINT * over


def _stripes(image: Tensor) -> Bool[Tensor, "height width"]:
    height, width = image.shape[1:]
    thick = max(1, round(max(height, width) / (2 * _STRIPES)))
    return (torch.arange(height)[:, None] + torch.arange(width)) // thick % 2 == 0
