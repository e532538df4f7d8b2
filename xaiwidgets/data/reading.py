"""One image from anywhere, in the shape that is wanted; a file that is no picture is refused in words."""

import io
import threading
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from xaiwidgets.core import XaiwidgetsError

LARGEST = 100_000_000
"""Pixels of a picture that is opened at most: a small file can unfold to more memory than there is."""

LARGEST_FILE = 64 * 2**20

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # Pillow's others are rare, and some run other programs

_OPENING = threading.Lock()

Picture = str | Path | bytes | Image.Image | np.ndarray | Tensor


def read_image(
    source: Picture, shape: tuple[int, int, int], *, name: str = ""
) -> Float[Tensor, "channel height width"]:
    """An image in [0, 1] of ``shape`` (channel, height, width): its middle, resized.

    ``source`` is a path, the bytes of a file, a Pillow image, an array (height, width[, colour]) of bytes or of numbers
    in [0, 1], or a tensor (channel, height, width). ``name`` is what a refusal calls it. Raises `XaiwidgetsError` for
    what is no picture, is damaged, or unfolds to more than 100 million pixels.
    """
    if isinstance(source, Tensor | np.ndarray):
        return fitted(_of_numbers(source)[None], shape)[0]
    if isinstance(source, Image.Image):
        return _of_picture(source, shape)
    name = name or (repr(Path(source).name) if isinstance(source, str | Path) else "The image")
    with opened(source, name) as picture:
        return _decoded(picture, shape, name)


def opened(source: str | Path | bytes, name: str) -> Image.Image:
    """The file as Pillow sees it by its first bytes; refused where it is no picture, or too large."""
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if size > LARGEST_FILE:
            raise XaiwidgetsError(f"{name} has {size / 2**20:.0f} MB; give a picture of at most 64 MB.")
        picture = _quietly_opened(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (UnidentifiedImageError, SyntaxError, ValueError):
        raise XaiwidgetsError(f"{name} is no picture that can be read; give a PNG, JPEG, WebP or GIF.") from None
    except OSError as error:
        raise XaiwidgetsError(f"{name} cannot be opened ({error.strerror or error}); give another file.") from None
    if picture.width * picture.height > LARGEST:
        words = f"{picture.width}×{picture.height} pixels"
        picture.close()
        raise XaiwidgetsError(f"{name} unfolds to {words}; give one of at most 100 million pixels.")
    return picture


def fitted(
    images: Float[Tensor, "image channel height width"], shape: tuple[int, int, int]
) -> Float[Tensor, "image channel2 height2 width2"]:
    """The middle of each image with the proportions of ``shape``, in its size and channels.

    Grey becomes colour by repeating it; colour becomes grey by the weights of ITU-R 601.
    """
    images = _with_channels(images, shape[0])
    (height, width), (_, wanted_height, wanted_width) = images.shape[2:], shape
    if (height, width) == (wanted_height, wanted_width):
        return images
    scale = min(height / wanted_height, width / wanted_width)
    inner = max(1, round(wanted_height * scale)), max(1, round(wanted_width * scale))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    middle = images[..., top : top + inner[0], left : left + inner[1]]
    resized = functional.interpolate(middle, shape[1:], mode="bilinear", antialias=True)
    return resized.clamp_(0, 1)


def _quietly_opened(source: io.BytesIO | str | Path) -> Image.Image:
    """Without Pillow's own warning of a large picture: its size is looked at by the caller."""
    with _OPENING:  # the limit is the process's
        known, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source, formats=_FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = known


def _decoded(picture: Image.Image, shape: tuple[int, int, int], name: str) -> Tensor:
    try:
        picture.draft("RGB" if shape[0] != 1 else "L", (2 * shape[2], 2 * shape[1]))  # JPEGs are decoded smaller
        return _of_picture(picture, shape)
    except Exception as error:  # what a damaged file makes a decoder do is anybody's guess
        raise XaiwidgetsError(f"{name} is damaged ({error}); give it anew.") from None


def _of_picture(picture: Image.Image, shape: tuple[int, int, int]) -> Tensor:
    channels, height, width = shape
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # 16 bits; Pillow would cut them off at 255
        values = np.asarray(upright, dtype=np.float64)
        upright = Image.fromarray((values * (255 / 65535)).round().clip(0, 255).astype(np.uint8))
    plain = upright.convert("L" if channels == 1 else "RGB")
    fit = ImageOps.fit(plain, (width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.asarray(fit, dtype=np.uint8).copy()).reshape(height, width, -1)
    return _with_channels(pixels.permute(2, 0, 1)[None].float().div(255), channels)[0].contiguous()


def _of_numbers(values: Tensor | np.ndarray) -> Tensor:
    """(channel, height, width) in [0, 1]; an array has its colours last unless it plainly has them first."""
    given = values.detach().cpu() if isinstance(values, Tensor) else of_array(values)
    if given.dim() == 2:  # noqa: PLR2004
        given = given[None]
    elif given.dim() == 3 and isinstance(values, np.ndarray) and given.shape[-1] in {1, 3, 4}:  # noqa: PLR2004
        given = given.permute(2, 0, 1)[:3]
    if given.dim() != 3 or 0 in given.shape:  # noqa: PLR2004
        raise XaiwidgetsError(
            f"An image of shape {tuple(values.shape)} was given; give (channel, height, width), or an array (height, "
            "width, colour)."
        )
    return unit_interval(given)


def of_array(values: np.ndarray) -> Tensor:
    """An array as a tensor, copied only where torch could not write to it safely."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))


def unit_interval(values: Tensor) -> Tensor:
    """Bytes divided by 255, or numbers that lie in [0, 1] already; raises where they do not."""
    if values.dtype == torch.uint8:
        return (values / 255).float()  # one pass over the bytes
    if not values.is_floating_point() or not bool(((values >= 0) & (values <= 1)).all()):
        low, high = values.min().item(), values.max().item()
        raise XaiwidgetsError(
            f"Images of {str(values.dtype).removeprefix('torch.')} from {low:.3g} to {high:.3g} were given; give "
            "numbers in [0, 1], or bytes (uint8)."
        )
    return values.float() if values.dtype != torch.float64 else values


def _with_channels(images: Tensor, channels: int) -> Tensor:
    if images.shape[1] == channels:
        return images
    if images.shape[1] == 3 and channels == 1:  # noqa: PLR2004
        weights = torch.tensor([0.299, 0.587, 0.114], dtype=images.dtype)
        return (images * weights[:, None, None]).sum(1, keepdim=True)
    if images.shape[1] == 1:
        return images.expand(-1, channels, -1, -1)
    raise XaiwidgetsError(
        f"Images of {images.shape[1]} channels were given where {channels} are wanted; give images of {channels}."
    )
