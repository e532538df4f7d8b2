"""Images whose pixels are labelled with concepts: what network dissection compares units with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.batch import ConceptBatch, batch_of
from xaiwidgets.data._concepts.stores import ArrayStore, Concept, ConceptStore
from xaiwidgets.data._concepts.views import FittedConcepts, ImagesOf
from xaiwidgets.data._places import places_of, slice_words
from xaiwidgets.data.image_set import ImageSet

Shape = tuple[int, int, int]


class ConceptSet:
    """Images in [0, 1] of one ``shape`` (channel, height, width) whose pixels are labelled with concepts.

    A concept is a name and a category ("red", "color"). A pixel can have several, also of one category; an image can
    have some as a whole. Labels have a size of their own, ``label_shape``, and cover the same field of view.
    `from_arrays`, `from_broden`, `from_masks`, `from_panoptic` and `xaiwidgets.data.scenes` make sets. Files are read
    when they are asked for; ``broken="skip"`` leaves broken images out, where ``"stop"`` raises `XaiwidgetsError`
    naming the row and the file.
    """

    def __init__(
        self,
        store: ConceptStore,
        places: Sequence[int] | None = None,
        *,
        broken: Literal["stop", "skip"] = "stop",
        source: str = "",
    ) -> None:
        if not isinstance(store, ConceptStore):
            raise XaiwidgetsError(
                f"{type(store).__name__} was given; use ConceptSet.from_arrays(images, masks, names), or another from_…"
            )
        if broken not in {"stop", "skip"}:
            raise XaiwidgetsError(f"broken={broken!r} was given; give 'stop', or 'skip' to leave broken images out.")
        self._store, self.broken = store, broken
        self._ids = list(range(len(store)) if places is None else places)
        if not self._ids:
            raise XaiwidgetsError("No images were given; a set of concepts has at least one.")
        self.source = source
        """The expression that makes it again; "" where it was made from what only the caller has."""
        self.changes = ""
        """What was done to it since it was made, as code."""

    @classmethod
    def from_arrays(
        cls,
        images: ImageSet | Float[Tensor, "image channel height width"] | np.ndarray,
        masks: Mapping[str, Int[Tensor, "image row column"] | np.ndarray],
        names: Mapping[str, Sequence[str]],
        *,
        source: str = "",
    ) -> "ConceptSet":
        """A set from what lies in memory.

        ``masks`` hold for each category whole numbers (image, height, width): 0 for none, i for ``names[category][i -
        1]``. ``source`` is the expression that makes the set, for code that is copied from a widget. Raises
        `XaiwidgetsError` for what does not fit together.
        """
        return cls(ArrayStore(images, masks, names), source=source)

    @classmethod
    def from_broden(
        cls, folder: str | Path, *, split: str | None = None, broken: Literal["stop", "skip"] = "stop"
    ) -> "ConceptSet":
        """A set in the directory format of Broden (Bau et al. 2017), such as ``broden1_224``.

        ``split`` takes the rows of one split alone, such as "val". The tables are read now, pictures when they are
        asked for. Raises `XaiwidgetsError` naming file and row for what is broken.
        """
        from xaiwidgets.data._concepts.broden import BrodenStore

        return cls._of(BrodenStore(Path(folder), split), broken)

    @classmethod
    def from_masks(
        cls,
        images: str | Path,
        masks: str | Path,
        classes: Mapping[str, int | tuple[int, int, int]],
        *,
        category: str = "object",
        size: int | tuple[int, int] | None = None,
        broken: Literal["stop", "skip"] = "stop",
    ) -> "ConceptSet":
        """A folder of pictures and one of masks with the same stems.

        ``classes`` gives for each concept's name its index in the masks, or its colour (red, green, blue) in [0, 255];
        other values are no concept. ``size`` is the images' side or (height, width), the first one's unless told.
        """
        from xaiwidgets.data._concepts.mask_folders import MaskStore

        return cls._of(MaskStore(Path(images), Path(masks), classes, category, size), broken)

    @classmethod
    def from_panoptic(
        cls,
        annotations: str | Path,
        images: str | Path,
        masks: str | Path,
        *,
        size: int | tuple[int, int] = 224,
        broken: Literal["stop", "skip"] = "stop",
    ) -> "ConceptSet":
        """A set in COCO's panoptic format: a JSON file, a folder of pictures, and one of PNG masks.

        Concepts are the file's categories, those of things in the category "thing", the others in "stuff".
        """
        from xaiwidgets.data._concepts.panoptic import PanopticStore

        return cls._of(PanopticStore(Path(annotations), Path(images), Path(masks), size), broken)

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """(name, category) of every concept."""
        return self._store.concepts

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order in which concepts name them."""
        return tuple(dict.fromkeys(category for _, category in self.concepts))

    @property
    def shape(self) -> Shape:
        """(channel, height, width) of every image."""
        return self._store.shape

    @property
    def label_shape(self) -> tuple[int, int]:
        """(row, column) of the labels of every image."""
        return self._store.label_shape

    @property
    def ids(self) -> Int[Tensor, "image"]:
        """The images' places in the set that they were taken from first."""
        return torch.tensor(self._ids)

    @property
    def origin(self) -> object:
        """Stands for the set that the images were taken from first: parts of one set have the same."""
        return self._store.origin

    @property
    def origin_size(self) -> int:
        """How many images that set has."""
        return len(self._store)

    @property
    def images(self) -> ImageSet:
        """The images alone, in the order of the set that they were taken from first: indexed by id."""
        return ImageSet(ImagesOf(self._store), source=self.source and f"{self.source}.images")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._ids)

    def batch(self, index: slice | Sequence[int] | Tensor) -> ConceptBatch:
        """Some images with their labels, read now; fewer where broken ones are skipped."""
        ids = [self._ids[place] for place in places_of(index, len(self))]
        read = self._store.read_many(ids)
        errors = [entry for entry in read if isinstance(entry, XaiwidgetsError)]
        if errors and self.broken == "stop":
            raise errors[0]
        return batch_of(ids, read, self._store)

    def __getitem__(self, index: slice) -> "ConceptSet":
        """The set of some of the images."""
        if isinstance(index, int):
            raise XaiwidgetsError(f"Image {index} was asked for; give a slice, or use batch([{index}]) for one image.")
        return self.subset(index)

    def __iter__(self) -> Any:
        """Refused: ask for batches."""
        raise XaiwidgetsError("A set of concepts is read in batches: use batch(slice(0, 8)).")

    def subset(self, index: slice | Sequence[int] | Tensor) -> "ConceptSet":
        """The set of some of the images; they keep their ids."""
        places = places_of(index, len(self))
        said = slice_words(index) if isinstance(index, slice) else f".subset({places})"
        return self._with(self._store, [self._ids[place] for place in places], said)

    def fitted(self, shape: Shape) -> "ConceptSet":
        """The same set with images of another shape: the middle of each, resized, and the same part of its labels."""
        sides = tuple(shape) if isinstance(shape, tuple | list) else ()
        if len(sides) != len(self.shape) or not all(isinstance(side, int) and side > 0 for side in sides):
            raise XaiwidgetsError(f"shape={shape!r} was given; give (channel, height, width), as in (3, 224, 224).")
        if sides == self.shape:
            return self
        return self._with(FittedConcepts(self._store, tuple(shape)), self._ids, f".fitted({tuple(shape)})")

    def save(self, folder: str | Path) -> Path:
        """Write the set into a new folder in the directory format of Broden, which `from_broden` reads again.

        Broden's images have three channels: grey ones come back so, and ``fitted((1, height, width))`` makes them grey.
        """
        from xaiwidgets.data._concepts.broden_writer import write_broden

        return write_broden(self, Path(folder))

    @classmethod
    def _of(cls, store: ConceptStore, broken: str) -> "ConceptSet":
        """A set that knows how it is made."""
        said = f", broken={broken!r}" * (broken != "stop")
        return cls(store, broken=broken, source=f"{store.source.removesuffix(')')}{said})")

    def _with(self, store: ConceptStore, ids: Sequence[int], said: str) -> "ConceptSet":
        made = ConceptSet(store, ids, broken=self.broken, source=self.source + said if self.source else "")
        made.changes = self.changes + said
        return made

    def __repr__(self) -> str:
        """How many of which shape, and how many concepts."""
        size = "×".join(map(str, self.shape))
        return (
            f"ConceptSet({len(self):,} images of {size}, {len(self.concepts):,} concepts in "
            f"{len(self.categories)} categories)"
        )


def as_concept_set(concepts: Any) -> ConceptSet:
    """``concepts`` itself, refused in words where it is no set of concepts."""
    if isinstance(concepts, ConceptSet):
        return concepts
    raise XaiwidgetsError(
        f"{type(concepts).__name__} was given as concepts; give an xw.ConceptSet, such as xw.data.scenes(), "
        "xw.ConceptSet.from_broden(folder) or xw.ConceptSet.from_arrays(images, masks, names)."
    )
