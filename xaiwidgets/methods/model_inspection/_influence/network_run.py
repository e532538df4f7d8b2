"""Influence on the whole network as it is, told as the influence on a head is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._given import labels_of
from xaiwidgets.methods.model_inspection._influence.ekfac import whole_network
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.whole_network import WholeNetwork
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.influence import InfluenceFunctions


def explain_network(
    settings: "InfluenceFunctions", model: ImageModel | None, train: ImageSet, test: ImageSet
) -> Iterator[Step[Influence]]:
    """Yield the effects by EK-FAC of ever more training images."""
    if model is None:
        raise XaiwidgetsError("EK-FAC is for a network; give a model, or choose solver='auto' for features alone.")
    if settings.layer != HEAD:
        raise XaiwidgetsError(
            f"EK-FAC is for the whole network, and layer={settings.layer!r} was given; choose layer='head', or another "
            "solver for a head on that layer."
        )
    labels = tuple(labels_of(images, name).to(model.device) for images, name in ((train, "training"), (test, "test")))
    known = None
    for step in whole_network(
        model, train, test, *labels, damping=settings.damping, seed=settings.seed, batch=settings.batch
    ):
        known = _probabilities(model, test, settings.batch) if known is None else known
        yield Step(_told(step.value, settings, labels, known), step.done, step.total)


def _told(
    value: WholeNetwork, settings: "InfluenceFunctions", labels: tuple[Tensor, Tensor], probabilities: Tensor
) -> Influence:
    count = len(value.covered)
    return Influence(
        effect=value.effect.float(),
        corrected=torch.full_like(value.effect, torch.nan, dtype=torch.float32),
        self_influence=value.self_influence.float(),
        left_out_loss=torch.full_like(value.self_influence, torch.nan, dtype=torch.float32),
        train_loss=value.train_loss.float(),
        test_loss=value.test_loss.float(),
        test_probabilities=probabilities,
        train_labels=labels[0],
        test_labels=labels[1],
        damping=settings.damping,
        stage=value.stage,
        tier="whole network, EK-FAC",
        reason=f"asked for: an approximation through {count} parameter tensor{'s' * (count != 1)}",
        bytes=value.bytes,
        covered=value.covered,
        uncovered=value.uncovered,
    )


def _probabilities(model: ImageModel, images: ImageSet, batch: int) -> Float[Tensor, "image class"]:
    """The network's own, image by image in batches."""
    parts = []
    for start in range(0, len(images), batch):
        rows = images.batch(range(start, min(start + batch, len(images))))
        parts.append(model(rows.reshape(len(rows), *model.input_shape)).softmax(1).float())
    return torch.cat(parts)
