"""How far an image made from a layer is from the one it was made for."""

from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "image channel height width"]


def image_error(images: Images, originals: Images) -> Float[Tensor, "image"]:
    """The root of the mean of (x − x₀)² over pixels and channels, from 0, the original itself, to 1."""
    return (images - originals).square().mean((1, 2, 3)).sqrt()
