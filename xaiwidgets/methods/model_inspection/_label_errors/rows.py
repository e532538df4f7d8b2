"""The labelled rows that are looked at, and the head that is fitted on them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods.model_inspection._influence.head import Examples
from xaiwidgets.methods.model_inspection._influence.inputs import Inputs, given_inputs, read_inputs
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, head_of


class Rows(NamedTuple):
    """The rows so far: what the head is fitted on, and the features alone, whose cosines are compared."""

    inputs: Inputs
    features: Float[Tensor, "row feature"]


def given_rows(train: Any, neighbors: int) -> Rows:
    """Rows from (features, labels); raises a sentence for what does not fit together."""
    inputs = given_inputs(train, train)
    refuse_few(len(inputs.train.labels), neighbors)
    first = Examples(inputs.train.features[:1], inputs.train.labels[:1])
    return Rows(inputs._replace(test=first), inputs.train.features)


def read_rows(
    model: ImageModel, train: ImageSet, layer: str, neighbors: int, batch: int
) -> Iterator[tuple[float, Rows]]:
    """Yield the share that is read with the rows so far."""
    refuse_few(len(train), neighbors)
    biased = layer != HEAD or head_of(model)[1].bias is not None
    for share, inputs in read_inputs(model, train, train.subset([0]), layer, batch):
        features = inputs.train.features
        yield share, Rows(inputs, features[:, :-1] if biased else features)


def labelled(train: Any, model: ImageModel) -> ImageSet:
    """The images in the model's shape; raises where they have no labels."""
    images = as_image_set(train).fitted(model.picture_shape)
    if images.labels is None:
        raise XaiwidgetsError(
            "The images have no labels, so that none can be wrong; give xw.data.ImageSet(images, labels)."
        )
    return images


def refuse_few(rows: int, neighbors: int) -> None:
    """Raise where there are not as many other rows."""
    if neighbors >= rows:
        raise XaiwidgetsError(
            f"neighbors={neighbors} was given for {rows} examples; give at most {rows - 1}: all others."
        )
