"""What real images give: the null level beside every maximised objective."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xaiwidgets.core import Step
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._from_settings import objective_of
from xaiwidgets.models import ImageModel, MicroBatches, Probe

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization

_BATCH = 8


def largest_objective(
    settings: "ActivationMaximization",
    model: ImageModel,
    images: Float[Tensor, "image channel height width"],
) -> Generator[Step[Float[Tensor, "unit"]], None, None]:
    """The largest objective that any of the images gives each unit, refined batch by batch.

    The same objective as the one maximised, without transforms, so that their ratio means something. Images of another
    size than the network's are resized.
    """
    probe, batches = Probe(model, [settings.layer]), MicroBatches(_BATCH)
    view = View(model, None)
    objective = objective_of(settings, probe.layers[settings.layer].layout)
    units = torch.tensor(settings.units, device=model.device)
    largest, start = torch.full((len(units),), -torch.inf, device=model.device, dtype=model.dtype), 0

    @torch.no_grad()
    def of_rows(rows: slice) -> Tensor:
        part = images[rows].to(model.device, model.dtype)
        if tuple(part.shape[2:]) != view.seen:
            part = functional.interpolate(part, view.seen, mode="bilinear", antialias=True)
        activation = probe.arranged(view.network(part), settings.layer)
        return torch.stack([objective(activation, unit.expand(len(part))).amax() for unit in units])

    while start < len(images):
        row, start = batches.run(of_rows, start, len(images))
        largest = torch.maximum(largest, row)
        yield Step(largest, done=start, total=len(images))
