"""Where parts lie in an image: what a patch can depend on, and where it is most alike."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods._geometry.geometry import Axis, Geometry
from xaiwidgets.methods._upsampling import Upsampling

PERCENTILE = 0.95
"""Of the upsampled similarities, from which on pixels count as the most alike, as in the paper."""


def patch_geometry(cells: Geometry, patch: tuple[int, int]) -> Geometry:
    """The receptive fields of patches of cells: each is the union of its cells'."""
    return Geometry(_patches(cells.rows, patch[0]), _patches(cells.columns, patch[1]))


def field_boxes(geometry: Geometry, places: Int[Tensor, "*place"]) -> Int[Tensor, "*place 4"]:
    """(top, left, bottom, right) in pixels, the last two exclusive, of all that a patch can depend on."""
    across = geometry.grid[1]
    unknown = places < 0
    rows, columns = places.clamp(min=0) // across, places.clamp(min=0) % across
    return geometry.boxes(rows.masked_fill(unknown, -1), columns.masked_fill(unknown, -1))


def peak_boxes(
    geometry: Geometry, maps: Float[Tensor, "map row column"], size: tuple[int, int]
) -> Int[Tensor, "map 4"]:
    """The smallest box around the pixels whose upsampled similarity is among the highest five percent."""
    upsampled = Upsampling(geometry, size, "receptive_field", maps.device)(maps.flatten(1))
    least = upsampled.flatten(1).quantile(PERCENTILE, dim=1, interpolation="lower")
    high = upsampled >= least[:, None, None]
    sides = []
    for seen, length in ((high.any(2), size[0]), (high.any(1), size[1])):
        first = seen.to(torch.uint8).argmax(1)
        sides.append((first, length - seen.flip(1).to(torch.uint8).argmax(1)))
    (top, bottom), (left, right) = sides
    return torch.stack([top, left, bottom, right], 1)


def _patches(axis: Axis, side: int) -> Axis:
    count = len(axis.low) - side + 1
    spans = [(min(axis.low[i : i + side]), max(axis.high[i : i + side])) for i in range(count)]
    middles = tuple(sum(axis.centers[i : i + side]) / side for i in range(count))
    low, high = zip(*spans, strict=True)
    return Axis(axis.length, low, high, max(b - a for a, b in spans), middles)
