"""From a tensor on its device to the pixels of a picture."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional

_WORTHWHILE = 0.75


def to_pixels(
    images: Float[Tensor, "image channel height width"],
    width: int | None = None,
) -> UInt8[np.ndarray, "image height width color"]:
    """Images in [0, 1] as bytes, reduced to ``width`` pixels where they are much wider.

    A GPU reduces and rounds before anything is copied. On the CPU one thread does, so that the publisher never takes
    the cores of the computation. Other than one or three channels are shown by their mean.
    """
    if images.shape[1] not in {1, 3}:
        images = images.mean(1, keepdim=True)
    height = images.shape[2] if width is None else max(1, round(images.shape[2] * width / images.shape[3]))
    # A little too wide costs less to send than to reduce.
    smaller = width is not None and width < _WORTHWHILE * images.shape[3]
    if images.device.type != "cpu":
        if smaller:
            images = functional.interpolate(images, (height, width), mode="area")
        return images.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    scaled = images.detach().numpy() * 255
    scaled += 0.5  # the conversion truncates
    pixels = np.empty((len(scaled), *scaled.shape[2:], scaled.shape[1]), np.uint8)
    np.copyto(pixels, scaled.transpose(0, 2, 3, 1), casting="unsafe")
    return np.stack([_reduced(picture, height, width) for picture in pixels]) if smaller else pixels


def _reduced(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    grey = picture.shape[-1] == 1
    image = Image.fromarray(np.ascontiguousarray(picture[..., 0] if grey else picture))
    small = np.asarray(image.resize((width, height), Image.Resampling.BOX))
    return small[..., None] if grey else small
