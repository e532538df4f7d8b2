"""What a network answers to the images of a set: which images, which probabilities, which classes."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
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


def refuse_classes(labels: Tensor, classes: int, model: ImageModel) -> None:
    """Raise for labels that the network cannot answer."""
    outside = (labels >= classes).nonzero().flatten().tolist()
    if outside:
        raise XaiwidgetsError(
            f"Image {outside[0]} has the label {int(labels[outside[0]])}, but {model.name} knows {classes} classes, 0 "
            f"to {classes - 1}; give labels that count the network's outputs."
        )


def probabilities_of(outputs: Tensor, model: ImageModel) -> Float[Tensor, "image class"]:
    """The softmax of outputs, unless they are probabilities already: at least 0, with a sum of 1."""
    if outputs.dim() != 2 or outputs.shape[1] < 2:  # noqa: PLR2004 - a choice is between two
        raise XaiwidgetsError(
            f"{model.name} gives an output of shape {tuple(outputs.shape[1:])} for each image; one number for "
            "each of several classes is wanted."
        )
    given = outputs.double()
    return given if are_probabilities(given) else given.softmax(1)


def are_probabilities(outputs: Float[Tensor, "image class"]) -> bool:
    """Whether outputs are probabilities already: at least 0, with a sum of 1."""
    return bool((outputs >= 0).all()) and bool(((outputs.sum(1) - 1).abs() < _NEAR_ONE).all())


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
