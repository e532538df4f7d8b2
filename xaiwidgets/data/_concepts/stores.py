"""Where images with labelled pixels come from, and how one of them is read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data.image_set import ImageSet, as_image_set

Concept = tuple[str, str]
"""Its name and its category."""

Shape = tuple[int, int, int]


class Labelled(NamedTuple):
    """One image and what is in it.

    ``layers`` hold 1 + the place of a concept among the set's, 0 for none; a pixel may have a label in each layer, the
    dominant one first. ``whole`` are the places of the concepts that the whole image has.
    """

    image: Float[Tensor, "channel height width"]
    layers: Int[Tensor, "layer row column"]
    whole: tuple[int, ...] = ()


class ConceptStore(ABC):
    """Images of one ``shape`` (channel, height, width) with labels of one ``label_shape`` (row, column)."""

    shape: Shape
    label_shape: tuple[int, int]
    concepts: tuple[Concept, ...]
    source: str = ""
    """The call of `ConceptSet` that makes it, where one can."""

    @property
    def origin(self) -> object:
        """The store that the images come from, whatever is made of them on the way."""
        return self

    @abstractmethod
    def __len__(self) -> int:
        """How many images there are."""

    @abstractmethod
    def read(self, place: int) -> Labelled:
        """One image with its labels; raises `XaiwidgetsError` naming the row and the file where it is broken."""

    @abstractmethod
    def image(self, place: int) -> Float[Tensor, "channel height width"]:
        """The image alone."""

    def read_many(self, places: Sequence[int]) -> list[Labelled | XaiwidgetsError]:
        """Some of them, each of which may be broken; stores of files read several at a time."""
        return [attempt(self, place) for place in places]


class ArrayStore(ConceptStore):
    """Images and integer masks that lie in memory; see `ConceptSet.from_arrays`."""

    def __init__(
        self,
        images: ImageSet | Tensor | np.ndarray,
        masks: Mapping[str, Tensor | np.ndarray],
        names: Mapping[str, Sequence[str]],
    ) -> None:
        self.images = as_image_set(images)
        _refuse_mismatch(masks, names)
        given = {
            category: _checked(mask, category, names[category], len(self.images)) for category, mask in masks.items()
        }
        shapes = {category: tuple(mask.shape[1:]) for category, mask in given.items()}
        if len(set(shapes.values())) > 1:
            raise XaiwidgetsError(f"The masks have several sizes ({shapes}); give all of one height and width.")
        self.shape, self.label_shape = self.images.shape, next(iter(shapes.values()))
        self.concepts = tuple((str(name), str(category)) for category in masks for name in names[category])
        self._layers = torch.stack(_shifted(given, names), dim=1)

    def __len__(self) -> int:
        return len(self.images)

    def read(self, place: int) -> Labelled:
        """Taken out of the arrays."""
        return Labelled(self.image(place), self._layers[place])

    def image(self, place: int) -> Tensor:
        """Taken out of the array."""
        return self.images.batch([place])[0]

    def read_many(self, places: Sequence[int]) -> list[Labelled]:
        """All at once."""
        images = self.images.batch(places)
        return [Labelled(image, self._layers[place]) for image, place in zip(images, places, strict=True)]


def attempt(store: ConceptStore, place: int) -> Labelled | XaiwidgetsError:
    """One of its images, or why there is none."""
    try:
        return store.read(place)
    except XaiwidgetsError as error:
        return error


def label_type(count: int) -> torch.dtype:
    """The smallest type that can number so many concepts."""
    return torch.int16 if count < torch.iinfo(torch.int16).max else torch.int32


def distinct(layers: Int[Tensor, "layer row column"], whole: Sequence[int] = ()) -> Int[Tensor, "layer row column"]:
    """The layers without labels that a pixel has already, in an earlier layer or from the whole image."""
    for later in range(1, len(layers)):
        twice = (layers[later] == layers[:later]).any(0) & (layers[later] > 0)
        if bool(twice.any()):
            layers = layers.index_put((torch.tensor([later]),), layers[later].masked_fill(twice, 0))
    for concept in whole:
        layers = layers.masked_fill(layers == concept + 1, 0)
    return layers


def _refuse_mismatch(masks: Mapping, names: Mapping) -> None:
    if not isinstance(masks, Mapping) or not isinstance(names, Mapping):
        raise XaiwidgetsError(
            f"Masks as {type(masks).__name__} and names as {type(names).__name__} were given; give a dict of each by "
            'category, as in masks={"color": array}, names={"color": ["red", "blue"]}.'
        )
    if not masks or masks.keys() != names.keys():
        raise XaiwidgetsError(
            f"Masks of the categories {sorted(masks)} and names of {sorted(names)} were given; give both for each of "
            "the same categories, at least one."
        )


def _checked(mask: Tensor | np.ndarray, category: str, names: Sequence[str], count: int) -> Tensor:
    """The mask as whole numbers, refused where it does not fit."""
    if isinstance(names, str) or names is None or len(names) == 0 or len(set(map(str, names))) < len(names):
        raise XaiwidgetsError(
            f"The names of category {category!r} are {names!r}; give a list with a name or more, each once."
        )
    if not isinstance(mask, Tensor | np.ndarray) or (isinstance(mask, np.ndarray) and mask.dtype.kind not in "biuf"):
        raise XaiwidgetsError(
            f"The masks of category {category!r} are {type(mask).__name__}; give an array of whole numbers (image, "
            "height, width), 0 for none."
        )
    given = torch.as_tensor(np.ascontiguousarray(mask) if isinstance(mask, np.ndarray) else mask)
    if given.is_floating_point() or given.is_complex() or given.dim() != 3 or len(given) != count or 0 in given.shape:  # noqa: PLR2004
        raise XaiwidgetsError(
            f"The masks of category {category!r} are {given.dtype} of shape {tuple(given.shape)}; give whole numbers "
            f"of shape ({count}, height, width), 0 for none."
        )
    given = given.detach().cpu().long()
    if given.numel() and (int(given.min()) < 0 or int(given.max()) > len(names)):
        raise XaiwidgetsError(
            f"The masks of category {category!r} have labels from {int(given.min())} to {int(given.max())}; there are "
            f"{len(names)} names, so give 0 for none and 1 to {len(names)}."
        )
    return given


def _shifted(masks: Mapping[str, Tensor], names: Mapping[str, Sequence[str]]) -> list[Tensor]:
    """A layer for each category, its labels behind those of the categories before it."""
    kind, first, layers = label_type(sum(map(len, names.values()))), 0, []
    for category, mask in masks.items():
        layers.append(torch.where(mask > 0, mask + first, 0).to(kind))
        first += len(names[category])
    return layers
