"""What influence functions are asked about: features with labels, given as they are or read from a network."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._given import given_rows, labels_of
from xaiwidgets.methods.model_inspection._influence.head import Examples
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, Features, head_of, read_features

_PAIR = 2


class Inputs(NamedTuple):
    """Training and test rows, the number of classes, and the parameters from which the head is fitted.

    While they are read, ``train`` holds the rows so far of ``rows``.
    """

    train: Examples
    test: Examples
    classes: int
    start: Float[Tensor, "class feature"]
    rows: int


def given_inputs(train: Any, test: Any) -> Inputs:
    """Inputs from (features, labels) for training and test; raises a sentence for what does not fit together."""
    train, test = (Examples(*given_rows(given, name)) for given, name in ((train, "training"), (test, "test")))
    if train.features.shape[1] != test.features.shape[1]:
        raise XaiwidgetsError(
            f"{train.features.shape[1]} features were given for training and {test.features.shape[1]} for testing; "
            "give the same for both."
        )
    classes = int(train.labels.max()) + 1
    refuse_classes(classes, train.labels, test.labels)
    test = Examples(test.features.to(train.features), test.labels.to(train.labels.device))
    start = torch.zeros((classes, train.features.shape[1]), dtype=torch.float64, device=train.features.device)
    return Inputs(train, test, classes, start, len(train.labels))


def read_inputs(
    model: ImageModel, train: ImageSet, test: ImageSet, layer: str, batch: int
) -> Iterator[tuple[float, Inputs]]:
    """Yield the share that is read with the inputs so far: the test images first, then the training images."""
    labels = [labels_of(images, name) for images, name in ((train, "training"), (test, "test"))]
    y_train, y_test = (one.to(model.device) for one in labels)
    weight, bias = _start_of(model, layer)
    classes = int(y_train.max()) + 1 if weight is None else len(weight)
    refuse_classes(classes, y_train, y_test)
    total, known = len(train) + len(test), None
    for step in read_features(model, test, layer, batch=batch):
        known = step.value
    x_test = _rows(known, bias)
    start = torch.zeros((classes, x_test.shape[1]), dtype=torch.float64, device=model.device)
    if weight is not None:
        start = (weight if bias is None else torch.cat([weight, bias[:, None]], 1)).double()
    for step in read_features(model, train, layer, batch=batch):
        rows = _rows(step.value, bias)
        so_far = Examples(rows, y_train[: len(rows)])
        inputs = Inputs(so_far, Examples(x_test, y_test), classes, start, len(train))
        yield (len(test) + len(rows)) / total, inputs


def refuse_classes(classes: int, train: Int[Tensor, "train"], test: Int[Tensor, "test"]) -> None:
    """Raise for labels out of range, for a single class, and for more classes than rows."""
    if len(train.unique()) < _PAIR:
        raise XaiwidgetsError("All training examples have one label; give examples of at least two classes.")
    for labels, name in ((train, "training"), (test, "test")):
        wrong = ((labels < 0) | (labels >= classes)).nonzero().flatten().tolist()
        if wrong:
            raise XaiwidgetsError(
                f"The {name} label {int(labels[wrong[0]])} (example {wrong[0]}) is out of range; there are "
                f"{classes} classes, 0 to {classes - 1}."
            )
    if classes > len(train):
        raise XaiwidgetsError(
            f"There are {classes:,} classes, but only {len(train):,} training examples; give more examples, or "
            "number the classes from 0 without gaps."
        )


def _start_of(model: ImageModel, layer: str) -> tuple[Tensor | None, Tensor | None]:
    """The network's own weight and bias for its head; for another layer a bias is fitted too."""
    if layer != HEAD:
        return None, torch.zeros(1)
    name, head = head_of(model)
    if head.out_features == 1:
        raise XaiwidgetsError(
            f"The head {name!r} of {model.name} has a single output, but a cross-entropy of classes is explained; name "
            "a layer, and a head with two classes is fitted on its features."
        )
    return head.weight.detach(), None if head.bias is None else head.bias.detach()


def _rows(features: Features, bias: Tensor | None) -> Tensor:
    return features.values if bias is None else features.augmented
