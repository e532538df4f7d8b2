"""What is given in the place of images: rows of features with their labels."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet

_PAIR = 2


def given_rows(given: Any, name: str) -> tuple[Float[Tensor, "row feature"], Int[Tensor, "row"]]:
    """Copies of (features, labels), ``name`` saying which in a sentence.

    Features keep double precision and become single else. Raises `XaiwidgetsError` for what is no such pair, for no
    rows or features, and for what is no finite number.
    """
    pair = isinstance(given, tuple | list) and len(given) == _PAIR and all(isinstance(one, Tensor) for one in given)
    if not pair:
        raise XaiwidgetsError(
            f"{type(given).__name__} was given as {name} examples without a model; give two tensors: "
            "(features, labels)."
        )
    features, labels = given
    if features.dim() != _PAIR or labels.shape != features.shape[:1] or not features.is_floating_point():
        raise XaiwidgetsError(
            f"{name.capitalize()} features of shape {tuple(features.shape)} ({features.dtype}) with labels of shape "
            f"{tuple(labels.shape)} were given; give numbers (row, feature) and one label for each row."
        )
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise XaiwidgetsError(f"{name.capitalize()} labels of {labels.dtype} were given; give whole numbers from 0.")
    rows = given_features(features, name)
    return rows, labels.detach().to(rows.device).long().clone()  # the caller's may be written to


def given_features(features: Any, name: str) -> Float[Tensor, "row feature"]:
    """A copy of rows of features; raises for what is no finite number, and for none."""
    if not isinstance(features, Tensor) or features.dim() != _PAIR or not features.is_floating_point():
        came = (
            f"{tuple(features.shape)} ({features.dtype})" if isinstance(features, Tensor) else type(features).__name__
        )
        raise XaiwidgetsError(f"{name.capitalize()} features of {came} were given; give numbers (row, feature).")
    if features.shape[1] == 0:
        raise XaiwidgetsError(f"The {name} rows have no features; give at least one column.")
    if len(features) == 0:
        raise XaiwidgetsError(f"No {name} examples were given; give at least one row.")
    wrong = (~features.isfinite()).any(1).nonzero().flatten().tolist()
    if wrong:
        raise XaiwidgetsError(
            f"The {name} features of row {wrong[0]} are no finite numbers; leave such rows out, or fill them in."
        )
    kept = features.detach() if features.dtype == torch.float64 else features.detach().float()
    return kept.contiguous().clone()


def labels_of(images: ImageSet, name: str) -> Int[Tensor, "image"]:
    """The labels of a set; raises where it has none."""
    if images.labels is None:
        raise XaiwidgetsError(
            f"The {name} images have no labels, and they are needed here; give xw.data.ImageSet(images, labels)."
        )
    return images.labels
