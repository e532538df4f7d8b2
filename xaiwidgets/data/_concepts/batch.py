"""Some images of a set with their labels, as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.stores import ConceptStore, Labelled
from xaiwidgets.data._concepts.views import stacked


@dataclass(frozen=True, kw_only=True, eq=False)
class ConceptBatch:
    """Some images and what their pixels are labelled with.

    ``ids`` are the images' places in the set that they were taken from first, so that the parts of a set can be put
    together again. ``layers`` hold 1 + the place of a concept in the set's ``concepts``, 0 for none; a pixel has a
    label at most once. ``whole`` says which concepts an image has as a whole, in every pixel. ``skipped`` are the
    sentences of broken images that were left out.
    """

    ids: Int[Tensor, "image"]
    images: Float[Tensor, "image channel height width"]
    layers: Int[Tensor, "image layer row column"]
    whole: Bool[Tensor, "image concept"]
    skipped: tuple[str, ...] = ()


def batch_of(ids: Sequence[int], read: Sequence[Labelled | XaiwidgetsError], store: ConceptStore) -> ConceptBatch:
    """What was read of a store, without what could not be."""
    kept = [(i, entry) for i, entry in zip(ids, read, strict=True) if isinstance(entry, Labelled)]
    return ConceptBatch(
        ids=torch.tensor([i for i, _ in kept], dtype=torch.int64),
        images=stacked([entry.image for _, entry in kept], store.shape),
        layers=_layers([entry.layers for _, entry in kept], store.label_shape),
        whole=_whole([entry.whole for _, entry in kept], len(store.concepts)),
        skipped=tuple(str(entry) for entry in read if isinstance(entry, XaiwidgetsError)),
    )


def _layers(layers: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
    """Images with fewer layers than others get empty ones."""
    most = max((len(entry) for entry in layers), default=0)
    if all(len(entry) == most for entry in layers) and layers:
        return torch.stack(list(layers))
    kind = layers[0].dtype if layers else torch.int16
    stacked = torch.zeros((len(layers), most, *shape), dtype=kind)
    for row, entry in enumerate(layers):
        stacked[row, : len(entry)] = entry
    return stacked


def _whole(whole: Sequence[Sequence[int]], count: int) -> Tensor:
    flags = torch.zeros((len(whole), count), dtype=torch.bool)
    for row, places in enumerate(whole):
        flags[row, list(places)] = True
    return flags
