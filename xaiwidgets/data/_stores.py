"""Where the images of a set come from, and how some of them are read."""

import hashlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data.reading import of_array, read_image, unit_interval

Shape = tuple[int, int, int]


class Store(ABC):
    """Images of one ``shape`` (channel, height, width) by their places."""

    shape: Shape

    @abstractmethod
    def __len__(self) -> int:
        """How many images there are."""

    @abstractmethod
    def read(self, places: Sequence[int]) -> Tensor:
        """Float[image, channel, height, width] in [0, 1]; the caller may write to it."""

    @cached_property
    def key(self) -> str:
        """Equal for equal images in equal order; told without decoding any. Unless a store knows, its own for each."""
        return uuid.uuid4().hex


class Memory(Store):
    """Images in memory: bytes stay bytes until they are read."""

    def __init__(self, images: Tensor | np.ndarray) -> None:
        given = images.detach() if isinstance(images, Tensor) else of_array(images)
        if given.dim() == 3:  # noqa: PLR2004
            given = given[:, None]
        elif given.dim() == 4 and given.shape[1] not in {1, 3} and given.shape[3] in {1, 3}:  # noqa: PLR2004
            given = given.permute(0, 3, 1, 2)
        if given.dim() != 4 or 0 in given.shape[1:]:  # noqa: PLR2004
            raise XaiwidgetsError(
                f"Images of shape {tuple(images.shape)} were given; give (image, channel, height, width), or (image, "
                "height, width, colour)."
            )
        self.images = given if given.dtype == torch.uint8 else unit_interval(given)
        self.shape = tuple(given.shape[1:])
        self._digest: tuple[int, str] | None = None
        self._shared = _may_be_written(images)

    def __len__(self) -> int:
        return len(self.images)

    def read(self, places: Sequence[int]) -> Tensor:
        """Copied, so that nobody writes to the set."""
        run = range(places[0], places[0] + len(places)) if places else range(0)
        part = self.images[run.start : run.stop] if list(places) == list(run) else self.images[list(places)]
        if part.dtype == torch.uint8:
            return unit_interval(part.cpu().contiguous())
        return part.cpu().clone(memory_format=torch.contiguous_format)  # looked through when the set was made

    @property
    def key(self) -> str:
        """By every byte; taken anew when the tensor was written to, and always where an array may have been."""
        version = 0 if self.images.is_inference() else self.images._version  # noqa: SLF001 - torch has no public name
        if self._digest is None or self._digest[0] != version or self._shared:
            content = self.images.cpu().contiguous().flatten().view(torch.uint8)
            self._digest = (version, digest([str(self.shape).encode(), content.numpy()]))
        return self._digest[1]


class Pictures(Store):
    """Files, each decoded when it is read."""

    def __init__(self, files: Sequence[Path], shape: Shape) -> None:
        self.files, self.shape = list(files), shape

    def __len__(self) -> int:
        return len(self.files)

    def read(self, places: Sequence[int]) -> Tensor:
        """Decode, crop and resize."""
        return torch.stack([read_image(self.files[place], self.shape) for place in places])

    @property
    def key(self) -> str:
        """By the files' names, sizes and times."""
        known = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in self.files]
        return digest([repr((self.shape, known)).encode()])


class Items(Store):
    """A torch ``Dataset`` of images, or of (image, label); an image is a tensor, an array or a Pillow image."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        first = self._entry(0) if len(dataset) else (np.zeros((1, 1, 1), np.float32), None)
        self.labelled = first[1] is not None
        self.shape = _shape_of(first[0])

    def __len__(self) -> int:
        return len(self.dataset)

    def read(self, places: Sequence[int]) -> Tensor:
        """Ask the data set for each image."""
        return torch.stack([self._image(place) for place in places])

    @property
    def class_names(self) -> list[str] | None:
        """The names that the data set has for its classes, as torchvision's have."""
        known = getattr(self.dataset, "classes", None)
        return list(map(str, known)) if isinstance(known, list | tuple) else None

    def labels(self) -> Tensor:
        """The label of every entry, from its own list where it keeps one that is not transformed."""
        known = getattr(self.dataset, "targets", None)
        if known is None or getattr(self.dataset, "target_transform", None) is not None:
            known = [self._entry(place)[1] for place in range(len(self))]
        if None in known if isinstance(known, list) else False:
            raise XaiwidgetsError(
                f"Entry {known.index(None)} of the data set has no label, the first has one; give one for each."
            )
        return torch.as_tensor(known).long().clone()

    def _image(self, place: int) -> Tensor:
        entry = self._entry(place)[0]
        found = _shape_of(entry)
        if found != self.shape:
            raise XaiwidgetsError(
                f"Image {place} of the data set has shape {found}, the first has {self.shape}; resize them in the "
                "data set."
            )
        return read_image(entry, self.shape)

    def _entry(self, place: int) -> tuple[Any, int | None]:
        entry = self.dataset[place]
        if not isinstance(entry, tuple | list):
            return entry, None
        label = entry[1] if len(entry) > 1 else None
        if label is None or np.ndim(label) > 0:
            return entry[0], None
        if isinstance(label, str) or int(label) != label:
            raise XaiwidgetsError(
                f"Entry {place} of the data set has the label {label!r}; give whole numbers, and names as class_names."
            )
        return entry[0], int(label)


def _may_be_written(images: Tensor | np.ndarray) -> bool:
    """Whether somebody may write to them without a trace: to an array, or to a tensor that borrows its memory."""
    if isinstance(images, np.ndarray):
        return images.flags.writeable
    return images.is_inference() or not images.untyped_storage().resizable()


def digest(parts: Iterable[bytes | np.ndarray]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def is_dataset(images: Any) -> bool:
    """Whether it has a length and entries by number, as a map-style data set does."""
    return hasattr(images, "__len__") and hasattr(images, "__getitem__") and not isinstance(images, str | bytes | dict)


def _shape_of(image: Any) -> Shape:
    """(channel, height, width) of a tensor, an array or a Pillow image."""
    if isinstance(image, Tensor):
        return (1, *image.shape) if image.dim() == 2 else tuple(image.shape)  # noqa: PLR2004
    if isinstance(image, np.ndarray):
        height, width = image.shape[:2]
        if image.ndim == 3 and image.shape[-1] not in {1, 3, 4}:  # noqa: PLR2004
            return tuple(image.shape)
        return (1 if image.ndim == 2 else min(3, image.shape[-1]), height, width)  # noqa: PLR2004
    if hasattr(image, "getbands"):
        return (1 if image.mode in {"1", "L", "I", "F"} else 3, image.height, image.width)
    raise XaiwidgetsError(
        f"The data set gives {type(image).__name__} as an image; give tensors, arrays or Pillow images (a transform "
        "such as ToTensor makes them)."
    )
