"""The maps that a layer has for the images of a set, read once and kept by content."""

from collections.abc import Generator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel, MicroBatches, Probe
from xaiwidgets.models.feature_reader import FeatureReader
from xaiwidgets.models.features import read_features
from xaiwidgets.models.layers import tensor_of

_PIXELS = 1 << 18  # that are read at once
_MOST_BYTES = 4 << 30  # of maps that are held


class Maps(NamedTuple):
    """What the layer gives for images, and what the whole network answers."""

    maps: Float[Tensor, "image channel y x"]
    outputs: Float[Tensor, "image output"]


def read_maps(model: ImageModel, images: ImageSet, layer: str, *, outputs: bool) -> Generator[float, None, Maps]:
    """Yield the share that is read; returns the maps, and the network's answers where they are wanted.

    Raises `XaiwidgetsError` for a set that gives other images each time, for what is no finite number, and for maps
    that take too much memory.
    """
    probe = Probe(model, [layer])
    key = f"maps {FeatureReader(model, [layer], outputs=False).keys[0]} {outputs} {images.key}"
    known: Maps | None = RESULTS.get(key)
    if known is not None:
        return known
    size = max(1, min(64, _PIXELS // (images.shape[1] * images.shape[2])))
    next(read_features(model, images, layer, batch=size))  # refuses a set that changes
    batches, start, rooms = MicroBatches(size), 0, None
    while start < len(images):
        parts, stop = batches.run(lambda at: _batch(probe, images, layer, at, outputs=outputs), start, len(images))
        rooms = rooms or _room(parts, len(images), layer)
        for room, part in zip(rooms, parts, strict=True):
            room[start:stop] = part
        start = stop
        yield start / len(images)
    found = Maps(*rooms)
    RESULTS.put(key, found, sum(room.numel() * room.element_size() for room in rooms))
    return found


@torch.no_grad()
def layer_maps(probe: Probe, images: Tensor, layer: str) -> Float[Tensor, "image channel y x"]:
    """The layer's output for images in [0, 1] as maps; a layer without a grid has one row of positions."""
    model = probe.model
    given = images.reshape(len(images), *model.input_shape).to(model.device, model.dtype)
    arranged, grid = probe.arranged(given, layer), probe.layers[layer].layout.grid
    return arranged.unflatten(2, grid or (1, arranged.shape[2]))


def _batch(probe: Probe, images: ImageSet, layer: str, at: slice, *, outputs: bool) -> tuple[Tensor, Tensor]:
    given = images.batch(range(at.start, at.stop))
    maps = layer_maps(probe, given, layer)
    wrong = (~maps.isfinite()).flatten(1).any(1).nonzero()[:, 0].tolist()
    if wrong:
        raise XaiwidgetsError(
            f"{probe.model.name} gives numbers that are not finite for image {at.start + wrong[0]} (layer {layer!r}); "
            "look for divisions by zero or overflow in the network."
        )
    if not outputs:
        return maps, maps.new_empty(len(maps), 0)
    answers = tensor_of(probe.model(given.reshape(len(given), *probe.model.input_shape)))
    usable = answers is not None and answers.dim() == 2  # noqa: PLR2004 - a row of numbers for each image
    return maps, answers if usable else maps.new_empty(len(maps), 0)


def _room(parts: tuple[Tensor, ...], count: int, layer: str) -> list[Tensor]:
    needed = count * parts[0][0].numel() * parts[0].element_size()
    if needed > _MOST_BYTES:
        raise XaiwidgetsError(
            f"The maps of layer {layer!r} for {count:,} images take {needed / 2**30:.1f} GiB; give fewer images, or a "
            "layer with fewer units or positions."
        )
    return [part.new_empty(count, *part.shape[1:]) for part in parts]
