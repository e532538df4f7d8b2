"""A handful of real photographs, to compare with."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data.image_set import ImageSet

# Those of scikit-image's photographs that lie in its wheel and so need no download.
NAMES = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "retina",
    "rocket",
)


def photographs(size: int = 224, channels: int = 3) -> Float[Tensor, "image channel height width"]:
    """The 13 photographs that scikit-image brings along, cropped to their middle square, in [0, 1].

    ``size`` is the side in pixels; ``channels`` is 3, or 1 for grey. Raises `XaiwidgetsError` where scikit-image is
    not installed.
    """
    try:
        from skimage import data
    except ImportError:
        message = "The photographs come with scikit-image, which is not installed; run: pip install 'xaiwidgets[app]'"
        raise XaiwidgetsError(message) from None
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None:
        raise XaiwidgetsError(f"channels={channels} was given; photographs have 3 channels, or 1 for grey.")
    squares = [_square(Image.fromarray(getattr(data, name)()).convert(mode), size) for name in NAMES]
    pixels = torch.from_numpy(np.stack(squares)).reshape(len(squares), size, size, channels)
    return pixels.permute(0, 3, 1, 2).float().div(255).contiguous()


def photograph_set(size: int = 224, channels: int = 3) -> ImageSet:
    """The same photographs as a set that knows how it is made; each is a class of its own, so that it has a name."""
    given = "".join(f", {name}={value}" for name, value in (("channels", channels),) if value != 3)  # noqa: PLR2004
    names = [name.replace("_", " ") for name in NAMES]
    source = f"xw.data.photograph_set({size}{given})"
    return ImageSet(photographs(size, channels), range(len(names)), names, source=source)


def _square(image: Image.Image, size: int) -> np.ndarray:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, box=box))
