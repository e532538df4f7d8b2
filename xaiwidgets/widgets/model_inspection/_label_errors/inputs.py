"""What the label checker looks at, once it is known to fit."""

from typing import Any

import torch
from torch import nn

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.rows import refuse_few
from xaiwidgets.methods.model_inspection.label_errors import LabelErrors
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, head_of
from xaiwidgets.widgets.parts.labelled_sets import checked_layer, labelled_set


def checked_inputs(
    model: ImageModel | nn.Module, train: Any, method: LabelErrors, device: str | torch.device | None
) -> tuple[ImageModel, ImageSet]:
    """Model and labelled images in its shape; raises a sentence for what does not fit."""
    model, images = labelled_set(model, train, device)
    checked_layer(model, method.layer)
    refuse_few(len(images), method.neighbors)
    return model, images


def class_words(model: ImageModel, images: ImageSet, layer: str) -> list[str]:
    """What the classes are called that a label can be flipped to: the head's, and those that have a name."""
    own = head_of(model)[1].out_features if layer == HEAD else 0
    classes = max(own, int(images.labels.max()) + 1)
    names = images.class_names or ()
    return [*names, *(f"class {label}" for label in range(len(names), classes))]
