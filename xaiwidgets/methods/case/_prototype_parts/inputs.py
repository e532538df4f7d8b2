"""What is trained on and what is held out, with the maps that the frozen layers have for them."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods._given import labels_of
from xaiwidgets.methods.case._prototype_parts.along import along
from xaiwidgets.methods.case._prototype_parts.maps import Maps, read_maps
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.case.prototype_parts import PrototypeParts


class Side(NamedTuple):
    """Images on one side of the split: their maps and answers, labels, and places in the set that was given."""

    maps: Float[Tensor, "image channel y x"]
    outputs: Float[Tensor, "image output"]
    labels: Int[Tensor, "image"]
    rows: Int[Tensor, "image"]


def labelled(images: Any, model: ImageModel, name: str) -> ImageSet:
    """A labelled set in the model's shape."""
    found = as_image_set(images).fitted(model.picture_shape)
    labels_of(found, name)
    return found


def split(labels: Int[Tensor, "image"], share: float, seed: int) -> tuple[Int[Tensor, "kept"], Int[Tensor, "other"]]:
    """The places that are trained on and those that are held out: a share of each class, drawn with the seed."""
    draw = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero()[:, 0]
        held[rows[torch.randperm(len(rows), generator=draw)[: int(share * len(rows))]]] = True
    if not held.any():
        raise XaiwidgetsError(
            f"Of {len(labels)} training images none can be held out (a share of {share:g} of each class); give more "
            "images, or test images of their own."
        )
    return (~held).nonzero()[:, 0], held.nonzero()[:, 0]


def refuse_empty_classes(train: ImageSet, test: ImageSet | None) -> int:
    """How many classes there are; raises for one without a training image, and for a test image of none of them."""
    counts = torch.bincount(train.labels)
    empty = (counts == 0).nonzero()[:, 0].tolist()
    if empty:
        name = f" ({train.class_names[empty[0]]})" if train.class_names else ""
        raise XaiwidgetsError(
            f"Class {empty[0]}{name} has no training image, so that nothing can be a part of it; give some, or number "
            "the classes without gaps."
        )
    if len(counts) < 2:  # noqa: PLR2004 - a choice is between two
        raise XaiwidgetsError("All training images have the label 0; give images of at least two classes.")
    if test is not None and int(test.labels.max()) >= len(counts):
        place = int(test.labels.argmax())
        raise XaiwidgetsError(
            f"Test image {place} has the label {int(test.labels[place])}, which no training image has; leave it out."
        )
    return len(counts)


def read_sides(
    settings: "PrototypeParts", model: ImageModel, train: ImageSet, test: ImageSet | None
) -> Generator[float, None, tuple[Side, Side, float]]:
    """Yield the share that is read; returns what is trained on, what is held out, and the network's accuracy on that.

    Without test images a share of each class of the training images is held out. The accuracy is NaN where the network
    does not answer with a number for each class.
    """
    kept, held = (None, None) if test is not None else split(train.labels, settings.held_out, settings.seed)
    total = len(train) + (0 if test is None else len(test))
    seen = yield from along(read_maps(model, train, settings.layer, outputs=test is None), 0, len(train) / total)
    if test is None:
        other, fit = _rows(seen, train.labels, held), _rows(seen, train.labels, kept)
    else:
        fit = _rows(seen, train.labels, torch.arange(len(train)))
        found = yield from along(read_maps(model, test, settings.layer, outputs=True), len(train) / total, 1)
        other = _rows(found, test.labels, torch.arange(len(test)))
    answers = other.outputs.shape[1] > int(train.labels.max())
    own = float((other.outputs.argmax(1) == other.labels).double().mean()) if answers else float("nan")
    return fit, other, own


def _rows(read: Maps, labels: Int[Tensor, "image"], rows: Int[Tensor, "kept"]) -> Side:
    """Some of the images that were read."""
    device = read.maps.device
    return Side(read.maps[rows.to(device)], read.outputs[rows.to(device)], labels[rows].to(device), rows.to(device))
