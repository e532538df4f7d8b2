"""Patches with which prototypes begin."""

from collections.abc import Generator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.case._prototype_parts.network import PartNetwork, similarity

_EACH, _MOST = 20, 2000  # candidates for a prototype, and for all together
_COMPARED = 400  # training images that candidates are compared with


@torch.no_grad()
def random_patches(
    network: PartNetwork,
    maps: Float[Tensor, "image channel y x"],
    labels: Int[Tensor, "image"],
    classes: Int[Tensor, "prototype"],
    patch: tuple[int, int],
    generator: torch.Generator,
) -> Float[Tensor, "prototype latent row column"]:
    """For each prototype the latents of a random patch of a random image of its class."""
    height, width = patch
    down, across = maps.shape[2] - height + 1, maps.shape[3] - width + 1
    rows = {label: (labels == label).nonzero()[:, 0] for label in classes.unique().tolist()}
    found = []
    for label in classes.tolist():
        image, y, x = (int(torch.randint(n, (1,), generator=generator)) for n in (len(rows[label]), down, across))
        place = int(rows[label][image])
        found.append(network.latent(maps[place : place + 1])[0, :, y : y + height, x : x + width])
    return torch.stack(found)


def telling_patches(
    network: PartNetwork,
    maps: Float[Tensor, "image channel y x"],
    labels: Int[Tensor, "image"],
    classes: Int[Tensor, "prototype"],
    patch: tuple[int, int],
    generator: torch.Generator,
) -> Generator[float, None, Float[Tensor, "prototype latent row column"]]:
    """Yield the share of the classes that is done; returns patches that tell each class from the others.

    Of random patches of a class the one is taken, again and again, that adds most to the mean similarity of its images
    to their most alike chosen patch, less that of other images: a background that all have adds nothing.
    """
    kept = torch.randperm(len(maps), generator=generator)[:_COMPARED].to(labels.device)
    latent, chosen = _latent(network, maps[kept]), []
    labels_ids, counts = classes.unique_consecutive(return_counts=True)
    for done, (label, count) in enumerate(zip(labels_ids.tolist(), counts.tolist(), strict=True), 1):
        number = max(count, min(_EACH * count, _MOST // len(labels_ids)))
        of_class = torch.full((number,), label, device=classes.device)
        drawn = random_patches(network, maps, labels, of_class, patch, generator)
        alike = similarity(network.with_prototypes(drawn).distances(latent).flatten(2).amin(2))
        chosen.append(drawn[_greedy(alike, labels[kept] == label, count)])
        yield done / len(labels_ids)
    return torch.cat(chosen)


@torch.no_grad()
def _latent(network: PartNetwork, maps: Float[Tensor, "image channel y x"]) -> Float[Tensor, "image latent y x"]:
    return network.latent(maps)


def _greedy(alike: Float[Tensor, "image candidate"], own: Bool[Tensor, "image"], count: int) -> list[int]:
    """The candidates that one after the other add most."""
    sign = own.to(alike) / own.sum().clamp(min=1) - (~own).to(alike) / (~own).sum().clamp(min=1)
    covered, picked = torch.zeros_like(alike[:, :1]), []
    for _ in range(count):
        gain = (sign[:, None] * torch.maximum(alike, covered)).sum(0)
        gain[picked] = -torch.inf
        picked.append(int(gain.argmax()))
        covered = torch.maximum(covered, alike[:, picked[-1:]])
    return picked
