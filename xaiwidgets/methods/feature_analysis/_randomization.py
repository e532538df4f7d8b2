"""What is left of a picture when the weights are random: the check of Adebayo et al. (2018)."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.models import ImageModel, Layer
from xaiwidgets.models.twin import structural_twin

_BLOCK = 8  # pixels


class Randomization:
    """The layers with weights from the chosen one down to the image, in at most ``count`` stages.

    Each stage randomises the layers of the stages before it too (the cascade of Adebayo et al.). A parameter is drawn
    from a normal distribution with its own mean and standard deviation, so that activations keep their scale and a
    picture does not change for its scale alone; a permutation would keep more, but takes seconds for a hundred million
    weights. Where batch normalisation is folded, convolutions carry it, and its fixed statistics fit no worse than
    before. Parameters that stand in no layer of their own, such as tokens and positions, are drawn in the last stage.
    """

    def __init__(self, model: ImageModel, layer: str, count: int, seed: int) -> None:
        self.model, self.seed = model, seed
        self.network = model.twin_for([layer])
        self.names, around = _top_down(self.network, model.layers(), layer)
        count = min(count, len(self.names))
        self.cuts = [math.ceil(len(self.names) * (i + 1) / count) for i in range(count)]
        self.stages = tuple(self.names[cut - 1] for cut in self.cuts)
        self.names += around
        self.cuts[-1:] = [len(self.names)] * bool(self.cuts)

    @torch.no_grad()
    def network_at(self, stage: int) -> nn.Module:
        """A private copy of the network with random weights down to a stage; the other weights are shared."""
        copy = structural_twin(self.network, self.model.device, self.model.dtype, channels_last=False)
        drawn: dict[int, nn.Parameter] = {}
        for place, name in enumerate(self.names[: self.cuts[stage]]):
            state = np.random.SeedSequence([self.seed, place]).generate_state(2, np.uint32)
            generator = torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)
            for _, weight in copy.get_submodule(name).named_parameters(recurse=False):
                drawn.setdefault(id(weight), _drawn(weight, generator))
        for module in copy.modules():  # a weight that several layers share stays shared
            for own, weight in list(module.named_parameters(recurse=False)):
                if id(weight) in drawn:
                    setattr(module, own, drawn[id(weight)])
        return copy


def _top_down(network: nn.Module, layers: dict[str, Layer], layer: str) -> tuple[list[str], list[str]]:
    """The modules with weights of their own down from a layer, and those around it, whose place is not known."""
    orders, around = {}, []
    for name, module in network.named_modules():
        if not any(True for _ in module.parameters(recurse=False)):
            continue
        if not name or layer.startswith(f"{name}."):
            around.append(name)
            continue
        order = _order(name, layers)
        if order is not None and order <= layers[layer].order:
            orders[name] = order
    return sorted(orders, key=orders.__getitem__, reverse=True), around


def _order(name: str, layers: dict[str, Layer]) -> int | None:
    """When a module gave its output; where it is used without being called, when the one around it did."""
    while name:
        if name in layers and layers[name].order is not None:
            return layers[name].order
        name = name.rpartition(".")[0]
    return None


def _drawn(weight: Tensor, generator: torch.Generator) -> nn.Parameter:
    noise = torch.randn(weight.shape, generator=generator)
    values = noise.to(weight) * weight.std(correction=0) + weight.mean()
    return nn.Parameter(torch.empty_like(weight).copy_(values), requires_grad=False)


def ranks(values: Float[Tensor, "value"]) -> Float[Tensor, "value"]:
    """The place of each value in their order from 1, the mean of their places for equal ones, in double precision."""
    ordered, order = values.sort()
    counts = torch.unique_consecutive(ordered, return_counts=True)[1]
    means = counts.cumsum(0).double() - (counts - 1).double() / 2
    return torch.empty(len(values), dtype=torch.double, device=values.device).scatter_(
        0, order, means.repeat_interleave(counts)
    )


def correlation(one: Float[Tensor, "value"], other: Float[Tensor, "value"]) -> float:
    """Pearson's correlation, of ranks Spearman's; NaN where one of the two does not vary."""
    one, other = one - one.mean(), other - other.mean()
    lengths = one.norm() * other.norm()
    return float(one @ other / lengths) if bool(lengths > 0) else math.nan


def scattered(
    picture: Float[Tensor, "channel height width"], generator: torch.Generator
) -> Float[Tensor, "channel height width"]:
    """The picture with its pixels mixed within blocks of 8×8: it lies where it lay, and its detail is gone."""
    height, width = picture.shape[1:]
    across = -(-width // _BLOCK)
    block = (torch.arange(height)[:, None] // _BLOCK * across + torch.arange(width) // _BLOCK).flatten()
    mixed = (block + torch.rand(block.shape, generator=generator, dtype=torch.double)).argsort()
    places = torch.empty_like(block).scatter_(0, block.argsort(stable=True), mixed).to(picture.device)
    return picture.flatten(1)[:, places].view_as(picture)
