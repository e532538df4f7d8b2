"""The model, the labelled images and the attributes of a run, once they are known to fit."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods.model_inspection._failures.attributes import CONFIDENCE, DISTANCE, KINDS, MARGIN
from xaiwidgets.methods.model_inspection._failures.pictures import COLOUR
from xaiwidgets.models import ImageModel

_NEAR_ONE = 1e-4  # how far the sum of probabilities may be from 1


def images_for(model: ImageModel, images: Any) -> ImageSet:
    """The images, which the model must be able to look at."""
    given = as_image_set(images)
    if given.shape != model.picture_shape and not _runs_on(model, given):
        wanted = "×".join(map(str, model.picture_shape))
        came = "×".join(map(str, given.shape))
        raise XaiwidgetsError(
            f"Images of {came} were given; {model.name} looks at {wanted}: images.fitted({model.picture_shape}) makes "
            "them so."
        )
    return given


def refuse_labels(images: ImageSet, clusters: int) -> None:
    """Raise where there are no labels, or fewer images than groups."""
    if images.labels is None:
        raise XaiwidgetsError(
            "The images have no labels, so that nobody knows which answers are wrong; give "
            "xw.data.ImageSet(images, labels)."
        )
    if len(images) < clusters:
        raise XaiwidgetsError(
            f"{len(images)} image{'s were' if len(images) != 1 else ' was'} given and clusters={clusters}; give more "
            "images, or lower clusters."
        )


def refuse_classes(labels: Tensor, classes: int, model: ImageModel) -> None:
    """Raise for labels that the network cannot answer."""
    outside = (labels >= classes).nonzero().flatten().tolist()
    if outside:
        raise XaiwidgetsError(
            f"Image {outside[0]} has the label {int(labels[outside[0]])}, but {model.name} knows {classes} classes, 0 "
            f"to {classes - 1}; give labels that count the network's outputs."
        )


def names_of(given: str, attributes: Tensor | None, count: int) -> tuple[str, ...]:
    """The names of attributes that were given; raises where names, numbers and images do not fit together."""
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    known = {*KINDS, CONFIDENCE, MARGIN, DISTANCE, *COLOUR}
    taken = [name for i, name in enumerate(names) if name in known or name in names[:i]]
    if taken:
        raise XaiwidgetsError(f"An attribute is called {taken[0]!r} as another one is; give it another name.")
    refuse_attributes(attributes, len(names), count)
    return names


def refuse_attributes(attributes: Tensor | None, names: int, count: int) -> None:
    """Raise for numbers that are no table (image, attribute) of finite numbers."""
    shape = (0, 0) if attributes is None else tuple(attributes.shape)
    if (attributes is None and names) or (attributes is not None and shape != (count, names)):
        raise XaiwidgetsError(
            f"attributes of shape {shape} were given with {names} names for {count} images; give a number for each "
            "image and name, and the names in attribute_names with commas between."
        )
    if attributes is not None and not bool(attributes.isfinite().all()):
        raise XaiwidgetsError("attributes hold values that are no finite numbers; fill or leave out what is missing.")


def probabilities_of(outputs: Tensor, model: ImageModel) -> Float[Tensor, "image class"]:
    """The softmax of outputs, unless they are probabilities already: at least 0, with a sum of 1."""
    if outputs.dim() != 2 or outputs.shape[1] < 2:  # noqa: PLR2004 - a choice is between two
        raise XaiwidgetsError(
            f"{model.name} gives an output of shape {tuple(outputs.shape[1:])} for each image; failure modes ask for "
            "one number for each of several classes."
        )
    given = outputs.double()
    sums = given.sum(1)
    if bool((given >= 0).all()) and bool(((sums - 1).abs() < _NEAR_ONE).all()):
        return given
    return given.softmax(1)


def class_names_of(model: ImageModel, images: ImageSet, classes: int) -> tuple[str, ...]:
    """What the classes are called: as the model or the images say, else by their numbers."""
    for names in (model.class_names, images.class_names):
        if names is not None and len(names) == classes:
            return tuple(names)
    return tuple(f"class {number}" for number in range(classes))


def _runs_on(model: ImageModel, images: ImageSet) -> bool:
    _, height, width = images.shape
    grown = len(model.input_shape) > 1 and images.shape[0] == model.input_shape[0]
    return grown and model.accepts(height, width)


def as_numbers(attributes: Tensor | None, count: int, model: ImageModel) -> Float[Tensor, "image attribute"]:
    """What was given, on the model's device; a table without columns where nothing was."""
    if attributes is None:
        return torch.zeros(count, 0, dtype=torch.double, device=model.device)
    return attributes.to(model.device, torch.double)
