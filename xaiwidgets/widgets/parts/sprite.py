"""A grid of images as one picture: the bytes that FrameView sends and that Export saves."""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

JPEG_QUALITY = 85

SMALL = 256 * 256
"""A picture of fewer pixels keeps its full colour resolution: halving it would show."""


@dataclass(frozen=True)
class Sprite:
    """One encoded picture of `count` equal cells, row by row, `columns` in a row.

    Cells are `height` by `width` pixels and stand `pitch` (vertical, horizontal) apart, so that no block of the
    encoder covers two of them.
    """

    data: bytes
    mime: str
    count: int
    columns: int
    height: int
    width: int
    pitch: tuple[int, int]


def check_images(images: object) -> NDArray[np.uint8]:
    """Return the images as they are, or say what is wrong with them."""
    wanted = "uint8 images of shape (cells, height, width, 1 or 3)"
    if not isinstance(images, np.ndarray):
        raise TypeError(f"FrameView got {type(images).__name__}, but wants {wanted}. Convert it with numpy.asarray.")
    if images.ndim != 4 or images.shape[3] not in {1, 3} or 0 in images.shape:  # noqa: PLR2004 - cells, y, x, colours
        raise ValueError(f"FrameView got an array of shape {images.shape}, but wants {wanted}. Move the axes.")
    if images.dtype != np.uint8:
        raise TypeError(f"FrameView got {images.dtype}, but wants {wanted}. Scale to 0..255 and round.")
    return images


def encode(images: NDArray[np.uint8], lossless: bool = False, columns: int | None = None) -> Sprite:
    """Encode images of shape (cells, height, width, 1 or 3) as one JPEG, or as one PNG when lossless.

    `columns` is how many stand in a row, None for about as many as rows.
    """
    count, height, width, _ = check_images(images).shape
    # With half the colour resolution, colours run over the edges of neighbours: only a large picture alone gets it.
    fine = count > 1 or height * width < SMALL
    block = 1 if lossless else 8
    pitch = (_round_up(height, block), _round_up(width, block))
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    picture = _picture(_tile(images, columns, pitch))
    buffer = io.BytesIO()
    if lossless:
        picture.save(buffer, "PNG", compress_level=1)
    else:
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0 if fine else 2)
    mime = "image/png" if lossless else "image/jpeg"
    return Sprite(buffer.getvalue(), mime, count, columns, height, width, pitch)


def _tile(images: NDArray[np.uint8], columns: int, pitch: tuple[int, int]) -> NDArray[np.uint8]:
    """Lay the images out on one canvas; the gap up to the pitch repeats their last row and column."""
    count, height, width, channels = images.shape
    if (height, width) != pitch:
        images = np.pad(images, ((0, 0), (0, pitch[0] - height), (0, pitch[1] - width), (0, 0)), mode="edge")
    rows = math.ceil(count / columns)
    if count < rows * columns:
        images = np.pad(images, ((0, rows * columns - count), (0, 0), (0, 0), (0, 0)))
    grid = images.reshape(rows, columns, *pitch, channels).swapaxes(1, 2)
    return np.ascontiguousarray(grid).reshape(rows * pitch[0], columns * pitch[1], channels)


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _round_up(size: int, block: int) -> int:
    return -(-size // block) * block
