"""What all sets of labelled pictures in files share: opening, decoding, and words for what is broken."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt32
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.reading_pool import together
from xaiwidgets.data._concepts.stores import ConceptStore, Labelled, attempt, label_type
from xaiwidgets.data.reading import LARGEST_FILE, opened, read_image

SKIP = "or leave broken images out with broken='skip'"
REMEDY = f"put it right, {SKIP}"

_ON_ITS_SIDE = {5, 6, 7, 8}  # the orientations of EXIF that exchange height and width


class FileStore(ConceptStore):
    """Images and labels in files, several of which are read at a time."""

    def read_many(self, places: Sequence[int]) -> list[Labelled | XaiwidgetsError]:
        """In the order of the places, by the threads that all sets share."""
        return together(partial(attempt, self), places)


def opened_file(path: Path, name: str) -> Image.Image:
    """The picture in a file, not decoded yet; refused by ``name`` where it is missing or no picture."""
    try:
        with path.open("rb") as file:  # read whole before Pillow looks at it, which only one thread at a time may
            content = file.read(LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise XaiwidgetsError(f"{name} is missing; put it there, {SKIP}.") from None
    except (OSError, ValueError) as error:
        raise XaiwidgetsError(f"{name} cannot be opened ({error}); {REMEDY}.") from None
    return opened(content, name)


def opened_labels(path: Path, name: str, modes: Sequence[str]) -> Image.Image:
    """The PNG in a file of labels: other formats change pixels, other modes than Pillow's ``modes`` hold no labels."""
    picture = opened_file(path, name)
    if picture.format == "PNG" and picture.mode in modes:
        return picture
    found = f"a {picture.format} of mode {picture.mode}"
    picture.close()
    raise XaiwidgetsError(f"{name} is {found}; labels are a PNG of mode {' or '.join(modes)}: {REMEDY}.")


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Whatever goes wrong within is damage of the file."""
    try:
        yield
    except XaiwidgetsError:
        raise
    except Exception as error:  # what a damaged file makes a decoder do is anybody's guess
        raise XaiwidgetsError(f"{name} is damaged ({error}); give it anew, {SKIP}.") from None


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """(height, width) once it is turned as its camera says."""
    on_its_side = picture.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
    return picture.size if on_its_side else picture.size[::-1]


def decoded_image(picture: Image.Image, size: tuple[int, int]) -> Float[Tensor, "3 height width"]:
    """The middle of a picture in [0, 1], resized as `read_image` does.

    In numpy where it can be: torch would start threads of its own beneath each of those that read.
    """
    if picture.mode.startswith("I"):
        return read_image(picture, (3, *size))
    picture.draft("RGB", (2 * size[1], 2 * size[0]))  # JPEGs are decoded smaller
    ImageOps.exif_transpose(picture, in_place=True)
    plain = picture if picture.mode == "RGB" else picture.convert("RGB")
    if plain.size != size[::-1]:
        plain = ImageOps.fit(plain, size[::-1], Image.Resampling.LANCZOS)
    image = np.empty((3, *size), np.float32)
    np.divide(np.asarray(plain).transpose(2, 0, 1), np.float32(255), out=image)
    return torch.from_numpy(image)


def decoded_labels(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The part of a picture of labels that `decoded_image` shows, each pixel that of its nearest neighbour."""
    if picture.size == size[::-1]:
        picture.load()
        return picture
    return ImageOps.fit(picture, size[::-1], Image.Resampling.NEAREST)


def color_codes(picture: Image.Image, *, last: int = 3) -> UInt32[np.ndarray, "height width"]:
    """Red + 256 · green + 256² · blue, or with ``last=2`` the first two of them alone."""
    colors = picture if picture.mode == "RGB" else picture.convert("RGB")
    four_bytes = np.frombuffer(colors.tobytes("raw", "RGBX"), "<u4")  # as Pillow has them: no byte is moved alone
    return four_bytes.reshape(colors.size[::-1]) & np.uint32(256**last - 1)


def found_among(
    codes: Integer[np.ndarray, "height width"], keys: Integer[np.ndarray, "key"]
) -> Integer[np.ndarray, "height width"]:
    """The place of each code among the ascending keys, -1 where it is none of them."""
    at = np.minimum(np.searchsorted(keys, codes), len(keys) - 1)
    return np.where(keys[at] == codes, at, -1)


def label_array_type(count: int) -> np.dtype:
    """The type of `label_type`, as numpy has it."""
    return torch.empty(0, dtype=label_type(count)).numpy().dtype


def same_size(found: tuple[int, int], wanted: tuple[int, int], name: str, said: str) -> None:
    """Refuse a picture of another (height, width) than what ``said`` names."""
    if tuple(found) != tuple(wanted):
        raise XaiwidgetsError(f"{name} has {_words(found)} pixels, {said} {_words(wanted)}; {REMEDY}.")


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
