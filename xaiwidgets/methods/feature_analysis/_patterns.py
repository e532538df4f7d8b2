"""What backpropagation through a network's rectifiers shows, and how far it hangs on the network's weights."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Patterns:
    """The pattern in each image that drove each unit, beside the plain gradient.

    ``patterns`` and ``gradient`` are signed and in units of activation per pixel in [0, 1]: more of a positive one
    raises the activation (a plain gradient does so exactly, to first order; a pattern only by the rule it was made by).
    ``activation`` is what was explained, ``position`` its (row, column) in the layer's grid: the unit's peak unless
    another one was asked for, (0, 0) where the layer has no grid of two sides and one position.

    ``similarity`` is the evidence: Spearman's correlation between the sizes of the first picture and of the one with
    the weights of the layers down to ``stages[i]`` random, a mean over images and units, in row 0 for the method and in
    row 1 for the plain gradient. It is in [−1, 1]: 1 says that the picture is the same whatever was learned, 0 that
    nothing of it is left. Each pair is compared within the box of pixels that reach the unit. NaN is what was not
    computed yet, or has no answer. ``chance`` is the level to compare with, again in rows: the correlation of the first
    picture with itself when its pixels are mixed within blocks of 8×8, so that it lies in the same places and its
    detail is gone.
    """

    units: tuple[int, ...]
    patterns: Float[Tensor, "image unit channel height width"]
    gradient: Float[Tensor, "image unit channel height width"]
    activation: Float[Tensor, "image unit"]
    position: Int[Tensor, "image unit 2"]
    similarity: Float[Tensor, "2 stage"]
    chance: Float[Tensor, "2"]
    stages: tuple[str, ...]
