"""Many images of one shape with their labels, in memory or in their files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._places import places_of, slice_words
from xaiwidgets.data._stores import Items, Memory, Pictures, Store, is_dataset
from xaiwidgets.data._views import Fitted, Joined, Picked
from xaiwidgets.data.reading import opened

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
_WANTED = "give arrays (image, channel, height, width), a torch Dataset of (image, label), or a folder's path"

Shape = tuple[int, int, int]


class ImageSet:
    """Images in [0, 1] that all have the shape (channel, height, width), with labels and class names where known.

    ``images`` is a tensor or an array (image, channel, height, width), or (image, height, width[, colour]), of bytes or
    of numbers in [0, 1]; a torch ``Dataset`` of images or of (image, label); or a folder's path, see `from_folder`.
    ``labels`` is one whole number for each image. Nothing but arrays is held in memory: files and data sets are read
    when they are asked for. Raises `XaiwidgetsError` for what does not fit together.
    """

    def __init__(
        self,
        images: Any,
        labels: Sequence[int] | Tensor | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        *,
        source: str = "",
    ) -> None:
        if isinstance(images, str | Path):
            raise XaiwidgetsError(f"The path {str(images)!r} was given; use ImageSet.from_folder(path).")
        self._store = _store_of(images)
        if len(self._store) == 0:
            raise XaiwidgetsError(f"No images were given; {_WANTED}.")
        self._labels = None if callable(labels) else _checked_labels(labels, len(self._store))
        self._later = labels if callable(labels) else None
        if class_names is None and isinstance(self._store, Items):
            class_names = self._store.class_names
        self.class_names = _checked_names(class_names, self._labels)
        self.source = source
        """The expression that makes it again; "" where it was made from what only the caller has."""

    @classmethod
    def from_folder(cls, path: str | Path, size: int | tuple[int, int] = 224, channels: int = 3) -> "ImageSet":
        """The pictures of a folder, cropped to their middle and resized to ``size`` (a side, or (height, width)).

        Where the folder holds folders, each is a class: its name is the class's, its pictures (at any depth) have that
        label. Each file is looked at now and decoded when it is asked for. Raises `XaiwidgetsError` for a folder
        without pictures, and for a file that is none.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise XaiwidgetsError(f"{str(path)!r} is no folder; give one that holds pictures.")
        files, labels, names = _files_of(folder)
        if not files:
            raise XaiwidgetsError(f"The folder {str(path)!r} holds no pictures; put PNG or JPEG files there.")
        for file in files:
            opened(file, repr(str(file.relative_to(folder)))).close()
        height, width = checked_size(size)
        source = f"xw.data.ImageSet.from_folder({str(path)!r}, size={size!r}, channels={channels})"
        return cls(Pictures(files, (channels, height, width)), labels, names, source=source)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._store)

    @property
    def shape(self) -> Shape:
        """(channel, height, width) of every image."""
        return self._store.shape

    @property
    def key(self) -> str:
        """A text that is equal for equal images in equal order, whatever their labels.

        It is told by contents in memory and by name, size and time of files. A torch ``Dataset`` may give anything, so
        two sets of it have two keys.
        """
        return self._store.key

    @property
    def labels(self) -> Int[Tensor, "image"] | None:
        """The label of every image, None where there are none."""
        if self._labels is None and self._later is not None:
            self._labels, self._later = self._later(), None
        if self._labels is None and isinstance(self._store, Items) and self._store.labelled:
            self._labels = self._store.labels()
        return self._labels

    def batch(self, index: slice | Sequence[int] | Tensor) -> Float[Tensor, "image channel height width"]:
        """Some images, read now, in [0, 1] on the CPU."""
        return self._store.read(places_of(index, len(self)))

    def __getitem__(self, index: int | slice) -> Any:
        """One image with its label (None where there is none), or for a slice the set of its images."""
        if isinstance(index, slice):
            return self.subset(index)
        place = range(len(self))[index]
        return self.batch([place])[0], None if self.labels is None else int(self.labels[place])

    def subset(self, index: slice | Sequence[int] | Tensor) -> "ImageSet":
        """The set of some of the images."""
        places = places_of(index, len(self))
        return self._picked(places, slice_words(index) if isinstance(index, slice) else f".subset({places})")

    def with_labels(self, labels: Sequence[int] | Tensor | np.ndarray) -> "ImageSet":
        """The same images, of the same `key`, with other labels."""
        return ImageSet(self._store, labels, self.class_names)

    def without(self, index: Sequence[int] | Tensor) -> "ImageSet":
        """The set of all images but some."""
        left_out = places_of(index, len(self))
        kept = sorted(set(range(len(self))).difference(left_out))
        return self._picked(kept, f".without({left_out})")

    def joined(self, other: "ImageSet") -> "ImageSet":
        """These images and then those of another set of the same shape; labels are kept where both have them."""
        if other.shape != self.shape:
            raise XaiwidgetsError(f"Images of {other.shape} cannot follow images of {self.shape}; use fitted(shape).")
        both = self.labels is not None and other.labels is not None
        labels = torch.cat([self.labels, other.labels]) if both else None
        store = Joined(self._store, other._store)  # noqa: SLF001 - of the same class
        return ImageSet(store, labels, self.class_names or other.class_names)

    def _picked(self, places: list[int], said: str) -> "ImageSet":
        source = self.source + said if self.source else ""
        return ImageSet(Picked(self._store, places), self._labels_of(places), self.class_names, source=source)

    def fitted(self, shape: Shape) -> "ImageSet":
        """The same images in another shape: the middle of each, resized; the same set where nothing is to change."""
        if tuple(shape) == self.shape:
            return self
        source = f"{self.source}.fitted({tuple(shape)})" if self.source else ""
        return ImageSet(Fitted(self._store, tuple(shape)), self._labels_of(), self.class_names, source=source)

    def _labels_of(self, places: Sequence[int] | None = None) -> Any:
        """The labels of some or all images, read when they are asked for: a data set may have to decode for them."""
        if self._labels is None and self._later is None and not getattr(self._store, "labelled", False):
            return None
        return lambda: self.labels if places is None else self.labels[places]

    def thumbnail(self, index: int, side: int = 64) -> UInt8[np.ndarray, "height width color"]:
        """One image as bytes, its longer side at most ``side`` pixels."""
        channels, height, width = self.shape
        scale = min(1.0, side / max(height, width))
        shape = (channels, max(1, round(height * scale)), max(1, round(width * scale)))
        image = Fitted(self._store, shape).read(places_of([index], len(self)))[0]
        image = image if channels in {1, 3} else image.mean(0, keepdim=True)
        return image.mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()

    def label_name(self, index: int) -> str:
        """The name of an image's class, its label where it has no name, "" where there is none."""
        if self.labels is None:
            return ""
        label = int(self.labels[index])
        return self.class_names[label] if self.class_names else str(label)

    def __repr__(self) -> str:
        """How many of which shape."""
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"ImageSet({len(self):,} images of {'×'.join(map(str, self.shape))}{classes})"


def as_image_set(images: Any) -> ImageSet:
    """``images`` itself if it is an `ImageSet`, else a set made of it."""
    return images if isinstance(images, ImageSet) else ImageSet(images)


def _store_of(images: Any) -> Store:
    if isinstance(images, Store):
        return images
    if isinstance(images, Tensor | np.ndarray):
        return Memory(images)
    if is_dataset(images):
        return Items(images)
    raise XaiwidgetsError(f"{type(images).__name__} was given as images; {_WANTED}.")


def _checked_labels(labels: Any, count: int) -> Tensor | None:
    if labels is None:
        return None
    try:
        given = torch.as_tensor(list(labels) if isinstance(labels, range) else labels)
    except (TypeError, ValueError):
        raise XaiwidgetsError(
            "Labels that are no numbers were given; give whole numbers, and their names as class_names."
        ) from None
    if given.dim() != 1 or len(given) != count:
        raise XaiwidgetsError(
            f"{len(given) if given.dim() else 1} labels were given for {count} images; give one for each."
        )
    if given.is_floating_point() or given.dtype == torch.bool or (count and int(given.min()) < 0):
        raise XaiwidgetsError(f"Labels of {given.dtype} were given; give whole numbers of at least 0.")
    return given.long().cpu().clone()


def _checked_names(names: Sequence[str] | None, labels: Tensor | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if labels is not None and len(labels) and int(labels.max()) >= len(names):
        raise XaiwidgetsError(
            f"{len(names)} class names were given, but a label is {int(labels.max())}; give a name for every class."
        )
    return tuple(map(str, names))


def checked_size(size: Any) -> tuple[int, int]:
    """(height, width) of a side or of both; raises for anything else."""
    sides = (size, size) if isinstance(size, int) else size
    if not isinstance(sides, tuple | list) or len(sides) != 2 or not all(isinstance(n, int) and n > 0 for n in sides):  # noqa: PLR2004
        raise XaiwidgetsError(f"size={size!r} was given; give a side in pixels, or (height, width).")
    return tuple(sides)


def _files_of(folder: Path) -> tuple[list[Path], list[int] | None, list[str] | None]:
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    found = [sorted(pictures_in(entry.rglob("*"))) for entry in classes]
    loose = sorted(pictures_in(folder.iterdir()))
    if loose and any(found):
        raise XaiwidgetsError(
            f"The folder {str(folder)!r} holds pictures and folders of pictures; put {loose[0].name!r} into a folder, "
            "or name one folder."
        )
    if loose or not any(found):
        return loose, None, None
    kept = [(entry.name, files) for entry, files in zip(classes, found, strict=True) if files]
    labels = [label for label, (_, files) in enumerate(kept) for _ in files]
    return [file for _, files in kept for file in files], labels, [name for name, _ in kept]


def pictures_in(paths: Iterable[Path]) -> Iterable[Path]:
    """Those of the paths that are named as pictures are."""
    return (path for path in paths if path.suffix.lower() in _SUFFIXES and not path.name.startswith("."))
