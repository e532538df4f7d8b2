"""Priors on an image, each with its gradient written out: autograd takes four times as long on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Images = Float[Tensor, "image channel height width"]
PerImage = Float[Tensor, "image"]

_FLAT = 1e-20  # a squared difference below this has no direction


def total_variation(images: Images, beta: float = 2.0) -> PerImage:
    """Mahendran and Vedaldi 2015: Σ (d₁² + d₂²)^(β/2) over pixels and channels.

    Forward differences, the last row and column replicated, so that their difference is zero.
    """
    down, right = _differences(images)
    return (down.square() + right.square()).pow(beta / 2).flatten(1).sum(1)


def total_variation_gradient(images: Images) -> Images:
    """The gradient of `total_variation` for β = 2: minus twice the Laplacian."""
    return _spread(images, *_steps(images), weight=2)


def total_variation_and_gradient(images: Images, beta: float = 2.0) -> tuple[PerImage, Images]:
    """`total_variation` and its gradient, in one pass over the differences; where an image is flat the latter is 0."""
    down, right = _steps(images)
    if beta == 2:  # noqa: PLR2004
        return _squares(down).add_(_squares(right)), _spread(images, down, right, weight=2)
    steepness = functional.pad(down.square(), (0, 0, 0, 1)).add_(functional.pad(right.square(), (0, 1)))
    value = steepness.pow(beta / 2).flatten(1).sum(1)
    slope = steepness.clamp_(min=_FLAT).pow_(beta / 2 - 1)
    return value, _spread(images, down.mul_(slope[..., :-1, :]), right.mul_(slope[..., :, :-1]), weight=beta)


def l2(images: Images) -> PerImage:
    """Σ (x − 0.5)²: the squared distance from grey."""
    return (images - 0.5).square().flatten(1).sum(1)


def l2_gradient(images: Images) -> Images:
    """The gradient of `l2`."""
    return 2 * images - 1


def alpha_norm_and_gradient(images: Images, alpha: float = 6.0) -> tuple[PerImage, Images]:
    """Mahendran and Vedaldi 2015: Σ |2x − 1|^α over pixels and channels, 0 for grey and 1 each for black and white."""
    centred = 2 * images - 1
    square = centred.square()
    power = square.pow(alpha / 2 - 1)  # for α = 6 a square, which takes a tenth of the time of any other power
    return torch.einsum("ip,ip->i", power.flatten(1), square.flatten(1)), power.mul_(centred).mul_(2 * alpha)


def _steps(images: Images) -> tuple[Tensor, Tensor]:
    return images[..., 1:, :] - images[..., :-1, :], images[..., :, 1:] - images[..., :, :-1]


def _spread(images: Images, down: Tensor, right: Tensor, weight: float) -> Images:
    """Weighted differences, given to the two pixels of each."""
    gradient = torch.zeros_like(images)
    gradient[..., 1:, :].add_(down, alpha=weight)
    gradient[..., :-1, :].sub_(down, alpha=weight)
    gradient[..., :, 1:].add_(right, alpha=weight)
    gradient[..., :, :-1].sub_(right, alpha=weight)
    return gradient


def _squares(differences: Tensor) -> PerImage:
    return differences.flatten(1).norm(dim=1).square()


def _differences(images: Images) -> tuple[Images, Images]:
    padded = functional.pad(images, (0, 1, 0, 1), mode="replicate")
    return padded[..., 1:, :-1] - images, padded[..., :-1, 1:] - images
