"""One image and the labelled examples that its prediction is compared with, once they are known to fit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods._given import labels_of
from xaiwidgets.methods.case._nearest.kept import named_rows
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD

if TYPE_CHECKING:
    from xaiwidgets.methods.case.conformity_importance import ConformityImportance

_OF_ONE = 3  # axes of a single image


@dataclass(frozen=True, eq=False)
class Inputs:
    """The model, the training images with their labels, the image, and its own place among them (−1 for none)."""

    model: ImageModel
    train: ImageSet
    labels: Int[Tensor, "row"]
    image: Float[Tensor, "channel height width"]
    own: int
    layers: tuple[str, ...]


def read_inputs(settings: "ConformityImportance", model: ImageModel, train: Any, query: Any) -> Inputs:
    """What the settings and the call name; raises a sentence for what does not fit."""
    images = as_image_set(train).fitted(model.picture_shape)
    labels = labels_of(images, "training").to(model.device)
    named = named_rows(query, len(images))
    given = images.subset(named.tolist()) if named is not None else _one(query).fitted(model.picture_shape)
    if len(given) != 1:
        raise XaiwidgetsError(f"{len(given)} images were given as the query; give one, or its place in the set.")
    most = len(images) - (named is not None)
    if settings.k > most:
        raise XaiwidgetsError(
            f"k={settings.k} neighbours were asked for among {most} training examples; give at most {most}."
        )
    image = given.batch([0])[0].to(model.device, model.dtype)
    own = -1 if named is None else int(named[0])
    return Inputs(model, images, labels, image, own, settings.layers or (HEAD,))


def _one(query: Any) -> ImageSet:
    alone = getattr(query, "ndim", None) == _OF_ONE and not isinstance(query, ImageSet)
    return as_image_set(query[None] if alone else query)
