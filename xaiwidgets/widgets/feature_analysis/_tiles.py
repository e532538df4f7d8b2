"""Activation maps as pictures."""

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from xaiwidgets.data import ImageSet

_BELOW = (0.34, 0.71, 0.91)  # what is below zero is blue
_DIM = 0.2  # of a picture where a unit is not active at all
_KEPT = 96  # crops
_FRAME = (0.90, 0.62, 0.0)  # orange
_OUTLIERS = 0.995  # of the numbers of a signed picture get their own grey
_FAINT, _MARGIN, _SMALLEST = 0.1, 1.2, 0.25  # what is cut off around a pattern, and what is left of the image at least


def tiles(maps: Float[Tensor, "unit row column"], *, alike: bool = False) -> UInt8[np.ndarray, "unit row column color"]:
    """One picture for each map: black is zero, white the largest size, blue is below zero.

    Each map is scaled by itself, or with ``alike`` all of them by the largest of all.
    """
    sizes = maps.abs()
    largest = sizes.amax() if alike else sizes.amax((1, 2), keepdim=True)
    scaled = (maps / largest.clamp(min=torch.finfo(maps.dtype).tiny)).unsqueeze(-1)
    blue = torch.tensor(_BELOW, dtype=maps.dtype, device=maps.device)
    colors = torch.where(scaled < 0, -scaled * blue, scaled.expand(*maps.shape, 3))
    return colors.mul(255).round().to(torch.uint8).cpu().numpy()


def lit(
    image: Float[Tensor, "channel height width"], activation: Float[Tensor, "row column"]
) -> Float[Tensor, "channel height width"]:
    """The image, dark where a map is low and as it is where the map is largest."""
    positive = activation.clamp(min=0)
    share = positive / positive.max().clamp(min=torch.finfo(positive.dtype).tiny)
    grown = functional.interpolate(share[None, None], image.shape[1:], mode="bilinear", align_corners=False)[0]
    return image * (_DIM + (1 - _DIM) * grown.clamp(0, 1))


def around_grey(pattern: Float[Tensor, "channel height width"]) -> Float[Tensor, "channel height width"]:
    """A signed picture in [0, 1]: grey is zero, black and white are its largest sizes, a few outliers apart.

    What is not known yet (NaN) is grey.
    """
    pattern = pattern.nan_to_num(0)
    sizes = pattern.abs().flatten()
    largest = sizes.sort().values[int(_OUTLIERS * (len(sizes) - 1))]
    largest = largest if bool(largest > 0) else sizes.max()
    return (0.5 + 0.5 * pattern / largest.clamp(min=torch.finfo(pattern.dtype).tiny)).clamp(0, 1)


def where_it_is(pattern: Float[Tensor, "channel height width"]) -> tuple[int, int, int, int]:
    """The box (top, left, bottom, right) around what is large in a picture, of the picture's proportions."""
    sizes = pattern.nan_to_num(0).abs().amax(0)
    seen = sizes > _FAINT * sizes.max()
    spans = [flags.nonzero().flatten() for flags in (seen.any(1), seen.any(0))]
    if any(len(span) == 0 for span in spans):
        return 0, 0, *sizes.shape
    middles = [float(span[0] + span[-1] + 1) / 2 for span in spans]
    share = max(float(span[-1] + 1 - span[0]) / length for span, length in zip(spans, sizes.shape, strict=True))
    share = min(1.0, max(_SMALLEST, _MARGIN * share))
    ends = []
    for middle, length in zip(middles, sizes.shape, strict=True):
        side = max(1, round(share * length))
        start = min(max(0, round(middle - side / 2)), length - side)
        ends.append((start, start + side))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def crop(
    image: Float[Tensor, "channel height width"], box: tuple[int, int, int, int], size: tuple[int, int]
) -> Float[Tensor, "channel height2 width2"]:
    """What lies in a box (top, left, bottom, right), in another size; the whole image where the box is empty.

    A box of other proportions, as the image's edge leaves them, gets grey at its sides.
    """
    top, left, bottom, right = box
    part = image[:, top:bottom, left:right] if top < bottom and left < right else image
    height, width = part.shape[1:]
    down = max(0, round(width * size[0] / size[1]) - height)
    across = max(0, round(height * size[1] / size[0]) - width)
    sides = (across // 2, across - across // 2, down // 2, down - down // 2)
    part = functional.pad(part, sides, value=0.5)
    return functional.interpolate(part[None], size, mode="bilinear", align_corners=False)[0].clamp(0, 1)


class Crops:
    """Crops of a set's images in the size of its images; the newest are kept, since decoding a file takes long."""

    def __init__(self, images: ImageSet) -> None:
        self._images = images
        self._known: dict[tuple[int, ...], Tensor] = {}

    def __call__(
        self, indices: Int[Tensor, "place"], boxes: Int[Tensor, "place 4"]
    ) -> list[Float[Tensor, "channel height width"]]:
        """What lies in each box of each image; grey where the index is -1."""
        return [self._one(index, *box) for index, box in zip(indices.tolist(), boxes.tolist(), strict=True)]

    def _one(self, index: int, *box: int) -> Tensor:
        if index < 0:
            return torch.full(self._images.shape, 0.5)
        key = (index, *box)
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = crop(self._images.batch([index])[0].float(), box, self._images.shape[1:])
        return self._known[key]


def framed(image: Float[Tensor, "3 height width"], box: tuple[int, int, int, int]) -> Float[Tensor, "3 height width"]:
    """The image with the frame of a box (top, left, bottom, right) drawn into it."""
    top, left, bottom, right = box
    drawn, color = image.clone(), torch.tensor(_FRAME, dtype=image.dtype)[:, None]
    thick = max(1, round(image.shape[1] / 112))
    for i in range(thick):
        rows, columns = (top + i, bottom - 1 - i), (left + i, right - 1 - i)
        for row in rows:
            drawn[:, row, left:right] = color
        for column in columns:
            drawn[:, top:bottom, column] = color
    return drawn


def moved(
    field: Float[Tensor, "height width"], box: tuple[int, int, int, int], whole: tuple[int, int]
) -> Float[Tensor, "height width"]:
    """A field that stands in the middle, moved to where the box of its position stands; zero where it has no values.

    ``box`` is the position's field clipped to the image, ``whole`` the height and width of one that is not clipped.
    """
    shifts = [
        round(_middle(low, high, size, length) - length / 2)
        for low, high, size, length in zip(box[:2], box[2:], whole, field.shape, strict=True)
    ]
    there = torch.zeros_like(field)
    spans = [
        (slice(max(0, shift), length + min(0, shift)), slice(max(0, -shift), length - max(0, shift)))
        for shift, length in zip(shifts, field.shape, strict=True)
    ]
    (to_rows, from_rows), (to_columns, from_columns) = spans
    there[to_rows, to_columns] = field[from_rows, from_columns]
    return there


def _middle(low: int, high: int, size: int, length: int) -> float:
    """The middle of a span that was clipped to [0, length] and had ``size`` before."""
    if low == 0 and high == length:
        return length / 2
    return high - size / 2 if low == 0 else low + size / 2
