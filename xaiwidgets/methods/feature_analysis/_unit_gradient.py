"""What raises a unit's activation in an image, by the derivative or by a rule of its own at the rectifiers."""

import contextlib
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._images import accepted, checked_units
from xaiwidgets.methods.feature_analysis._rectifiers import Rectifiers, Rule, met
from xaiwidgets.models import ImageModel, Probe
from xaiwidgets.models.layers import SURVEY_BATCH

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis._backprop import RectifierBackprop


class UnitGradient:
    """∂activation/∂image for pairs of an image and a unit, the units of one image after another."""

    def __init__(self, settings: "RectifierBackprop", model: ImageModel, images: ImageSet | Tensor) -> None:
        self.layer, self.target = settings.layer, settings.target
        self.images, self.view = accepted(images, model), View(model, None)
        probe = Probe(model, [self.layer])
        self.units = checked_units(settings.units, probe.layers[self.layer])
        self.shape = (len(self.images), len(self.units))
        self.pairs = len(self.images) * len(self.units)
        self.unit = torch.tensor(self.units, device=model.device).repeat(len(self.images))
        blank = self.view.network(self.images[:1].expand(SURVEY_BATCH, -1, -1, -1))
        self.layout = probe.layout_at(self.layer, blank)
        self.width = self.layout.grid[1] if self.layout.grid else torch.iinfo(torch.long).max
        self.neuron = self._neuron(settings)

    @torch.enable_grad()
    def __call__(
        self, probe: Probe, rows: slice, position: Int[Tensor, "pair"] | None, rule: Rule | None = None
    ) -> tuple[Float[Tensor, "pair channel height width"], Float[Tensor, "pair"], Int[Tensor, "pair"]]:
        """The gradient by a rule, the activation, and its position, which is found where it is not given."""
        pairs = torch.arange(rows.start, rows.stop, device=self.images.device)
        images = self.images[pairs // len(self.units)].requires_grad_()
        with Rectifiers(rule) if rule else contextlib.nullcontext():
            # A copy, since a network may write over what it is given.
            maps = probe.arranged(self.view.network(images.clone()), self.layer)
            maps = maps[torch.arange(len(pairs), device=maps.device), self.unit[rows]]
            position = self._position(maps.detach()) if position is None else position
            activation = self._reduced(maps, position)
            self._refuse_blind(probe.model, activation, rule)
            (gradient,) = torch.autograd.grad(activation.sum(), images, allow_unused=True, materialize_grads=True)
        return gradient, activation.detach(), position

    def places(self, position: Int[Tensor, "pair"]) -> Int[Tensor, "pair 2"]:
        """Row and column of positions."""
        return torch.stack([position // self.width, position % self.width], dim=1)

    def _position(self, maps: Float[Tensor, "pair position"]) -> Int[Tensor, "pair"]:
        return maps.argmax(1) if self.neuron is None else torch.full_like(maps[:, 0], self.neuron).long()

    def _reduced(self, maps: Float[Tensor, "pair position"], position: Int[Tensor, "pair"]) -> Float[Tensor, "pair"]:
        if self.target in {"mean", "sum"}:
            return getattr(maps, self.target)(1)
        return maps.gather(1, position[:, None])[:, 0]

    def _neuron(self, settings: "RectifierBackprop") -> int | None:
        """The position that was asked for, None where it is that of the peak."""
        if self.target != "neuron":
            return None
        for name, size in zip(("row", "column"), self.layout.grid or (1, 1), strict=True):
            given = getattr(settings, name)
            if given is not None and given >= size:
                raise XaiwidgetsError(
                    f"{name}={given} was given; layer {self.layer!r} has positions 0 to {size - 1} there."
                )
        return self.layout.position(settings.row, settings.column)

    def _refuse_blind(self, model: ImageModel, activation: Tensor, rule: Rule | None) -> None:
        """Raise where there is no gradient, or no rectifier at which the rule could differ from it."""
        if not activation.requires_grad:
            raise XaiwidgetsError(
                f"Layer {self.layer!r} does not depend on the image by a gradient; choose a layer that does."
            )
        if rule and not met(activation, rule, f"{model.name} up to layer {self.layer!r}"):
            raise XaiwidgetsError(
                f"{model.name} has no rectifier (ReLU) between the image and layer {self.layer!r}, so that the picture "
                "would be the plain gradient; choose a deeper layer, or a network with ReLUs."
            )
