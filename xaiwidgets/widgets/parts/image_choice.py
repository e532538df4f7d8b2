"""The images that can be explained: a strip of which one is chosen, and a place to drop another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, fashion_mnist_small, photograph_set, read_image
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.image_drop import ImageDrop
from xaiwidgets.widgets.parts.theme import category_color

MOST_IMAGES = 16
"""Images in a strip; more than one sees at once would make every page heavy."""

_SIDE = 96  # pixels of a thumbnail
_NO_CHOICE = -1


class ImageChoice(widgets.VBox):
    """A strip of at most 16 images of which one is chosen; more can be dropped in, or chosen from a file.

    ``images`` are anything that `images_for` takes. ``chosen`` is the place of the chosen one.
    """

    def __init__(self, model: ImageModel, images: Any = None, *, label: str = "image") -> None:
        self.model, self._label = model, label
        given = images_for(model, images)
        self._entries = [_Entry(given[i : i + 1], _name(given, i, label)) for i in range(min(len(given), MOST_IMAGES))]
        thumbnails = self._thumbnails()  # a damaged file is refused before there is any widget
        self._callbacks: list[Callable[[], None]] = []
        self._setting = False
        self.chosen = 0
        self.strip = FrameView(columns=4)
        self.drop = ImageDrop()
        super().__init__([self.strip, self.drop])
        self.add_class("xw-image-choice")
        self._show(thumbnails)
        self.strip.observe(self._on_selected, "selected")
        self.drop.on_files(self._on_files)

    @property
    def image(self) -> ImageSet:
        """The chosen image, as a set of one."""
        return self._entries[self.chosen].images

    @property
    def name(self) -> str:
        """What the chosen image is called."""
        return self._entries[self.chosen].name

    def __len__(self) -> int:
        """How many images the strip holds."""
        return len(self._entries)

    def set(self, chosen: int) -> None:
        """Choose an image by its place; calls nobody."""
        if not 0 <= chosen < len(self._entries):
            raise XaiwidgetsError(f"Image {chosen} was asked for; there are {len(self._entries)}.")
        self.chosen = chosen
        self._mark()

    @property
    def entry(self) -> "_Entry":
        """The chosen image with its name, for `bring_back`."""
        return self._entries[self.chosen]

    def bring_back(self, entry: "_Entry") -> None:
        """Choose an earlier ``entry`` again, also one that gave up its place in a full strip; calls nobody."""
        if entry in self._entries:
            self.set(self._entries.index(entry))
        else:
            self._append(entry)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` after a user chose another image."""
        self._callbacks.append(callback)

    def add(self, content: Any, name: str = "") -> None:
        """Put another image at the end and choose it; raises a sentence for what is no picture.

        Where the strip is full it takes the place of the last one.
        """
        shape = self.model.picture_shape
        pixels = read_image(content, shape, name=name or "The image")
        # The name is not enough to find the file again, so that code cannot name where it comes from.
        entry = _Entry(ImageSet(pixels[None]), name or f"{self._label} {len(self._entries)}")
        self._append(entry)
        self._tell()

    def _append(self, entry: "_Entry") -> None:
        del self._entries[MOST_IMAGES - 1 :]
        self._entries.append(entry)
        self.chosen = len(self._entries) - 1
        self._show(self._thumbnails())

    def _thumbnails(self) -> np.ndarray:
        return np.stack([entry.images.thumbnail(0, _SIDE) for entry in self._entries])

    def _show(self, thumbnails: np.ndarray) -> None:
        names = [entry.name for entry in self._entries]
        _, height, width = self.model.picture_shape
        colors = [category_color(0)] * len(names)
        self.strip.set_grid(names, [f"choose {name}" for name in names], [""] * len(names), colors, width / height)
        self.strip.show(thumbnails, lossless=True)
        self._mark()

    def _mark(self) -> None:
        self._setting = True
        try:
            self.strip.set_trait("selected", self.chosen)
        finally:
            self._setting = False

    def _on_selected(self, change: Any) -> None:
        if self._setting:
            return
        if change["new"] == _NO_CHOICE:  # one is always chosen
            self._mark()
        elif change["new"] != self.chosen:
            self.chosen = change["new"]
            self._tell()

    def _on_files(self, files: list[tuple[str, bytes]]) -> None:
        for name, content in files:
            try:
                self.add(content, Path(name).name[:60])
            except XaiwidgetsError as error:
                self.drop.say(str(error))

    def _tell(self) -> None:
        for callback in tuple(self._callbacks):
            callback()


class _Entry:
    """One image and what it is called."""

    def __init__(self, images: ImageSet, name: str) -> None:
        self.images, self.name = images, name


def images_for(model: ImageModel, images: Any) -> ImageSet:
    """``images`` as a set in the shape that the model looks at: the middle of each, resized.

    Takes an `ImageSet`, tensors, arrays, a path, bytes or Pillow image, a list of these, or a torch ``Dataset``; for a
    network of plain vectors each row of a tensor (image, number) is one. None: the packaged Fashion-MNIST images for a
    network of 1×28×28, else the photographs of scikit-image. Raises `XaiwidgetsError` for what is no image.
    """
    shape = model.picture_shape
    if images is None:
        images = fashion_mnist_small() if shape == (1, 28, 28) else photograph_set(max(shape[1:]), min(3, shape[0]))
    if isinstance(images, ImageSet):
        return images.fitted(shape)
    if isinstance(images, str | Path | bytes | Image.Image):
        return _one(images, shape)
    if _are_rows(images, model):
        return _vectors(images, model)
    if isinstance(images, list | tuple) and images and all(_is_single(entry) for entry in images):
        return ImageSet(torch.stack([read_image(entry, shape) for entry in images]))
    if isinstance(images, Tensor | np.ndarray) and images.ndim in {2, 3} and not _is_stack(images, shape):
        return ImageSet(read_image(images, shape)[None])
    return ImageSet(images).fitted(shape)


def _are_rows(images: Any, model: ImageModel) -> bool:
    """Whether two axes are the vectors of many images, rather than the rows and columns of one."""
    if len(model.input_shape) > 1 or not isinstance(images, Tensor | np.ndarray) or images.ndim != 2:  # noqa: PLR2004
        return False
    return images.shape[1] == model.input_shape[0] or tuple(images.shape) != model.picture_shape[1:]


def _vectors(rows: Tensor | np.ndarray, model: ImageModel) -> ImageSet:
    """A row for each image of a network of plain vectors."""
    if rows.shape[1] != model.input_shape[0]:
        raise XaiwidgetsError(
            f"Rows of {rows.shape[1]} numbers were given; {model.name} looks at vectors of {model.input_shape[0]}."
        )
    return ImageSet(rows.reshape(len(rows), *model.picture_shape))


def _one(image: Any, shape: tuple[int, int, int]) -> ImageSet:
    if isinstance(image, str | Path) and Path(image).is_dir():
        return ImageSet.from_folder(image, size=shape[1:], channels=min(3, shape[0])).fitted(shape)
    named = isinstance(image, str | Path)
    source = f"xw.data.ImageSet(xw.data.read_image({str(image)!r}, {shape})[None])" if named else ""
    return ImageSet(read_image(image, shape)[None], source=source)


def _is_single(entry: Any) -> bool:
    return isinstance(entry, str | Path | bytes | Image.Image | Tensor | np.ndarray) and getattr(entry, "ndim", 3) <= 3  # noqa: PLR2004


def _is_stack(images: Tensor | np.ndarray, shape: tuple[int, int, int]) -> bool:
    """Whether three axes are many grey images rather than one image."""
    if images.ndim != 3 or images.shape[0] in {1, 3, shape[0]}:  # noqa: PLR2004
        return False
    return isinstance(images, Tensor) or images.shape[-1] not in {1, 3, 4}


def _name(images: ImageSet, place: int, label: str) -> str:
    return images.label_name(place) or f"{label} {place}"
