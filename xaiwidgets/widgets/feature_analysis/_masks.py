"""Pictures of where a unit is on."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

_DIM = 0.2  # of a picture outside of a mask, as in the paper's figures


def masked_picture(
    image: Float[Tensor, "channel height width"], mask: Bool[Tensor, "row column"]
) -> Float[Tensor, "channel height width"]:
    """The image as it is inside of a mask and dark outside; the mask is grown to the image by nearest neighbour."""
    grown = functional.interpolate(mask[None, None].to(image), image.shape[1:], mode="nearest-exact")[0]
    return image * (_DIM + (1 - _DIM) * grown)
