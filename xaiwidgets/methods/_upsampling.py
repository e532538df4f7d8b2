"""From a layer's grid to the pixels of labels, each position standing where it looks."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods._geometry.geometry import Axis, Geometry


class _Way(NamedTuple):
    """Along one axis: for each pixel the positions before and behind it, and the share of the way between them.

    The pixels of one cell, the space between two neighbouring positions or outside of the last, stand in a row of
    ``pixels``, their shares in ``shares``; the rows are filled up with -1 and with NaN, which exceeds no threshold.
    """

    before: Int[Tensor, "pixel"]
    behind: Int[Tensor, "pixel"]
    share: Float[Tensor, "pixel"]
    pixels: Int[Tensor, "cell place"]
    shares: Float[Tensor, "cell place"]


class Pixels(NamedTuple):
    """Pixels of maps that exceed a threshold."""

    map: Int[Tensor, "found"]
    pixel: Int[Tensor, "found"]
    value: Float[Tensor, "found"]


class Upsampling:
    """Bilinear interpolation of maps to ``label_shape`` (row, column), the border's values continued outwards.

    With ``mode`` "receptive_field" a position stands in the middle of its theoretical receptive field, which padding
    and strides put elsewhere than an even division of the image; with "plain" positions divide the image evenly. Labels
    divide it evenly always. Where neighbours are equal so is what lies between them, to the bit: a comparison with
    their value holds.
    """

    def __init__(self, geometry: Geometry, label_shape: tuple[int, int], mode: str, device: torch.device) -> None:
        self.grid, self.label_shape = geometry.grid, label_shape
        axes = zip((geometry.rows, geometry.columns), label_shape, strict=True)
        ways = [_way(_middles(axis, mode), axis.length, count) for axis, count in axes]
        self._down, self._across = (_Way(*(part.to(device) for part in way)) for way in ways)

    def __call__(self, maps: Float[Tensor, "map position"]) -> Float[Tensor, "map row column"]:
        """The maps at every pixel of the labels."""
        maps, down, across = maps.unflatten(1, self.grid), self._down, self._across
        rows = torch.lerp(maps[:, down.before], maps[:, down.behind], down.share.to(maps.dtype)[:, None])
        return torch.lerp(rows[..., across.before], rows[..., across.behind], across.share.to(maps.dtype))

    def above(self, maps: Float[Tensor, "map position"], thresholds: Float[Tensor, "map"]) -> Pixels:
        """The pixels that exceed each map's threshold.

        No value exceeds the largest of the four around it, so that only cells with a corner above the threshold are
        interpolated: at the quantiles of dissection few are.
        """
        maps, down, across = maps.unflatten(1, self.grid), self._down, self._across
        which, i, j = _cells(maps > thresholds[:, None, None]).nonzero(as_tuple=True)
        top, bottom = ((i - 1).clamp(min=0), i.clamp(max=self.grid[0] - 1))
        left, right = ((j - 1).clamp(min=0), j.clamp(max=self.grid[1] - 1))
        rows, columns = down.pixels[i], across.pixels[j]
        way = down.shares.to(maps.dtype)[i]
        at_left, at_right = (
            torch.lerp(maps[which, top, side][:, None], maps[which, bottom, side][:, None], way)
            for side in (left, right)
        )
        way = across.shares.to(maps.dtype)[j]
        values = torch.lerp(at_left[:, :, None], at_right[:, :, None], way[:, None])
        cell, row, column = (values > thresholds[which, None, None]).nonzero(as_tuple=True)
        pixel = rows[cell, row] * self.label_shape[1] + columns[cell, column]
        return Pixels(which[cell], pixel, values[cell, row, column])


def _cells(above: Bool[Tensor, "map row column"]) -> Bool[Tensor, "map row2 column2"]:
    """Whether any corner of a cell is above; there is one cell more than positions along each axis."""
    for axis in (1, 2):
        first, last = above.narrow(axis, 0, 1), above.narrow(axis, above.shape[axis] - 1, 1)
        above = torch.cat([first, above], axis) | torch.cat([above, last], axis)
    return above


def _middles(axis: Axis, mode: str) -> Sequence[float]:
    """Where positions stand, in pixels of the image."""
    count = len(axis.centers)
    return axis.centers if mode == "receptive_field" else [(i + 0.5) * axis.length / count for i in range(count)]


def _way(middles: Sequence[float], length: int, count: int) -> _Way:
    at = (torch.arange(count, dtype=torch.float64) + 0.5) * length / count
    stand = torch.tensor(middles, dtype=torch.float64)
    cell = torch.searchsorted(stand, at)  # 0 before the first position, their number behind the last
    before, behind = (cell - 1).clamp(min=0), cell.clamp(max=len(stand) - 1)
    share = (at - stand[before]) / (stand[behind] - stand[before]).clamp(min=1e-9)
    rows = [(cell == i).nonzero()[:, 0] for i in range(len(stand) + 1)]
    pixels = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
    share = share.clamp(0, 1)
    shares = torch.where(pixels >= 0, share[pixels.clamp(min=0)], torch.nan)
    return _Way(before, behind, share, pixels, shares)
