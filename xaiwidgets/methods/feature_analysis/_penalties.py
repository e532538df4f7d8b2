"""Priors on an image, each with its gradient written out: autograd takes four times as long on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Images = Float[Tensor, "image channel height width"]


def total_variation(images: Images, beta: float = 2.0) -> Float[Tensor, "image"]:
    """Mahendran and Vedaldi 2015: Σ (d₁² + d₂²)^(β/2) over pixels and channels.

    Forward differences, the last row and column replicated, so that their difference is zero.
    """
    down, right = _differences(images)
    return (down.square() + right.square()).pow(beta / 2).flatten(1).sum(1)


def total_variation_gradient(images: Images) -> Images:
    """The gradient of `total_variation` for β = 2: minus twice the Laplacian."""
    gradient = torch.zeros_like(images)
    down = images[..., 1:, :] - images[..., :-1, :]
    right = images[..., :, 1:] - images[..., :, :-1]
    gradient[..., 1:, :].add_(down, alpha=2)
    gradient[..., :-1, :].sub_(down, alpha=2)
    gradient[..., :, 1:].add_(right, alpha=2)
    gradient[..., :, :-1].sub_(right, alpha=2)
    return gradient


def l2(images: Images) -> Float[Tensor, "image"]:
    """Σ (x − 0.5)²: the squared distance from grey."""
    return (images - 0.5).square().flatten(1).sum(1)


def l2_gradient(images: Images) -> Images:
    """The gradient of `l2`."""
    return 2 * images - 1


def _differences(images: Images) -> tuple[Images, Images]:
    padded = functional.pad(images, (0, 1, 0, 1), mode="replicate")
    return padded[..., 1:, :-1] - images, padded[..., :-1, 1:] - images
