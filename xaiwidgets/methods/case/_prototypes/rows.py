"""The rows among which prototypes are looked for: features, and labels where there are any."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods._given import given_rows
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.models.features import read_features

NO_LABEL = -1


class Rows(NamedTuple):
    """Features in double precision around their mean, so that products lose little, and labels (−1 for none)."""

    features: Float[Tensor, "row feature"]
    labels: Int[Tensor, "row"]

    @property
    def key(self) -> str:
        """A text that is equal for equal rows."""
        digest = hashlib.blake2b(digest_size=16)
        for part in self:
            digest.update(f"{tuple(part.shape)} {part.device}".encode())
            digest.update(part.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()


def labels_in(model: Any, train: Any) -> tuple[Any, Int[Tensor, "row"]]:
    """What is to be read, in the model's shape where there is one, and its labels; raises for what does not fit."""
    if model is None:
        features, labels = given_rows(train, "training")
        _refuse_negative(labels)
        return (features, labels), labels
    images = as_image_set(train).fitted(as_image_model(model).picture_shape)
    none = torch.full((len(images),), NO_LABEL)
    return images, none if images.labels is None else images.labels


def read_rows(
    model: ImageModel | None, given: Any, labels: Int[Tensor, "row"], layer: str, batch: int
) -> Iterator[tuple[float, Rows | None]]:
    """Yield the share that is read, and the rows once that is all; ``given`` is what `labels_in` gave."""
    if model is None:
        yield 1.0, _centred(given[0], labels)
        return
    images: ImageSet = given
    for step in read_features(as_image_model(model), images, layer, batch=batch):
        whole = step.done == step.total
        yield step.progress, _centred(step.value.values, labels) if whole else None


def _centred(features: Float[Tensor, "row feature"], labels: Int[Tensor, "row"]) -> Rows:
    exact = features.double()
    return Rows(exact - exact.mean(0), labels.to(features.device))


def _refuse_negative(labels: Int[Tensor, "row"]) -> None:
    wrong = (labels < 0).nonzero().flatten().tolist()
    if wrong:
        raise XaiwidgetsError(f"Row {wrong[0]} has the label {int(labels[wrong[0]])}; give whole numbers from 0.")
