"""All images of one side compared with all prototypes, some at a time."""

from collections.abc import Generator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.case._prototype_parts.network import Nearest, PartNetwork, similarity


class Survey(NamedTuple):
    """The similarity and the place of each image's most alike patch, and for each prototype the nearest of its class.

    ``images`` are the images of those, by their rows, ``nearest`` their places, ``distances`` d² and ``patches`` their
    latents. Of equally near patches the first is taken.
    """

    similarities: Float[Tensor, "image prototype"]
    places: Int[Tensor, "image prototype"]
    images: Int[Tensor, "prototype"]
    nearest: Int[Tensor, "prototype"]
    distances: Float[Tensor, "prototype"]
    patches: Float[Tensor, "prototype latent row column"]

    def accuracy(self, weights: Float[Tensor, "prototype class"], labels: Int[Tensor, "image"]) -> float:
        """The share of the images whose label has the largest logit."""
        logits = self.similarities.double() @ weights.double()
        return float((logits.argmax(1) == labels).double().mean())


@torch.no_grad()
def _compared(network: PartNetwork, maps: Float[Tensor, "image channel y x"]) -> Nearest:
    return network.nearest(network.latent(maps))


def survey(
    network: PartNetwork,
    maps: Float[Tensor, "image channel y x"],
    labels: Int[Tensor, "image"],
    classes: Int[Tensor, "prototype"],
) -> Generator[float, None, Survey]:
    """Yield the share of the images that is compared; returns what was found."""
    count, at_once, similarities, places = len(classes), network.at_once(), [], []
    best = network.prototypes.new_full((count,), torch.inf)
    images, nearest = (torch.zeros_like(classes) for _ in range(2))
    patches = network.prototypes.clone()
    each = torch.arange(count, device=classes.device)
    for start in range(0, len(maps), at_once):
        found = _compared(network, maps[start : start + at_once])
        similarities.append(similarity(found.distances))
        places.append(found.places)
        own = labels[start : start + at_once, None] == classes
        least, image = found.distances.masked_fill(~own, torch.inf).min(0)
        nearer = least < best
        best = torch.where(nearer, least, best)
        images = torch.where(nearer, start + image, images)
        nearest = torch.where(nearer, found.places[image, each], nearest)
        patch = found.patches[image, found.places[image, each]].view_as(patches)
        patches = torch.where(nearer[:, None, None, None], patch, patches)
        yield min(1.0, (start + at_once) / len(maps))
    return Survey(torch.cat(similarities), torch.cat(places), images, nearest, best, patches)


@torch.no_grad()
def own_maps(
    network: PartNetwork, maps: Float[Tensor, "image channel y x"], images: Int[Tensor, "prototype"]
) -> Float[Tensor, "prototype row column"]:
    """The similarity of each prototype at every place of one image."""
    found, at_once = [], 64
    for start in range(0, len(images), at_once):
        part = network.with_prototypes(network.prototypes[start : start + at_once])
        distances = part.distances(part.latent(maps[images[start : start + at_once]]))
        found.append(similarity(distances.diagonal().permute(2, 0, 1)))
    return torch.cat(found)
