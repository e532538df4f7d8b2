"""The part of the network that is trained: 1×1 convolutions behind the frozen layer, and the prototypes."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-4
"""ε of the similarity: an equal patch has log(1/ε) = 9.21."""

_NUMBERS = 1 << 22  # that are held at once where patches are compared with prototypes


class Nearest(NamedTuple):
    """For each image and prototype d² to the nearest patch, and its place; ``patches`` are all of each image."""

    distances: Float[Tensor, "image prototype"]
    places: Int[Tensor, "image prototype"]
    patches: Float[Tensor, "image place number"]


@dataclass(frozen=True, eq=False)
class PartNetwork:
    """What stands between the maps of the frozen layer and the similarities.

    Maps are standardised by ``mean`` and ``deviation`` of each channel over the training images. Latents are
    sigmoid(W₂ relu(W₁ x + b₁) + b₂), so that they lie in (0, 1). A prototype is a patch of latents.
    """

    mean: Float[Tensor, "channel"]
    deviation: Float[Tensor, "channel"]
    first: Float[Tensor, "latent channel"]
    first_bias: Float[Tensor, "latent"]
    second: Float[Tensor, "latent latent"]
    second_bias: Float[Tensor, "latent"]
    prototypes: Float[Tensor, "prototype latent row column"]

    def standardised(self, maps: Float[Tensor, "image channel y x"]) -> Float[Tensor, "image channel y x"]:
        """Maps with mean 0 and deviation 1 in each channel."""
        return (maps - self.mean[:, None, None]) / self.deviation[:, None, None]

    def latent(self, maps: Float[Tensor, "image channel y x"]) -> Float[Tensor, "image latent y x"]:
        """The latents of standardised maps."""
        hidden = functional.conv2d(maps, self.first[..., None, None], self.first_bias).relu()
        return functional.conv2d(hidden, self.second[..., None, None], self.second_bias).sigmoid()

    def distances(self, latent: Float[Tensor, "image latent y x"]) -> Float[Tensor, "image prototype row2 column2"]:
        """d² of every patch to every prototype, from |z|² + |p|² − 2 z·p: rounded to about 1e-6."""
        prototypes = self.prototypes
        ones = torch.ones_like(prototypes[:1, :1])
        squares = functional.conv2d(latent.square().sum(1, keepdim=True), ones)
        own = prototypes.square().sum((1, 2, 3))[:, None, None]
        return (squares + own - 2 * functional.conv2d(latent, prototypes)).clamp(min=0)

    def nearest(self, latent: Float[Tensor, "image latent y x"]) -> Nearest:
        """The nearest patch of each image to each prototype; d² from differences, 0 for an equal patch."""
        places = self.distances(latent).flatten(2).argmin(2)
        # Rows of numbers that lie together: to gather them from the maps would take ten times as long.
        patches = functional.unfold(latent, self.prototypes.shape[2:]).transpose(1, 2).contiguous()
        first = torch.arange(len(latent), device=latent.device)[:, None] * patches.shape[1]
        near = patches.flatten(0, 1)[(first + places).flatten()].view(*places.shape, -1)
        return Nearest(near.sub_(self.prototypes.flatten(1)).square_().sum(2), places, patches)

    def at_once(self) -> int:
        """How many images are compared with all prototypes at once."""
        return min(256, max(1, _NUMBERS // self.prototypes.numel()))

    def flat(self) -> Float[Tensor, "number"]:
        """All that is trained, as one row of numbers."""
        return torch.cat([part.flatten() for part in self._trained()])

    def with_flat(self, numbers: Float[Tensor, "number"]) -> Self:
        """The same with other numbers; gradients flow to them."""
        shapes = [part.shape for part in self._trained()]
        parts = numbers.split([math.prod(shape) for shape in shapes])
        names = ("first", "first_bias", "second", "second_bias", "prototypes")
        shaped = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return replace(self, **shaped)

    def with_prototypes(self, prototypes: Float[Tensor, "prototype latent row column"]) -> Self:
        """The same with other prototypes."""
        return replace(self, prototypes=prototypes)

    def _trained(self) -> tuple[Tensor, ...]:
        return self.first, self.first_bias, self.second, self.second_bias, self.prototypes


def similarity(distances: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """log((d² + 1) / (d² + ε)): 9.21 for an equal patch, near 0 for a far one."""
    return torch.log((distances + 1) / (distances + EPSILON))


def first_network(maps: Float[Tensor, "image channel y x"], channels: int, generator: torch.Generator) -> PartNetwork:
    """Random weights (He et al. 2015), statistics of the maps, and no prototypes yet."""
    mean = maps.mean((0, 2, 3))
    deviation = maps.var((0, 2, 3), correction=0).sqrt()
    count = maps.shape[1]

    def drawn(rows: int, columns: int, gain: float) -> Tensor:
        return math.sqrt(gain / columns) * torch.randn(rows, columns, generator=generator).to(maps)

    return PartNetwork(
        mean=mean,
        deviation=torch.where(deviation > 1e-6 * deviation.max(), deviation, 1),  # a silent channel stays 0
        first=drawn(channels, count, 2.0),
        first_bias=maps.new_zeros(channels),
        second=drawn(channels, channels, 1.0),
        second_bias=maps.new_zeros(channels),
        prototypes=maps.new_zeros(0, channels, 1, 1),
    )
