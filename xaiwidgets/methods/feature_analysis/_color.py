"""Decorrelated colour: an image is optimised in axes in which natural colours do not move together."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import InvalidSettingError

# Square root of the covariance of ImageNet's pixel colours, as published with Lucid (Olah, Mordvintsev and Schubert
# 2017).
_IMAGENET = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


def imagenet_colors() -> Float[Tensor, "3 3"]:
    """The colour matrix of natural photographs, scaled so that its longest column has length one."""
    return _scaled(torch.tensor(_IMAGENET, dtype=torch.float64))


def color_matrix(images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "channel channel"]:
    """The colour matrix of the given images.

    It is a square root of their pixels' covariance, its longest column of length one.
    """
    pixels = images.detach().double().transpose(0, 1).flatten(1)
    vectors, values, _ = torch.linalg.svd(torch.cov(pixels).reshape(len(pixels), len(pixels)))
    return _scaled(vectors * (values + 1e-10).sqrt())


def colors_for(choice: str, channels: int, images: Tensor | None) -> Tensor | None:
    """The matrix for an image of so many channels, None for none: grey images and unknown spectra have no such axes."""
    if choice == "images":
        if images is None:
            message = (
                "colors='images' was chosen, but no images were given; call method(model, images), or choose another."
            )
            raise InvalidSettingError(message)
        return color_matrix(images) if channels > 1 else None
    return imagenet_colors() if choice == "imagenet" and channels == 3 else None  # noqa: PLR2004


def recorrelate(image: Float[Tensor, "batch channel height width"], matrix: Tensor | None) -> Tensor:
    """From decorrelated axes to colours.

    It is one matrix product, since a 1×1 convolution takes ten times as long on a CPU.
    """
    if matrix is None:
        return image
    return (matrix @ image.flatten(2)).view_as(image)


def decorrelate(image: Float[Tensor, "batch channel height width"], matrix: Tensor | None) -> Tensor:
    """The inverse of `recorrelate`."""
    if matrix is None:
        return image
    return torch.linalg.solve(matrix, image.flatten(2)).view_as(image)


def _scaled(matrix: Tensor) -> Tensor:
    return matrix / matrix.norm(dim=0).max()
