"""An ablation by hand: one image after the other, in double precision, from the definition."""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.feature_analysis.layer_outputs import precise_shape
from tests.networks import NETWORKS, layer_of, module
from xaiwidgets.data import ConceptSet
from xaiwidgets.models import ImageModel

CLASSES = [f"Class {i}" for i in range(10)]
_CHANNELS_LAST = {"vision_transformer", "channels_last"}


def precise_model(name: str) -> ImageModel:
    """The network in double precision, its classes named."""
    _, shape, normalize, _ = NETWORKS[name]
    return ImageModel(module(name).double(), shape, normalize, CLASSES)


def labelled(name: str, count: int = 23, *, classes: bool = True, size: tuple[int, int] = (6, 5)) -> ConceptSet:
    """Random images; concepts in patches; and a class for most, as a label of every pixel."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, *precise_shape(name), generator=generator)
    things = torch.randint(0, 4, (count, *size), generator=generator)
    things = things.where(torch.rand(count, *size, generator=generator) < 0.05, 0)
    masks, names = {"thing": things}, {"thing": ["leaf", "stone", "wing"]}
    if classes:
        of_class = torch.randint(0, 11, (count, 1, 1), generator=generator).expand(-1, *size)
        masks, names = masks | {"class": of_class}, names | {"class": [f"class_{i}" for i in range(10)]}
    return ConceptSet.from_arrays(images, masks, names)


def probabilities(name: str, images: Tensor, units: tuple[int, ...]) -> np.ndarray:
    """(image, class) of a copy of the module whose layer has zeros in the place of these units."""
    model = precise_model(name)
    network = copy.deepcopy(model.module).eval()

    def silence(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        for unit in units:
            (output[..., unit] if name in _CHANNELS_LAST else output[:, unit]).zero_()
        return output

    network.get_submodule(layer_of(name)).register_forward_hook(silence)
    images = images.double()
    if model.raw_normalize is not None:
        mean, std = (torch.tensor(entry, dtype=torch.float64)[:, None, None] for entry in model.raw_normalize)
        images = (images - mean) / std
    with torch.no_grad():
        output = network(images.flatten(1) if name == "mlp" else images).numpy()
    powers = np.exp(output - output.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def ablated(name: str, concepts: ConceptSet, units: tuple[int, ...], *, having: bool = True) -> dict[str, np.ndarray]:
    """What is told of the images that have each concept, or have it not."""
    batch = concepts.batch(slice(None))
    before, after = (probabilities(name, batch.images, silent) for silent in ((), units))
    pixels = batch.layers.shape[2] * batch.layers.shape[3]
    count = len(concepts.concepts)
    size = np.array([[int((layers == c + 1).sum()) for c in range(count)] for layers in batch.layers])
    names = [known.replace("_", " ").capitalize() for known, _ in concepts.concepts]
    found = [[CLASSES.index(names[c]) for c in range(count) if row[c] == pixels] for row in size]
    of_labels = any(found)
    found = [row[0] if row else (-1 if of_labels else int(before[i].argmax())) for i, row in enumerate(found)]
    told: dict[str, list] = {"images": [], "right": [], "lost": [], "gained": [], "change": [], "error": []}
    for c in range(count):
        rows = [i for i, truth in enumerate(found) if truth >= 0 and (size[i, c] > 0) == having]
        was, now = ([bool(p[i].argmax() == found[i]) for i in rows] for p in (before, after))
        change = [after[i, found[i]] - before[i, found[i]] for i in rows]
        told["images"].append(len(rows))
        told["right"].append(sum(was))
        told["lost"].append(sum(a and not b for a, b in zip(was, now, strict=True)))
        told["gained"].append(sum(b and not a for a, b in zip(was, now, strict=True)))
        told["change"].append(np.mean(change) if rows else np.nan)
        told["error"].append(np.std(change, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.nan)
    drops = sorted((after[i, truth] - before[i, truth], i) for i, truth in enumerate(found) if truth >= 0)
    drops = [(change, i) for change, i in drops if change < 0]
    return {what: np.array(values) for what, values in told.items()} | {
        "drops": np.array([change for change, _ in drops]),
        "ids": np.array([i for _, i in drops]),
        "by_class": np.stack([(after - before)[_having(size, found, c)].sum(0) for c in range(count)]),
    }


def _having(size: np.ndarray, found: list[int], concept: int) -> list[int]:
    """The images that have a concept and are told of."""
    return [i for i, truth in enumerate(found) if truth >= 0 and size[i, concept] > 0]
