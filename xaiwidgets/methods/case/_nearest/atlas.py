"""Training and test images at a glance: their features in one layer, and the answers to the test images."""

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
class Atlas:
    """The outputs for the test images so far; at the end the features of all, training images first."""

    outputs: Float[Tensor, "test class"] | None = None
    features: Float[Tensor, "image feature"] | None = None

    def mistakes(self, labels: Tensor) -> list[int]:
        """The test images among those so far that are answered wrongly."""
        if self.outputs is None or self.outputs.dim() != 2 or self.outputs.shape[1] < 2:  # noqa: PLR2004 - no classes
            return []
        answers = self.outputs.argmax(1).cpu()
        return (answers != labels[: len(answers)]).nonzero().flatten().tolist()


def atlas(model: ImageModel, train: ImageSet, test: ImageSet, layer: str) -> Iterator[Step[Atlas]]:
    """Yield what is known after every batch."""
    for step in read_features(model, test, layer, outputs=True):
        tested = step.value
        yield Step(Atlas(tested.outputs), done=0.3 * step.progress, total=1.0)
    for step in read_features(model, train, layer):
        if step.progress < 1:
            yield Step(Atlas(tested.outputs), done=0.3 + 0.6 * step.progress, total=1.0)
    yield Step(Atlas(tested.outputs, torch.cat([step.value.values, tested.values])), done=1.0, total=1.0)
