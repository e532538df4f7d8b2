"""A network some of whose units are silent."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._from_settings import refuse_images
from xaiwidgets.methods.feature_analysis._images import refuse_size
from xaiwidgets.models import ImageModel, Probe
from xaiwidgets.models.layers import SURVEY_BATCH

_OUTPUT = ""
_ROUNDING = 1e-4  # of a sum of probabilities


class SilentUnits:
    """The probabilities of a network's ``classes`` while units of one layer are zero at all positions.

    For images of ``shape`` (channel, height, width). Raises `XaiwidgetsError` for a layer that is not there, has no
    units, or is the output itself, a network without classes, and images that it cannot look at.
    """

    def __init__(self, model: ImageModel, layer: str, shape: tuple[int, int, int]) -> None:
        known = model.layer(layer)
        self.model, self.layer, self.view = model, layer, View(model, None)
        refuse_images(torch.zeros(1, *shape), self.view.channels)
        refuse_size(shape[1:], model)
        self.classes = _classes_of(model)
        self._axis = 1 if known.layout.kind == "map" else -1
        self._probe = Probe(model, [_OUTPUT])
        self._softmax = True
        self._softmax = not self._try(shape)

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "image channel height width"], units: tuple[int, ...]
    ) -> Float[Tensor, "image class"]:
        """The probabilities without ``units``, in double precision; raises where one is not a finite number."""
        silent = torch.tensor(units, dtype=torch.int64, device=self.model.device)

        def patch(activation: Tensor) -> Tensor:
            return activation.index_fill(self._axis, silent, 0) if len(units) else activation

        # The patch that changes nothing has the same network run as those that do: one that is prepared for the layer.
        output = self._probe(self.view.network(images), patches={self.layer: patch})[_OUTPUT].double()
        if not bool(output.isfinite().all()):
            what = f"without {_named(units)} of layer {self.layer!r}" if units else "with all of its units"
            raise XaiwidgetsError(
                f"{self.model.name} gave a value that is not a finite number {what}; check the weights, the "
                "normalisation and the images."
            )
        return output.softmax(1) if self._softmax else output

    @torch.no_grad()
    def _try(self, shape: tuple[int, int, int]) -> bool:
        """Whether the outputs are probabilities already, of a few images of noise; raises where the layer is them."""
        found: list[Tensor] = []
        noise = torch.rand((SURVEY_BATCH, *shape), generator=torch.Generator().manual_seed(0))
        images = self.view.network(noise.to(self.model.device, self.model.dtype))
        output = self._probe(images, patches={self.layer: lambda activation: found.append(activation) or activation})
        output = output[_OUTPUT]
        if found[-1].shape == output.shape and torch.equal(found[-1], output):
            raise XaiwidgetsError(
                f"Layer {self.layer!r} is the output of {self.model.name}: without a unit of it a class would be "
                "missing, which tells nothing. Choose a layer before it."
            )
        sums = output.double().sum(1)
        return bool((output >= 0).all()) and bool(((sums - 1).abs() < _ROUNDING).all())


def _classes_of(model: ImageModel) -> int:
    """How many classes the output tells apart."""
    output = model.layers()[_OUTPUT]
    if output.layout is None or output.layout.kind != "vector" or output.units < 2:  # noqa: PLR2004 - to choose among
        came = "no tensor" if output.shape is None else f"an output of shape {output.shape} for each image"
        raise XaiwidgetsError(
            f"{model.name} gives {came}; unit ablation asks which class is answered, so give a network with one number "
            "for each of two classes or more."
        )
    return output.units


def _named(units: tuple[int, ...]) -> str:
    return f"unit{'s' * (len(units) > 1)} {', '.join(map(str, units))}"
