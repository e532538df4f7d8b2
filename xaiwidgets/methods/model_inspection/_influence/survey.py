"""A set of images at a glance: what the network answers, and by which features."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import read_features


@dataclass(frozen=True, eq=False)
class Survey:
    """The network's outputs for the images so far, and at the end the features of all of them."""

    outputs: Float[Tensor, "image class"]
    features: Float[Tensor, "image feature"] | None = None

    def mistakes(self, labels: Tensor) -> list[int]:
        """The images among those so far that the network answers wrongly."""
        answers = self.outputs.argmax(1).cpu()
        return (answers != labels[: len(answers)]).nonzero().flatten().tolist()


def survey(model: ImageModel, images: ImageSet, layer: str) -> Iterator[Step[Survey]]:
    """Yield what is known of the images so far after every batch, and at the end with their features."""
    for step in read_features(model, images, layer, outputs=True):
        yield Step(Survey(step.value.outputs), done=0.9 * step.progress, total=1.0)
    yield Step(Survey(step.value.outputs, step.value.values), done=1.0, total=1.0)
