"""What is to be made large, for each image: higher means that the unit responds more."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Activation = Float[Tensor, "image unit position"]
Objective = Callable[[Activation, Tensor], Float[Tensor, "image"]]


def channel(activation: Activation, units: Tensor) -> Tensor:
    """The mean of a unit over all positions."""
    return _of_units(activation, units).mean(1)


def neuron_at(position: int) -> Objective:
    """The unit at one position."""

    def neuron(activation: Activation, units: Tensor) -> Tensor:
        return _of_units(activation, units)[:, position]

    return neuron


def along(directions: Float[Tensor, "direction unit"], power: float) -> Objective:
    """Olah et al. 2017: dot(a, v) · max(0.1, cos(a, v))^power, averaged over positions.

    The floor keeps the sign and a gradient where the activation points away from the direction.
    """

    def direction(activation: Activation, units: Tensor) -> Tensor:
        wanted = directions.to(activation)[units]
        dot = torch.einsum("iup,iu->ip", activation, wanted)
        lengths = activation.norm(dim=1) * wanted.norm(dim=1, keepdim=True)
        cosine = dot / lengths.clamp(min=1e-8)
        return (dot * cosine.clamp(min=0.1) ** power).mean(1)

    return direction


def layer(activation: Activation, _units: Tensor) -> Tensor:
    """DeepDream (Mordvintsev et al. 2015): the mean of the squares of the whole layer."""
    return activation.square().mean((1, 2))


def gram(activation: Activation) -> Float[Tensor, "image unit unit"]:
    """Which units fire together, scaled to length one: the style of an image in this layer."""
    product = activation @ activation.transpose(1, 2)
    return product / product.flatten(1).norm(dim=1)[:, None, None].clamp(min=1e-8)


def likeness(grams: Float[Tensor, "image unit unit"], others: Tensor, same: Float[Tensor, "image other"]) -> Tensor:
    """The mean cosine between an image's Gram matrix and those of the other images of its unit.

    ``same`` is 1 there.
    """
    cosines = grams.flatten(1) @ others.flatten(1).T
    return (cosines * same).sum(1) / same.sum(1).clamp(min=1)


def _of_units(activation: Activation, units: Tensor) -> Float[Tensor, "image position"]:
    return activation[torch.arange(len(units), device=activation.device), units]
