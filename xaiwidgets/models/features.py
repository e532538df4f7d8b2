"""The features that a network has for the images of a set, read once and kept by content."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.core.store import RESULTS
from xaiwidgets.models.feature_reader import FeatureReader
from xaiwidgets.models.head import HEAD, head_of
from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.memory import MicroBatches

__all__ = ["HEAD", "Features", "Images", "head_of", "read_features", "read_layers"]


class Images(Protocol):
    """A set of images, as `xaiwidgets.data.ImageSet` is."""

    @property
    def key(self) -> str:
        """Equal for equal images."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of every image."""

    def __len__(self) -> int:
        """How many."""

    def batch(self, index: Sequence[int]) -> Tensor:
        """Some of them, in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Features:
    """What was read of the images so far: a row of ``values`` for each, and the network's ``outputs`` if wanted.

    ``augmented`` has a column of ones behind the values, for a head's bias; both share their memory.
    """

    augmented: Float[Tensor, "image features_and_one"]
    outputs: Float[Tensor, "image class"] | None = None
    key: str = ""
    """Equal for equal features of equal images."""

    @property
    def values(self) -> Float[Tensor, "image feature"]:
        """The features alone."""
        return self.augmented[:, :-1]

    def first(self, count: int) -> "Features":
        """Those of the first images."""
        if count >= len(self.augmented):
            return self
        return Features(self.augmented[:count], None if self.outputs is None else self.outputs[:count], self.key)

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        tensors = [tensor for tensor in (self.augmented, self.outputs) if tensor is not None]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def read_features(
    model: ImageModel, images: Images, layer: str = HEAD, *, outputs: bool = False, batch: int = 64
) -> Iterator[Step[Features]]:
    """Yield the features of the images seen so far after every batch.

    ``layer`` "head" means the input of the network's last linear layer; any other dotted path means that layer's
    output, averaged over its positions. They are kept in `RESULTS` by the network's weights, the layer and the images'
    contents, so that a second reading is one step. The first batch is read twice: raises `XaiwidgetsError` for a set
    that gives other images each time, for features that are no finite numbers, and for a layer that is not there.
    """
    for step in read_layers(model, images, [layer], outputs=outputs, batch=batch):
        yield Step(step.value[0], step.done, step.total)


def read_layers(
    model: ImageModel, images: Images, layers: Sequence[str], *, outputs: bool = False, batch: int = 64
) -> Iterator[Step[tuple[Features, ...]]]:
    """Yield the features of several layers, as `read_features` does for one, from one forward pass.

    The first layer's features hold the outputs where they are wanted. Layers that are known are not read again.
    """
    reader = FeatureReader(model, layers, outputs=outputs)
    keys = [f"features {key} {images.key}" for key in reader.keys]
    known: list[Features | None] = [RESULTS.get(key) for key in keys]
    if all(known):
        yield Step(tuple(known), done=len(images), total=len(images))
        return
    _refuse_changing(images, batch)
    wanted = [place for place, features in enumerate(known) if features is None]
    batches, rooms, start = MicroBatches(batch), None, 0
    while start < len(images):
        parts, stop = batches.run(lambda at: reader(images.batch(range(at.start, at.stop)), wanted), start, len(images))
        rooms = rooms or [_room(part, len(images)) for part in parts]
        for place, part, room in zip(wanted, parts, rooms, strict=True):
            _refuse_unusable(part, layers[place], start, model)
            for row, new in zip(room, part, strict=True):
                row[start:stop, : new.shape[1]] = new
            known[place] = Features(*(row[:stop] for row in room), key=keys[place])
            if stop == len(images):
                RESULTS.put(keys[place], known[place], known[place].bytes)
        start = stop
        yield Step(tuple(features.first(start) for features in known), done=start, total=len(images))


def _room(part: tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
    """Rows for all images: of features and a one, and of outputs."""
    features, *outputs = part
    return (features.new_ones(count, features.shape[1] + 1), *(new.new_empty(count, new.shape[1]) for new in outputs))


def _refuse_changing(images: Images, batch: int) -> None:
    first = range(min(batch, len(images)))
    if not torch.equal(images.batch(first), images.batch(first)):
        message = (
            "The data set gave other images when it was read a second time; turn shuffling and augmentation off, so "
            "that image 0 is always the same."
        )
        raise XaiwidgetsError(message)


def _refuse_unusable(part: tuple[Tensor, ...], layer: str, start: int, model: ImageModel) -> None:
    for rows in part:
        wrong = (~rows.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
        if wrong:
            message = (
                f"{model.name} gives features that are no finite numbers for image {start + wrong[0]} "
                f"(layer {layer!r}); look for divisions by zero or overflow in the network."
            )
            raise XaiwidgetsError(message)
