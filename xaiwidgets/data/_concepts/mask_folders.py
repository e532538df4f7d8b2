"""Sets from a folder of pictures and one of masks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.files import (
    SKIP,
    FileStore,
    color_codes,
    decoded_image,
    decoded_labels,
    decoding,
    found_among,
    label_array_type,
    opened_file,
    opened_labels,
    same_size,
    upright_size,
)
from xaiwidgets.data._concepts.stores import Labelled
from xaiwidgets.data.image_set import checked_size, pictures_in

_HIGHEST = 255
_COLORS = 3
_MODES = {"index": ("P", "L"), "color": ("RGB", "RGBA", "P")}


class MaskStore(FileStore):
    """Pictures and PNG masks with the same stems; see `ConceptSet.from_masks`.

    Masks of Pillow's modes P and L hold indices; those of RGB, RGBA and P (by its palette) hold colors. A stem that
    only one of the folders has is a broken image. Both are cropped to the middle of the wanted proportions; masks are
    resized by the nearest neighbour.
    """

    def __init__(
        self,
        images: Path,
        masks: Path,
        classes: Mapping[str, int | tuple[int, int, int]],
        category: str,
        size: int | tuple[int, int] | None,
    ) -> None:
        self.images, self.masks = images, masks
        known = _checked_classes(classes)
        self.concepts = tuple((name, category) for name in known)
        self._kind = "index" if isinstance(next(iter(known.values())), int) else "color"
        self._lookup = _lookup(known)
        self.pictures_in, self._masks = _by_stem(images, "pictures"), _by_stem(masks, "masks")
        if not self.pictures_in.keys() & self._masks.keys():
            raise XaiwidgetsError(
                f"No mask in {str(masks)!r} has the name of a picture in {str(images)!r}; give each picture's mask its "
                "name, as in 'a.jpg' and 'a.png'."
            )
        self._stems = sorted(self.pictures_in.keys() | self._masks.keys())
        self.label_shape = self._first_size() if size is None else checked_size(size)
        self.shape = (3, *self.label_shape)
        given = f"{str(images)!r}, {str(masks)!r}, {known!r}, category={category!r}, size={size!r}"
        self.source = f"xw.ConceptSet.from_masks({given})"

    def __len__(self) -> int:
        return len(self._stems)

    def image(self, place: int) -> Tensor:
        """The middle of the picture."""
        path = self._picture(place)
        with opened_file(path, repr(path.name)) as picture, decoding(repr(path.name)):
            return decoded_image(picture, self.label_shape)

    def read(self, place: int) -> Labelled:
        """The middle of the picture, and of its mask."""
        picture, mask = self._picture(place), self._mask(place)
        said = f"The mask {mask.name!r}"
        with (
            opened_file(picture, repr(picture.name)) as opened,
            opened_labels(mask, said, _MODES[self._kind]) as labels,
        ):
            with decoding(repr(picture.name)):
                same_size(labels.size[::-1], upright_size(opened), said, f"its picture {picture.name!r}")
                image = decoded_image(opened, self.label_shape)
            with decoding(said):
                layer = self._lookup(decoded_labels(labels, self.label_shape))
        return Labelled(image, torch.from_numpy(layer)[None])

    def _picture(self, place: int) -> Path:
        stem = self._stems[place]
        if stem in self.pictures_in:
            return self.pictures_in[stem]
        raise XaiwidgetsError(
            f"The mask {self._masks[stem].name!r} has no picture in {str(self.images)!r}; put a picture named {stem!r} "
            f"there, take the mask away, {SKIP}."
        )

    def _mask(self, place: int) -> Path:
        stem = self._stems[place]
        if stem in self._masks:
            return self._masks[stem]
        raise XaiwidgetsError(
            f"The picture {self.pictures_in[stem].name!r} has no mask in {str(self.masks)!r}; put {f'{stem}.png'!r} "
            f"there, take the picture away, {SKIP}."
        )

    def _first_size(self) -> tuple[int, int]:
        """(height, width) of the first picture that can be opened."""
        refused = None
        for path in self.pictures_in.values():
            try:
                with opened_file(path, repr(path.name)) as picture, decoding(repr(path.name)):
                    return upright_size(picture)
            except XaiwidgetsError as error:
                refused = refused or error
        raise refused


def _by_stem(folder: Path, what: str) -> dict[str, Path]:
    """The pictures of a folder by their names without suffix; masks are PNG files alone."""
    if not folder.is_dir():
        raise XaiwidgetsError(f"{str(folder)!r} is no folder; give the one that holds the {what}.")
    found: dict[str, Path] = {}
    for path in sorted(pictures_in(folder.iterdir())):
        if what == "masks" and path.suffix.lower() != ".png":
            continue
        if path.stem in found:
            raise XaiwidgetsError(
                f"{str(folder)!r} holds {found[path.stem].name!r} and {path.name!r}; leave one of each name."
            )
        found[path.stem] = path
    if not found:
        suffixes = "PNG files" if what == "masks" else "PNG or JPEG files"
        raise XaiwidgetsError(f"The folder {str(folder)!r} holds no {what}; put {suffixes} there.")
    return found


def _checked_classes(classes: Any) -> dict[str, int | tuple[int, int, int]]:
    """Names with indices, or names with colors, each value once."""
    if not isinstance(classes, Mapping) or not classes:
        raise XaiwidgetsError(
            f"classes={classes!r} was given; give a dict of names with indices, such as {{'cat': 1}}, or with colors, "
            "such as {'cat': (255, 0, 0)}."
        )
    known = {str(name): _plain(value) for name, value in classes.items()}
    values = list(known.values())
    kinds = {type(value) for value in values}
    if None in values or len(kinds) > 1 or len(set(values)) < len(classes):
        raise XaiwidgetsError(
            f"classes={dict(classes)!r} was given; give each name an index from 0 to {_HIGHEST} of its own, or each a "
            f"color (red, green, blue) in [0, {_HIGHEST}] of its own."
        )
    return known


def _plain(value: Any) -> int | tuple[int, int, int] | None:
    """An index or a color as Python has it, None for what is neither."""
    parts = np.asarray(value)
    if not np.issubdtype(parts.dtype, np.integer) or parts.shape not in {(), (_COLORS,)}:
        return None
    if parts.min() < 0 or parts.max() > _HIGHEST:
        return None
    return int(parts) if parts.ndim == 0 else tuple(parts.tolist())


def _lookup(classes: Mapping[str, int | tuple[int, int, int]]) -> Callable[[Image.Image], np.ndarray]:
    """From a mask to 1 + the place of the class, 0 for none."""
    values = np.array(list(classes.values()))
    kind = label_array_type(len(values))
    places = np.arange(1, len(values) + 1, dtype=kind)
    if values.ndim == 1:
        table = np.zeros(_HIGHEST + 1, kind)
        table[values] = places
        return lambda mask: table[np.asarray(mask)]
    keys = values @ (1, 256, 256**2)
    order = np.argsort(keys)
    keys, places = keys[order], np.append(places[order], kind.type(0))  # what is not found is at -1
    return lambda mask: places[found_among(color_codes(mask), keys)]
