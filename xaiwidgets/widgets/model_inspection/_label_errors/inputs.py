"""What the label checker looks at, once it is known to fit."""

from typing import Any

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set, fashion_mnist_small
from xaiwidgets.methods.model_inspection._label_errors.rows import labelled, refuse_few
from xaiwidgets.methods.model_inspection.label_errors import LabelErrors
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.models.features import HEAD, head_of

_SMALL = (1, 28, 28)


def checked_inputs(
    model: ImageModel | nn.Module, train: Any, method: LabelErrors, device: str | torch.device | None
) -> tuple[ImageModel, ImageSet]:
    """Model and labelled images in its shape; raises a sentence for what does not fit."""
    given = None if train is None else as_image_set(train)
    model = as_image_model(model, device, shape=None if given is None else given.shape)
    if given is None and model.picture_shape != _SMALL:
        raise XaiwidgetsError(
            f"No train images were given, and there are none in the package for {model.name}; give "
            "train=xw.data.ImageSet(images, labels)."
        )
    head_of(model) if method.layer == HEAD else model.layer(method.layer)  # refuses what is not there
    images = labelled(fashion_mnist_small("train") if given is None else given, model)
    refuse_few(len(images), method.neighbors)
    return model, images


def class_words(model: ImageModel, images: ImageSet, layer: str) -> list[str]:
    """What the classes are called that a label can be flipped to: the head's, and those that have a name."""
    own = head_of(model)[1].out_features if layer == HEAD else 0
    classes = max(own, int(images.labels.max()) + 1)
    names = images.class_names or ()
    return [*names, *(f"class {label}" for label in range(len(names), classes))]
