"""The layer tree: what a network is made of, as one forward pass shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models.layout import Layout, layout_of

SURVEY_BATCH = 3  # seldom the size of another axis, so that the batch axis can be told


@dataclass(frozen=True)
class Layer:
    """One module of a network: its dotted path, type, output shape without the batch, and number of parameters.

    ``layout`` is None where the output has no units that can be read; ``problem`` then says why. ``order`` counts the
    layers in the order in which their outputs appear, None for a layer that the forward pass never reaches.
    """

    name: str
    type: str
    parameters: int
    shape: tuple[int, ...] | None = None
    layout: Layout | None = None
    order: int | None = None
    problem: str = ""

    @property
    def units(self) -> int:
        """The number of units, 0 where they cannot be read."""
        return self.layout.units if self.layout else 0

    @property
    def depth(self) -> int:
        """How deep the layer lies in the tree, 0 at the top."""
        return self.name.count(".")


def survey_layers(twin: nn.Module, images: Tensor) -> dict[str, Layer]:
    """Every module of ``twin`` by its path (the network itself as ``""``), from one forward pass of ``images``."""
    seen: dict[str, tuple[int, object]] = {}

    def note(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            seen.setdefault(name, (len(seen), output))

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in twin.named_modules()]
    try:
        with torch.no_grad():
            twin(images)
    finally:
        for handle in handles:
            handle.remove()
    image = tuple(images.shape[1:])
    return {name: _layer(name, module, seen.get(name), image) for name, module in twin.named_modules()}


def tensor_of(output: object) -> Tensor | None:
    """The activation in a module's output: a tensor, or the first one in a tuple, list or mapping."""
    if isinstance(output, Tensor):
        return output
    return next((found for entry in _entries(output) if (found := tensor_of(entry)) is not None), None)


def with_tensor(output: object, tensor: Tensor) -> object:
    """The same output with another activation in the place of the one that `tensor_of` finds."""
    if isinstance(output, Tensor):
        return tensor
    if isinstance(output, Mapping):
        key = next(key for key, entry in output.items() if tensor_of(entry) is not None)
        return type(output)({**output, key: with_tensor(output[key], tensor)})
    place = next(i for i, entry in enumerate(output) if tensor_of(entry) is not None)
    entries = [with_tensor(entry, tensor) if i == place else entry for i, entry in enumerate(output)]
    return type(output)(*entries) if hasattr(output, "_fields") else type(output)(entries)


def _entries(output: object) -> Iterator[object]:
    if isinstance(output, Mapping):
        yield from output.values()
    elif isinstance(output, tuple | list):
        yield from output


def _layer(name: str, module: nn.Module, seen: tuple[int, object] | None, image: tuple[int, ...]) -> Layer:
    known = {"name": name, "type": type(module).__name__, "parameters": sum(p.numel() for p in module.parameters())}
    if seen is None:
        return Layer(**known, problem="the forward pass never reaches it")
    order, output = seen
    tensor = tensor_of(output)
    if tensor is None or not tensor.is_floating_point():
        return Layer(**known, order=order, problem="its output holds no tensor of numbers")
    try:
        layout = layout_of(tuple(tensor.shape), SURVEY_BATCH, module, image)
    except XaiwidgetsError as error:
        return Layer(**known, order=order, shape=tuple(tensor.shape[1:]), problem=str(error))
    batch_axis = 1 if layout.kind == "tokens, sequence first" else 0
    shape = tuple(size for axis, size in enumerate(tensor.shape) if axis != batch_axis)
    return Layer(**known, order=order, shape=shape, layout=layout)
