"""The network's head: the last linear layer, whose output is the network's."""

import torch
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.layers import tensor_of

HEAD = "head"
"""The name that stands for the last linear layer's input."""


def head_of(model: ImageModel) -> tuple[str, nn.Linear]:
    """The path and the module of the linear layer whose output is the network's.

    Raises `XaiwidgetsError` for a network that ends in anything else.
    """
    layers = model.layers()
    reached = [layer for layer in layers.values() if layer.order is not None]
    last = max((layer for layer in reached if layer.name), key=lambda layer: layer.order, default=layers[""])
    linear = [layer for layer in reached if isinstance(model.twin.get_submodule(layer.name), nn.Linear)]
    head = max(linear, key=lambda layer: layer.order, default=None)
    if head is None or not _is_output(model, head.name):
        ends = f"{model.name} ends in {last.name or 'itself'!r}, a {last.type}, but a Linear is wanted as its head"
        if head is not None and head.name == last.name:
            ends = f"{model.name} gives out something else than its last layer {head.name!r}, as where it runs twice"
        raise XaiwidgetsError(f"{ends}; name a layer instead, whose features take the head's place.")
    return head.name, model.twin.get_submodule(head.name)


def _is_output(model: ImageModel, name: str) -> bool:
    """Whether the network gives out what this layer gives out, tried with a few images of noise."""
    noise = torch.rand((2, *model.input_shape), generator=torch.Generator().manual_seed(0), dtype=model.dtype)
    read: list[Tensor] = []
    with model.lock, torch.no_grad():
        module = model.twin.get_submodule(name)
        handle = module.register_forward_hook(lambda _module, _inputs, output: read.append(output))
        try:
            answer = tensor_of(model.twin(model.normalized(noise.to(model.device))))
        finally:
            handle.remove()
    return len(read) == 1 and read[0].dim() == 2 and torch.equal(answer, read[0])  # noqa: PLR2004 - rows of numbers
