"""What covers a region."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

FILLS = ("blur", "mean", "noise", "black")
_SIGMAS = 8  # of the blur in one side of the image


def filling(image: Float[Tensor, "channel height width"], fill: str, seed: int) -> Float[Tensor, "channel height _w"]:
    """An image of what stands in the place of covered pixels: the same for every region, batch and order."""
    if fill == "mean":
        return image.mean((1, 2), keepdim=True).expand_as(image)
    if fill == "blur":
        return _blurred(image, max(1.0, min(image.shape[1:]) / _SIGMAS))
    if fill == "noise":
        draw = torch.Generator().manual_seed(seed)
        return torch.rand(image.shape, generator=draw, dtype=torch.float64).to(image)
    return torch.zeros_like(image)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """By a Gaussian of ``sigma`` pixels; the image goes on at its edges as its last pixels are."""
    reach = round(2 * sigma)
    at = torch.arange(-reach, reach + 1, device=image.device, dtype=image.dtype)
    weights = torch.exp(-(at / sigma).square() / 2)
    weights = weights / weights.sum()
    padded = functional.pad(image[None], (reach, reach, reach, reach), mode="replicate")[0][:, None]
    down = functional.conv2d(padded, weights[None, None, :, None])
    return functional.conv2d(down, weights[None, None, None])[:, 0]
