"""The regions that are covered: square patches that overlap by half, or super-pixels, from coarse to fine."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core import InvalidSettingError
from xaiwidgets.methods.case._conformity.superpixels import split

PATCHES, SUPERPIXELS = "patches", "superpixels"
_FEWEST = 14  # finest patches along the shorter side, unless told
_COARSEST = 2 / 3  # of the shorter side, at most, has a patch of the coarsest level


@dataclass(frozen=True, eq=False)
class Level:
    """Regions of about one size: boxes (top, left, bottom, right); ``labels`` is the region of each pixel, if disjoint.

    ``size`` is the side of the patches in pixels, or the number of super-pixels.
    """

    size: int
    boxes: Int[Tensor, "region 4"]
    shape: tuple[int, int]
    labels: Int[Tensor, "height width"] | None = None

    def __len__(self) -> int:
        """How many regions."""
        return len(self.boxes)

    def masks(self, regions: list[int]) -> Bool[Tensor, "region height width"]:
        """Where some of them are."""
        if self.labels is not None:
            return self.labels == torch.tensor(regions)[:, None, None]
        return box_masks(self.boxes[regions], self.shape)

    def where(self, region: int) -> Tensor | list[int]:
        """A mask, or a box."""
        return self.boxes[region].tolist() if self.labels is None else self.labels == region

    def key(self, region: int) -> object:
        """Equal for equal regions of any level."""
        if self.labels is None:
            return tuple(self.boxes[region].tolist())
        return (self.labels == region).numpy().tobytes()


def box_masks(boxes: Int[Tensor, "region 4"], shape: tuple[int, int]) -> Bool[Tensor, "region height width"]:
    """True inside of each box."""
    rows, columns = torch.arange(shape[0]), torch.arange(shape[1])
    top, left, bottom, right = boxes[:, :, None].unbind(1)
    down, across = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return down[:, :, None] & across[:, None]


def finest_patch(patch: int | None, shape: tuple[int, int]) -> int:
    """The side in pixels; raises for one that is larger than the image."""
    if patch is None:
        return max(min(2, *shape), min(shape) // _FEWEST)
    if patch > min(shape):
        raise InvalidSettingError(
            f"patch={patch} was given for images of {shape[0]}×{shape[1]}; give at most {min(shape)} pixels."
        )
    return patch


def patch_sizes(patch: int, shape: tuple[int, int]) -> list[int]:
    """The finest side and its doubles, the largest first."""
    sizes = [patch]
    while sizes[0] * 2 <= _COARSEST * min(shape):
        sizes.insert(0, sizes[0] * 2)
    return sizes


def patch_level(size: int, shape: tuple[int, int], stride: int) -> Level:
    """Patches ``stride`` pixels apart; the last of a row or a column ends with the image."""
    tops, lefts = ([*range(0, side - size, stride), side - size] for side in shape)
    boxes = [(top, left, top + size, left + size) for top in tops for left in lefts]
    return Level(size, torch.tensor(boxes), shape)


def tiles(size: int, shape: tuple[int, int]) -> Level:
    """Disjoint patches that fill the image; those at its end are cut off."""
    height, width = shape
    corners = [(top, left) for top in range(0, height, size) for left in range(0, width, size)]
    boxes = [(top, left, min(top + size, height), min(left + size, width)) for top, left in corners]
    return Level(size, torch.tensor(boxes), shape)


def levels_of(
    regions: str, patch: int, image: Float[Tensor, "channel height width"], seed: int
) -> Iterator[tuple[float, list[Level]]]:
    """Yield the share that is made and the levels so far, the coarsest first."""
    shape = (image.shape[1], image.shape[2])
    sizes, levels = patch_sizes(patch, shape), []
    for size in sizes:
        if regions == PATCHES:
            levels.append(patch_level(size, shape, max(1, size // 2)))
        else:
            before = levels[-1].labels if levels else torch.zeros(shape, dtype=torch.long)
            levels.append(_superpixels(split(image.cpu().double(), before, size, seed)))
        yield len(levels) / len(sizes), levels


def _superpixels(labels: Int[Tensor, "height width"]) -> Level:
    boxes = []
    for region in range(int(labels.max()) + 1):
        rows, columns = (labels == region).nonzero().unbind(1)
        boxes.append((int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1))
    return Level(len(boxes), torch.tensor(boxes), tuple(labels.shape), labels)
