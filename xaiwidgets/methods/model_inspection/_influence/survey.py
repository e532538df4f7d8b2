"""A set of images at a glance: what the network answers, and where the features lie in a plane."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import read_features


@dataclass(frozen=True, eq=False)
class Survey:
    """The network's outputs for the images so far, and their features on their two principal axes at the end."""

    outputs: Float[Tensor, "image class"]
    places: Float[Tensor, "image 2"] | None = None

    def mistakes(self, labels: Tensor) -> list[int]:
        """The images among those so far that the network answers wrongly."""
        answers = self.outputs.argmax(1).cpu()
        return (answers != labels[: len(answers)]).nonzero().flatten().tolist()


def survey(model: ImageModel, images: ImageSet, layer: str) -> Iterator[Step[Survey]]:
    """Yield what is known of the images so far after every batch, and at the end with their places."""
    for step in read_features(model, images, layer, outputs=True):
        yield Step(Survey(step.value.outputs), done=0.9 * step.progress, total=1.0)
    yield Step(Survey(step.value.outputs, principal_plane(step.value.values)), done=1.0, total=1.0)


def principal_plane(features: Float[Tensor, "image feature"]) -> Float[Tensor, "image 2"]:
    """The coordinates on the two axes of largest variance; each axis points to where its largest coordinate lies."""
    centred = features.double() - features.double().mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -2:].flip(1)
    places = centred @ axes
    largest = places.gather(0, places.abs().argmax(0)[None])[0]
    return places * torch.where(largest < 0, -1.0, 1.0)
