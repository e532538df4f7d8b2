"""Transformation robustness: each image is moved, turned and scaled a little before the network sees it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_ZEROS = 6 / 26  # Lucid's list of rotations holds 0° six times among 26 entries


@dataclass(frozen=True)
class Transforms:
    """Ranges of the random transforms: pixels of the image, degrees, and a share of the size."""

    jitter: int
    rotate: float
    scale: float

    @property
    def none(self) -> bool:
        """Whether the network sees the image as it is."""
        return self.jitter == 0 and self.rotate == 0 and self.scale == 0

    def matrices(
        self,
        draws: Float[Tensor, "image 4"],
        canvas: tuple[int, int],
    ) -> tuple[Float[Tensor, "image 2 3"], int]:
        """Where each output pixel looks on the padded canvas, and the padding that makes sure something is there.

        The draws, uniform in [0, 1), do not depend on the ranges, so that a live change of a range leaves later draws
        alone.
        """
        height, width = canvas
        limit = min(self.jitter, min(canvas) // 4)
        shift = torch.floor(draws[:, :2] * (2 * limit + 1)) - limit
        zoom = 1 + self.scale * (torch.floor(draws[:, 2] * 11) - 5) / 5  # eleven values, as 0.90, 0.92, ... 1.10
        turn = torch.where(draws[:, 3] < _ZEROS, 0.0, torch.floor((draws[:, 3] - _ZEROS) / (1 - _ZEROS) * 20))
        turn = torch.where(draws[:, 3] < _ZEROS, 0.0, torch.where(turn < 10, turn - 10, turn - 9)) / 10  # noqa: PLR2004
        angle = torch.deg2rad(turn * self.rotate)
        margin = self._margin(height, width, limit)
        rows, columns = (height / 2 + margin), (width / 2 + margin)
        cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        x = torch.stack([cosine * width / 2 / columns, -sine * height / 2 / columns, shift[:, 0] / columns], dim=1)
        y = torch.stack([sine * width / 2 / rows, cosine * height / 2 / rows, shift[:, 1] / rows], dim=1)
        return torch.stack([x, y], dim=1), margin

    def _margin(self, height: int, width: int, limit: int) -> int:
        angle = math.radians(self.rotate)
        reach = (max(height, width) * math.cos(angle) + min(height, width) * math.sin(angle)) / (2 * (1 - self.scale))
        reach = max(reach, max(height, width) / (2 * (1 - self.scale)))
        return math.ceil(reach - max(height, width) / 2) + limit + 1


def draw(generators: Sequence[torch.Generator]) -> Float[Tensor, "image 4"]:
    """Four uniform draws for each image: two shifts, the scale, the rotation."""
    return torch.stack([torch.rand(4, generator=generator, dtype=torch.float64) for generator in generators])


def apply(
    images: Float[Tensor, "image channel height width"],
    matrices: Tensor,
    margin: int,
    size: tuple[int, int],
) -> Float[Tensor, "image channel out_height out_width"]:
    """All transforms at once by one bilinear sampling.

    The image goes on at its opposite edge, as a Fourier series does: no border is invented, and none shows in the
    picture.
    """
    grid = _places(matrices.to(images), size)
    return functional.grid_sample(_Wrap.apply(images, margin), grid, mode="bilinear", align_corners=False)


def _places(matrices: Tensor, size: tuple[int, int]) -> Float[Tensor, "image height width 2"]:
    """Where each output pixel looks; two sums take a third of the time of `torch.nn.functional.affine_grid`."""
    rows, columns = (
        (2 * torch.arange(side, device=matrices.device, dtype=matrices.dtype) + 1) / side - 1 for side in size
    )
    along = torch.einsum("ik,w->iwk", matrices[:, :, 0], columns)[:, None]
    down = (torch.einsum("ik,h->ihk", matrices[:, :, 1], rows) + matrices[:, None, :, 2])[:, :, None]
    return along + down


class _Wrap(torch.autograd.Function):
    """Circular padding with the gradient written out: autograd's own takes four times as long on a CPU."""

    @staticmethod
    def forward(context: Any, images: Tensor, margin: int) -> Tensor:
        context.margin = margin
        return functional.pad(images, (margin,) * 4, mode="circular")

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        margin = context.margin
        for axis in (2, 3):
            side = gradient.shape[axis] - 2 * margin
            middle = gradient.narrow(axis, margin, side)  # a view, and the gradient is ours: added to in place
            middle.narrow(axis, 0, margin).add_(gradient.narrow(axis, margin + side, margin))
            middle.narrow(axis, side - margin, margin).add_(gradient.narrow(axis, 0, margin))
            gradient = middle
        return gradient.contiguous(), None
