"""Sets in COCO's panoptic format.

Kirillov, He, Girshick, Rother and Dollár, "Panoptic Segmentation", CVPR 2019; the format is described at
https://cocodataset.org/#format-data.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.files import (
    REMEDY,
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
from xaiwidgets.data.image_set import checked_size

_NEEDED = {
    "images": {"id": int | str, "file_name": str, "height": int, "width": int},
    "annotations": {"image_id": int | str, "file_name": str, "segments_info": list},
    "categories": {"id": int, "name": str},
}


class PanopticStore(FileStore):
    """One image for each annotation of the JSON file, in its order; see `ConceptSet.from_panoptic`.

    A pixel of an annotation's PNG is red + 256 · green + 256² · blue: the id of a segment, 0 for none. Picture and
    labels are cropped to the middle of the wanted proportions and resized, the labels by the nearest neighbour, before
    ids are looked up: an unknown one outside of that middle is not seen.
    """

    def __init__(self, annotations: Path, images: Path, masks: Path, size: int | tuple[int, int]) -> None:
        self.annotations, self.images, self.masks = annotations, images, masks
        known = _read(annotations)
        self.pictures_in = {entry["id"]: entry for entry in known["images"]}
        self._annotations = known["annotations"]
        self.concepts = tuple(
            (str(entry["name"]), "thing" if entry.get("isthing") else "stuff") for entry in known["categories"]
        )
        self._places = {entry["id"]: place for place, entry in enumerate(known["categories"])}
        self.label_shape = checked_size(size)
        self.shape = (3, *self.label_shape)
        paths = ", ".join(repr(str(path)) for path in (annotations, images, masks))
        self.source = f"xw.ConceptSet.from_panoptic({paths}, size={size!r})"

    def __len__(self) -> int:
        return len(self._annotations)

    def image(self, place: int) -> Tensor:
        """The middle of the picture."""
        path, name, _ = self._picture(place)
        with opened_file(path, name) as picture, decoding(name):
            return decoded_image(picture, self.label_shape)

    def read(self, place: int) -> Labelled:
        """The middle of the picture, and of its segments."""
        path, name, size = self._picture(place)
        ids, concepts = self._segments(place)
        file = self._annotations[place]["file_name"]
        said = f"{self._said(place)}: the mask {file!r}"
        with opened_file(path, name) as picture, opened_labels(self.masks / file, said, ("RGB", "RGBA")) as labels:
            with decoding(name):
                same_size(upright_size(picture), size, name, f"{self.annotations.name} says")
                same_size(labels.size[::-1], size, said, f"its picture {path.name!r}")
                image = decoded_image(picture, self.label_shape)
            with decoding(said):
                codes = color_codes(decoded_labels(labels, self.label_shape))
        return Labelled(image, torch.from_numpy(_looked_up(codes, ids, concepts, said))[None])

    def _said(self, place: int) -> str:
        return f"{self.annotations.name}, annotation {place}"

    def _picture(self, place: int) -> tuple[Path, str, tuple[int, int]]:
        """Its path, what a refusal calls it, and (height, width)."""
        wanted = self._annotations[place]["image_id"]
        if wanted not in self.pictures_in:
            raise XaiwidgetsError(f"{self._said(place)} is of the image {wanted!r}, which 'images' lacks; {REMEDY}.")
        entry = self.pictures_in[wanted]
        path = self.images / entry["file_name"]
        return path, f"{self._said(place)}: the picture {entry['file_name']!r}", (entry["height"], entry["width"])

    def _segments(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The segments' ids in ascending order, and 1 + the place of the concept of each; 0 is none."""
        found = {0: 0}
        for segment in self._annotations[place]["segments_info"]:
            own, category = (segment.get(key) for key in ("id", "category_id"))
            if not isinstance(own, int) or category not in self._places:
                raise XaiwidgetsError(
                    f"{self._said(place)} has a segment {own!r} of the category {category!r}, which 'categories' "
                    f"lacks; {REMEDY}."
                )
            found[own] = self._places[category] + 1
        ids = sorted(found)
        kind = label_array_type(len(self.concepts))
        return np.array(ids), np.array([found[segment] for segment in ids], kind)


def _looked_up(codes: np.ndarray, ids: np.ndarray, concepts: np.ndarray, said: str) -> np.ndarray:
    """The concept of each pixel's segment."""
    at = found_among(codes, ids)
    if at.min() < 0:
        raise XaiwidgetsError(f"{said} has the id {codes[at < 0][0]}, which no segment names; {REMEDY}.")
    return concepts[at]


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The file's lists, refused where an entry lacks what is needed."""
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise XaiwidgetsError(f"{str(path)!r} is missing; give a JSON file in COCO's panoptic format.") from None
    except (OSError, ValueError) as error:
        raise XaiwidgetsError(f"{str(path)!r} is no JSON ({error}); give one in COCO's panoptic format.") from None
    for part, keys in _NEEDED.items():
        entries = known.get(part) if isinstance(known, dict) else None
        if not isinstance(entries, list) or not entries:
            raise XaiwidgetsError(f"{str(path)!r} has no {part}; give a JSON file in COCO's panoptic format.")
        for place, entry in enumerate(entries):
            given = entry if isinstance(entry, dict) else {}
            lacking = [key for key, kind in keys.items() if not isinstance(given.get(key), kind)]
            if lacking:
                raise XaiwidgetsError(
                    f"{str(path)!r}: entry {place} of {part!r} has no {lacking[0]!r} as it should be; give it "
                    f"{', '.join(keys)}."
                )
    return known
