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
    ) -> tuple[Float[Tensor, "image 2 3"], tuple[int, int]]:
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
        margins = self._margins(height, width, limit)
        rows, columns = height / 2 + margins[0], width / 2 + margins[1]
        cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        x = torch.stack([cosine * width / 2 / columns, -sine * height / 2 / columns, shift[:, 0] / columns], dim=1)
        y = torch.stack([sine * width / 2 / rows, cosine * height / 2 / rows, shift[:, 1] / rows], dim=1)
        return torch.stack([x, y], dim=1), margins

    def _margins(self, height: int, width: int, limit: int) -> tuple[int, int]:
        """The padding above and beside the image that its turned, shrunk and shifted frame can reach."""

        def margin(along: int, across: int) -> int:
            # |along cos a + across sin a| / 2 is largest at a = atan(across / along), if the rotation goes as far.
            angle = min(math.radians(self.rotate), math.atan2(across, along))
            reach = (along * math.cos(angle) + across * math.sin(angle)) / (2 * (1 - self.scale))
            return math.ceil(reach - along / 2) + limit + 1

        return margin(height, width), margin(width, height)


def draw(generators: Sequence[torch.Generator]) -> Float[Tensor, "image 4"]:
    """Four uniform draws for each image: two shifts, the scale, the rotation."""
    return torch.stack([torch.rand(4, generator=generator, dtype=torch.float64) for generator in generators])


def apply(
    images: Float[Tensor, "image channel height width"],
    matrices: Tensor,
    margins: tuple[int, int],
    size: tuple[int, int],
) -> Float[Tensor, "image channel out_height out_width"]:
    """All transforms at once by one bilinear sampling.

    The image goes on at its opposite edge, as a Fourier series does: no border is invented, and none shows in the
    picture.
    """
    grid = _places(matrices.to(images), size)
    return functional.grid_sample(_Wrap.apply(images, margins), grid, mode="bilinear", align_corners=False)


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
    def forward(context: Any, images: Tensor, margins: tuple[int, int]) -> Tensor:
        context.margins, context.sides = margins, images.shape[2:]
        rows, columns = margins
        if rows <= images.shape[2] and columns <= images.shape[3]:
            return functional.pad(images, (columns, columns, rows, rows), mode="circular")
        for axis, margin in zip((2, 3), margins, strict=True):
            images = images.index_select(axis, _wrapped(images.shape[axis], margin, images.device))
        return images

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        for axis, margin, side in zip((2, 3), context.margins, context.sides, strict=True):
            if margin > side:  # a narrow image goes round more than once
                shape = [*gradient.shape[:axis], side, *gradient.shape[axis + 1 :]]
                places = _wrapped(side, margin, gradient.device)
                gradient = gradient.new_zeros(shape).index_add_(axis, places, gradient)
                continue
            middle = gradient.narrow(axis, margin, side)  # a view, and the gradient is ours: added to in place
            middle.narrow(axis, 0, margin).add_(gradient.narrow(axis, margin + side, margin))
            middle.narrow(axis, side - margin, margin).add_(gradient.narrow(axis, 0, margin))
            gradient = middle
        return gradient.contiguous(), None


def _wrapped(side: int, margin: int, device: torch.device) -> Tensor:
    return torch.arange(-margin, side + margin, device=device) % side
