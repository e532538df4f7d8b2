"""A layer's outputs as the plain module gives them, laid out by hand: what the methods' answers are compared with."""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from tests.networks import image_model, layer_of
from xaiwidgets.models import ImageModel, load_model

GRIDS = {
    "efficientnet_lite0": (28, 28),
    "resnet": (16, 16),
    "vision_transformer": (8, 8),
    "functional_cnn": (9, 7),
    "channels_last": (8, 8),
    "lenet": (10, 10),
    "mlp": (1, 1),
}


def precise(name: str) -> ImageModel:
    """The network in double precision; the large one, which would be slow, in single."""
    return load_model(name) if name == "efficientnet_lite0" else image_model(name, torch.float64)


def tolerance(name: str) -> dict[str, float]:
    """How far two ways of computing the same may lie apart."""
    return {"rtol": 1e-3, "atol": 1e-3} if name == "efficientnet_lite0" else {"rtol": 1e-9, "atol": 1e-12}


def some_images(name: str, count: int) -> Tensor:
    """Random pictures that the network can look at."""
    shape = precise_shape(name)
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(
        precise(name).dtype
    )


def precise_shape(name: str) -> tuple[int, int, int]:
    """(channel, height, width) of the network's pictures."""
    shape = (3, 224, 224) if name == "efficientnet_lite0" else image_model(name).input_shape
    return shape if len(shape) == 3 else (1, 8, 8)


def outputs(name: str, images: Tensor) -> np.ndarray:
    """(image, unit, row, column) of the layer, from a hook on a copy of the module."""
    model = precise(name)
    network, found = copy.deepcopy(model.module).eval(), []
    network.get_submodule(layer_of(name)).register_forward_hook(lambda _m, _i, output: found.append(output.clone()))
    if model.raw_normalize is not None:
        mean, std = (torch.tensor(entry, dtype=model.dtype)[:, None, None] for entry in model.raw_normalize)
        images = (images - mean) / std
    with torch.no_grad():
        network(images.flatten(1) if name == "mlp" else images)
    output = found[0]
    if name == "vision_transformer":
        output = output[:, 1:].transpose(1, 2)  # without the class token
    elif name == "channels_last":
        output = output.permute(0, 3, 1, 2)
    return output.reshape(len(images), output.shape[1], *GRIDS[name]).numpy()


def planted(weight: Tensor, **options: int) -> nn.Module:
    """One convolution without a bias."""
    network = nn.Conv2d(weight.shape[1], len(weight), weight.shape[2:], bias=False, **options)
    network.weight = nn.Parameter(weight)
    return nn.Sequential(network)
