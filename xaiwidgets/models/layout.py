"""One place that knows where the units and positions of an activation lie."""

import math
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError

Kind = Literal["map", "map, channels last", "tokens", "tokens, sequence first", "vector"]


@dataclass(frozen=True)
class Layout:
    """How one layer's output is laid out: its units, its grid of positions, and what stands before the grid.

    ``grid`` is (height, width), None where positions form no grid. ``prefix`` counts the tokens before the grid, such
    as a class token; they belong to no place in the image and are left out of the positions.
    """

    kind: Kind
    units: int
    grid: tuple[int, int] | None = None
    prefix: int = 0

    def arrange(self, activation: Tensor) -> Float[Tensor, "batch unit position"]:
        """The activation as (batch, unit, position), positions row by row; a view wherever possible."""
        match self.kind:
            case "map":
                return activation.flatten(2)
            case "map, channels last":
                return activation.flatten(1, 2).transpose(1, 2)
            case "tokens":
                return activation[:, self.prefix :].transpose(1, 2)
            case "tokens, sequence first":
                return activation[self.prefix :].permute(1, 2, 0)
            case _:
                return activation.unsqueeze(-1)

    def position(self, row: int | None = None, column: int | None = None) -> int:
        """The index of one position, the centre of the grid unless told; 0 where there is no grid."""
        if self.grid is None:
            return 0
        height, width = self.grid
        row = height // 2 if row is None else row
        column = width // 2 if column is None else column
        return row * width + column


def layout_of(shape: tuple[int, ...], batch: int, module: nn.Module, image: tuple[int, ...]) -> Layout:
    """The layout of an output of ``shape`` that ``module`` gave for ``batch`` images of shape ``image``."""
    aspect = image[-2] / image[-1] if len(image) > 1 else 1.0
    if len(shape) == 4 and shape[0] == batch:  # noqa: PLR2004
        if _channels_last(shape, module, aspect):
            return Layout("map, channels last", shape[3], (shape[1], shape[2]))
        return Layout("map", shape[1], (shape[2], shape[3]))
    if len(shape) == 3 and batch in shape[:2]:  # noqa: PLR2004
        first = shape[0] != batch
        tokens = shape[0] if first else shape[1]
        grid, prefix = _token_grid(tokens, aspect)
        return Layout("tokens, sequence first" if first else "tokens", shape[2], grid, prefix)
    if len(shape) == 2 and shape[0] == batch:  # noqa: PLR2004
        return Layout("vector", shape[1])
    message = (
        f"{type(module).__name__} gives an output of shape {tuple(shape)} for {batch} images; units are read from "
        "(batch, channel, height, width), (batch, height, width, channel), (batch, token, channel) or (batch, channel)."
    )
    raise XaiwidgetsError(message)


def _channels_last(shape: tuple[int, ...], module: nn.Module, aspect: float) -> bool:
    """Whether a four-dimensional output has its channels last: by its proportions first, then by its layers."""

    def fits(height: int, width: int) -> bool:
        return math.isclose(height, width * aspect, abs_tol=max(1.0, aspect))

    first, last = fits(shape[2], shape[3]), fits(shape[1], shape[2])
    if first != last:
        return last
    for child in reversed(list(module.modules())):
        if isinstance(child, nn.Conv2d | nn.BatchNorm2d):
            return False
        if isinstance(child, nn.LayerNorm | nn.Linear):
            size = child.normalized_shape[-1] if isinstance(child, nn.LayerNorm) else child.out_features
            return shape[3] == size and shape[1] != size
    return False


def _token_grid(tokens: int, aspect: float) -> tuple[tuple[int, int] | None, int]:
    """The grid of the image's patches among ``tokens``, and how many tokens stand before it (at most 16)."""
    for prefix in range(min(17, tokens)):
        width = math.sqrt((tokens - prefix) / aspect)
        height = width * aspect
        if round(width) * round(height) == tokens - prefix and abs(width - round(width)) < 1e-6:  # noqa: PLR2004
            return (round(height), round(width)), prefix
    return None, 0
