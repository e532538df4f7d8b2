"""Which two images: the query, and those that are answered with another class."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._answers import images_for, probabilities_of
from xaiwidgets.models import ImageModel

_BATCH = 64


class Given(NamedTuple):
    """The query and its class, the distractors with their places, and their class."""

    query: Float[Tensor, "1 channel height width"]
    query_class: int
    distractors: Float[Tensor, "image channel height width"]
    places: tuple[int, ...]
    target: int


def read_given(model: ImageModel, query: Any, images: Any, target: int | None, most: int) -> Given:
    """The first images that are answered with the target: the class of the first that is not answered as the query."""
    one, others = images_for(model, query), images_for(model, images)
    if len(one) != 1:
        raise XaiwidgetsError(f"{len(one)} query images were given; give one: images[3:4] is the set of one.")
    if one.shape != others.shape:
        came, wanted = ("×".join(map(str, given.shape)) for given in (others, one))
        raise XaiwidgetsError(f"A query of {wanted} was given with images of {came}; give images of one shape.")
    answered = _answer(model, one.batch([0]))
    own, classes = int(answered.argmax()), answered.shape[1]
    if target is not None and not 0 <= target < classes:
        raise XaiwidgetsError(
            f"target={target} was given, but {model.name} knows {classes} classes, 0 to {classes - 1}; give one of "
            "them, or None for that of the first image."
        )
    if target == own:
        raise XaiwidgetsError(
            f"The query is answered with class {own} already, so that no swap can lead there; choose another target."
        )
    places, target = _found(model, others, own, target, most)
    return Given(
        one.batch([0]).to(model.device, model.dtype),
        own,
        others.batch(places).to(model.device, model.dtype),
        tuple(places),
        target,
    )


def _found(model: ImageModel, images: ImageSet, own: int, target: int | None, most: int) -> tuple[list[int], int]:
    places: list[int] = []
    for start in range(0, len(images), _BATCH):
        rows = range(start, min(start + _BATCH, len(images)))
        for place, answer in zip(rows, _answer(model, images.batch(rows)).argmax(1).tolist(), strict=True):
            if target is None and answer != own:
                target = answer
            if answer == target and len(places) < most:
                places.append(place)
        if len(places) == most:
            break
    if not places:
        wanted = f"answered with class {target}" if target is not None else f"answered otherwise than the query ({own})"
        raise XaiwidgetsError(
            f"None of the {len(images):,} images is {wanted}, so that there is nothing to swap in; give images of the "
            "class that is wanted."
        )
    return places, target


@torch.no_grad()
def _answer(model: ImageModel, images: Tensor) -> Float[Tensor, "image class"]:
    return probabilities_of(model(images.reshape(len(images), *model.input_shape)), model)
