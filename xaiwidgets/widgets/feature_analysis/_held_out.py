"""The images that something learns from, and the few others that it is tried on."""

from typing import Any

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, fashion_mnist_small
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.image_choice import images_for

MOST_HELD_OUT = 8
"""Held-out images that are shown; each takes two cells."""

_HELD_OUT = 4  # where none are given


def train_and_held_out(model: ImageModel, train: Any, images: Any) -> tuple[ImageSet, ImageSet]:
    """What is learned from, and what is held out of it."""
    if images is not None:
        held_out = _few(images_for(model, images))
        return _others(_default_train(model), held_out) if train is None else images_for(model, train), held_out
    if train is None and model.picture_shape == (1, 28, 28):
        return fashion_mnist_small("train"), fashion_mnist_small("test")[:12:3]  # four different things
    learned = images_for(model, train)
    if train is None:
        shown = [0, 3, 4, 12]  # the astronaut, the cat, the coffee, the rocket
        return learned.without(shown), learned.subset(shown)
    if len(learned) == 1:
        raise XaiwidgetsError("One training image was given; give at least two, of which one is held out.")
    count = min(_HELD_OUT, len(learned) // 2)
    shown = [round((i + 0.5) * len(learned) / count) for i in range(count)]  # spread: folders are sorted by class
    shown = [min(place, len(learned) - 1) for place in shown]
    return learned.without(shown), learned.subset(shown)


def _default_train(model: ImageModel) -> ImageSet:
    """Fashion-MNIST's training images for networks of its size, else the photographs."""
    return fashion_mnist_small("train") if model.picture_shape == (1, 28, 28) else images_for(model, None)


def _others(train: ImageSet, held_out: ImageSet) -> ImageSet:
    """Those of ``train`` that are not held out."""
    pixels, shown = train.batch(slice(None)), held_out.batch(slice(None))
    same = [i for i, image in enumerate(pixels) if (image == shown).flatten(1).all(1).any()]
    return train.without(same) if same else train


def _few(images: ImageSet) -> ImageSet:
    return images if len(images) <= MOST_HELD_OUT else images[:MOST_HELD_OUT]
