"""One step of training: what is minimised over add-on and prototypes, the last layer being given."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._adam import Adam
from xaiwidgets.methods.case._prototype_parts.network import PartNetwork, similarity

_SLOWEST = 0.05  # of the learning rate, at the end


def cost(
    network: PartNetwork,
    weights: Float[Tensor, "prototype class"],
    maps: Float[Tensor, "image channel y x"],
    labels: Int[Tensor, "image"],
    own: Bool[Tensor, "image prototype"],
    parts: tuple[float, float],
) -> Float[Tensor, ""]:
    """Cross-entropy + λ₁ Clst + λ₂ Sep (Chen et al. 2019, section 2.2, eq. 1).

    Clst is the mean over images of the least d² of any patch to a prototype of its class, Sep minus that to a prototype
    of another; ``parts`` are (λ₁, λ₂), ``own`` says which prototypes are of each image's class.
    """
    least = network.distances(network.latent(maps)).flatten(2).amin(2)
    far = torch.finfo(least.dtype).max
    cluster = least.masked_fill(~own, far).amin(1).mean()
    separation = -least.masked_fill(own, far).amin(1).mean()
    entropy = functional.cross_entropy(similarity(least) @ weights, labels)
    return entropy + parts[0] * cluster + parts[1] * separation


class Descent:
    """Adam on all numbers of add-on and prototypes at once; the rate falls along a line over ``total`` steps."""

    def __init__(self, network: PartNetwork, total: int) -> None:
        self.network, self.total, self.steps = network, total, 0
        self.adam = Adam(network.flat())

    def step(
        self,
        weights: Float[Tensor, "prototype class"],
        maps: Float[Tensor, "image channel y x"],
        labels: Int[Tensor, "image"],
        own: Bool[Tensor, "image prototype"],
        rate: float,
        parts: tuple[float, float],
    ) -> None:
        """Move once; prototypes stay in [0, 1], where the latents are."""
        free = self.network.flat().requires_grad_()
        with torch.enable_grad():
            loss = cost(self.network.with_flat(free), weights, maps, labels, own, parts)
            (gradient,) = torch.autograd.grad(loss, free)
        if not bool(gradient.isfinite().all()):
            raise XaiwidgetsError(
                f"The cost is no finite number at step {self.steps}; lower the learning rate or the weights of cluster "
                "and separation."
            )
        moved = free.detach()
        self.adam.climb(moved, -gradient, rate * max(_SLOWEST, 1 - self.steps / self.total))
        self.steps += 1
        network = self.network.with_flat(moved)
        self.network = network.with_prototypes(network.prototypes.clamp(0, 1))

    def put(self, prototypes: Float[Tensor, "prototype latent row column"]) -> None:
        """Replace the prototypes: they were projected."""
        self.network = self.network.with_prototypes(prototypes)
