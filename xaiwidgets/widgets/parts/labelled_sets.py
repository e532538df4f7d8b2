"""The labelled sets that an explorer works on."""

from typing import Any

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set, fashion_mnist_small
from xaiwidgets.methods._given import labels_of
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.models.features import HEAD, head_of

_SMALL = (1, 28, 28)


def sets_for(
    model: ImageModel | nn.Module, train: Any, test: Any, device: str | torch.device | None
) -> tuple[ImageModel, ImageSet, ImageSet]:
    """Model, training and test images in the model's shape; Fashion-MNIST where none is given and it fits."""
    model, training = labelled_set(model, train, device)
    return model, training, _filled(model, None if test is None else as_image_set(test), "test")


def labelled_set(
    model: ImageModel | nn.Module, train: Any, device: str | torch.device | None
) -> tuple[ImageModel, ImageSet]:
    """Model and labelled training images in its shape; Fashion-MNIST where none are given and it fits."""
    given = None if train is None else as_image_set(train)
    model = as_image_model(model, device, shape=None if given is None else given.shape)
    return model, _filled(model, given, "train")


def _filled(model: ImageModel, images: ImageSet | None, split: str) -> ImageSet:
    if images is None and model.picture_shape != _SMALL:
        raise XaiwidgetsError(
            f"No {split} images were given, and there are none in the package for {model.name}; give "
            f"{split}=xw.data.ImageSet(images, labels)."
        )
    found = (fashion_mnist_small(split) if images is None else images).fitted(model.picture_shape)
    labels_of(found, {"train": "training"}.get(split, split))
    return found


def checked_layer(model: ImageModel, layer: str) -> str:
    """The layer, once it is known to be there; raises with the nearest names, or for a head that is no Linear."""
    if layer == HEAD:
        head_of(model)
        return layer
    return model.layer(layer).name
