"""What is given: a query, training examples, and what may not be changed; refused in words where it does not fit."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._answers import images_for
from xaiwidgets.methods._given import given_features, given_rows
from xaiwidgets.methods.case._counterfactual.answers import Answers, OfImages, OfRows
from xaiwidgets.models import ImageModel, as_image_model

LEAST_ROWS = 10
EVERYWHERE = "everywhere"
REGIONS = (EVERYWHERE, "top", "bottom", "left", "right", "middle")
_NUMBERS = 1 << 25  # of the training examples that are held at once


class Inputs(NamedTuple):
    """Whom to ask, the query as a row, the training examples (rows, or images yet to be read), and the images' model.

    ``sampled`` are the places of the training examples that are looked at.
    """

    answers: Answers
    query: Float[Tensor, "feature"]
    rows: Float[Tensor, "row feature"] | None
    images: ImageSet | None
    model: ImageModel | None
    sampled: list[int]


def read_inputs(model: Any, train: Any, query: Any, layer: str, examples: int) -> Inputs:
    """Images where training examples are images, else (features, labels) and a row."""
    if isinstance(train, tuple | list) and len(train) == 2 and all(isinstance(one, Tensor) for one in train):  # noqa: PLR2004
        return _of_rows(model, train, query, examples)
    return _of_images(as_image_model(model), train, query, layer, examples)


def free_of(frozen: Tensor | None, region: str, shape: tuple[int, ...]) -> Bool[Tensor, "feature"]:
    """Which features may change: those of an image's region, but for a mask's, or for those at some places."""
    count = torch.Size(shape).numel()
    free = _region_of(region, shape).flatten()
    if frozen is not None:
        free = free & ~_mask_of(frozen, shape, count)
    if not bool(free.any()):
        raise XaiwidgetsError(
            f"All {count:,} features are frozen, so that nothing can change; leave some of them free."
        )
    return free


def _region_of(region: str, shape: tuple[int, ...]) -> Bool[Tensor, "*shape"]:
    """The pixels of a half, or of the middle: half as high and half as wide."""
    if region == EVERYWHERE:
        return torch.ones(shape, dtype=torch.bool)
    if len(shape) < 3:  # noqa: PLR2004 - channel, height, width
        raise XaiwidgetsError(
            f"region={region!r} was given for a table, which has no regions; freeze features by their places."
        )
    height, width = shape[1:]
    down, across = torch.arange(height)[:, None], torch.arange(width)[None]
    free = {
        "top": (down < height // 2) & (across >= 0),
        "bottom": (down >= height // 2) & (across >= 0),
        "left": (across < width // 2) & (down >= 0),
        "right": (across >= width // 2) & (down >= 0),
        "middle": (down - height // 2).mul(4).add(2).abs().le(height)
        & (across - width // 2).mul(4).add(2).abs().le(width),
    }[region]
    return free.expand(shape)


def target_of(target: int | None, scores: Float[Tensor, "class"], name: str) -> int:
    """The wanted class: the runner-up where none is named; raises for one that is not there."""
    if target is None:
        return int(scores.argsort(descending=True, stable=True)[1])
    if not 0 <= target < len(scores):
        raise XaiwidgetsError(
            f"target={target} was given, but {name} knows {len(scores)} classes, 0 to {len(scores) - 1}; give one of "
            "them, or None for the runner-up."
        )
    return target


def _mask_of(frozen: Tensor, shape: tuple[int, ...], count: int) -> Tensor:
    """A mask of all features from one of them, of an image's pixels, or from places."""
    if frozen.dtype == torch.bool:
        if frozen.shape not in {torch.Size(shape), torch.Size(shape[1:]) if len(shape) > 1 else torch.Size(shape)}:
            wanted = "×".join(map(str, shape))
            raise XaiwidgetsError(
                f"A frozen mask of shape {tuple(frozen.shape)} was given for {wanted}; give one number for each "
                f"{'pixel (height, width)' if len(shape) > 1 else 'feature'}."
            )
        return frozen.expand(shape).flatten().cpu()
    places = frozen.flatten().tolist()
    if frozen.is_floating_point() or any(not -1 < place < count for place in places):
        raise XaiwidgetsError(
            f"frozen={places[:4]} was given for {count:,} features; give a mask of booleans, or places from 0 to "
            f"{count - 1:,}."
        )
    mask = torch.zeros(count, dtype=torch.bool)
    mask[places] = True
    return mask


def _of_images(model: ImageModel, train: Any, query: Any, layer: str, examples: int) -> Inputs:
    images, one = images_for(model, train), images_for(model, query)
    if len(one) != 1:
        raise XaiwidgetsError(f"{len(one)} query images were given; give one: images[3:4] is the set of one.")
    if images.shape != one.shape:
        came, wanted = ("×".join(map(str, given.shape)) for given in (one, images))
        raise XaiwidgetsError(
            f"A query of {came} was given with training images of {wanted}; give images of one shape."
        )
    answers = OfImages(model, layer, images.shape)
    row = one.batch([0]).flatten().to(model.device, model.dtype)
    sampled = _sampled(len(images), min(examples, max(LEAST_ROWS, _NUMBERS // len(row))))
    return Inputs(answers, row, None, images, model, sampled)


def _of_rows(function: Any, train: Any, query: Any, examples: int) -> Inputs:
    if function is None or not callable(function):
        raise XaiwidgetsError(
            f"{type(function).__name__} was given as the model of a table; give a module or a function of rows."
        )
    features, _ = given_rows(train, "training")
    row = query[None] if isinstance(query, Tensor) and query.dim() == 1 else query
    row = given_features(row, "query").to(features)
    if row.shape != (1, features.shape[1]):
        raise XaiwidgetsError(
            f"A query of shape {tuple(row.shape)} was given for {features.shape[1]} features; give one row of them."
        )
    sampled = _sampled(len(features), examples)
    rows = features[sampled]
    return Inputs(OfRows(function, rows), row[0], rows, None, None, sampled)


def _sampled(count: int, most: int) -> list[int]:
    """At most so many places, evenly spaced; raises where there are too few for a spread and neighbours."""
    if count < LEAST_ROWS:
        raise XaiwidgetsError(f"{count} training examples were given; give at least {LEAST_ROWS}.")
    kept = min(count, most)
    return [place * count // kept for place in range(kept)]
