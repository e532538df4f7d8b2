"""What the widgets of prototypes look at, once it is known to fit."""

from typing import Any

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set, fashion_mnist_small
from xaiwidgets.methods._given import labels_of
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.parts.labelled_sets import checked_layer

_SMALL = (1, 28, 28)


def labelled_train(
    model: ImageModel | nn.Module, train: Any, layer: str, device: str | torch.device | None
) -> tuple[ImageModel, ImageSet]:
    """Model and labelled images in its shape, Fashion-MNIST where none are given; raises for what does not fit."""
    given = None if train is None else as_image_set(train)
    model = as_image_model(model, device, shape=None if given is None else given.shape)
    if given is None and model.picture_shape != _SMALL:
        raise XaiwidgetsError(
            f"No train images were given, and there are none in the package for {model.name}; give "
            "train=xw.data.ImageSet(images, labels)."
        )
    checked_layer(model, layer)
    images = (fashion_mnist_small("train") if given is None else given).fitted(model.picture_shape)
    labels_of(images, "training")
    return model, images
