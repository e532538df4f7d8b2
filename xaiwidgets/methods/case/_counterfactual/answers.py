"""What is asked: a network about images, or any function about rows; differentiable."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._answers import are_probabilities
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, head_of
from xaiwidgets.models.layers import tensor_of
from xaiwidgets.models.twin import structural_twin

_LEAST = 1e-12  # probability whose logarithm is taken


class Answers(Protocol):
    """Gives scores and features of rows; the softmax of the scores are the probabilities."""

    shape: tuple[int, ...]
    name: str

    def __call__(self, rows: Float[Tensor, "row feature"]) -> tuple[Float[Tensor, "row class"], Tensor]:
        """Scores, and the features by which plausibility is told."""


class OfImages:
    """A network, and the features of one layer of it, averaged over positions; "head" is its last layer's input."""

    def __init__(self, model: ImageModel, layer: str, shape: tuple[int, ...]) -> None:
        self.shape, self.name, self._model, self._layer = shape, model.name, model, layer
        self._path = head_of(model)[0] if layer == HEAD else model.layer(layer).name
        self._layout = None if layer == HEAD else model.layer(layer).layout
        self._network = model.twin_for([self._path])

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """One pass; the hook lives within it."""
        read: list[Tensor] = []
        images = rows.reshape(len(rows), *(self.shape if len(self._model.input_shape) > 1 else (-1,)))

        def before(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            read.append(inputs[0])

        def after(_module: nn.Module, _inputs: object, output: object) -> None:
            read.append(self._layout.arrange(tensor_of(output)).mean(-1))

        with self._model.lock:
            module = self._network.get_submodule(self._path)
            hook = (
                module.register_forward_pre_hook(before) if self._layer == HEAD else module.register_forward_hook(after)
            )
            try:
                outputs = tensor_of(self._network(self._model.normalized(images)))
            finally:
                hook.remove()
        return scores_of(outputs, self.name), read[0].flatten(1).detach()


class OfRows:
    """A function of rows; its features are the rows themselves, in units of ``scale``."""

    def __init__(self, function: Callable[[Tensor], Any], rows: Float[Tensor, "row feature"]) -> None:
        self.shape = tuple(rows.shape[1:])
        self.scale = torch.ones_like(rows[0])
        self.name = getattr(function, "name", None) or getattr(function, "__name__", type(function).__name__)
        self._function, self._dtype = _without_state(function, rows), rows.dtype

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """One call of the function."""
        outputs = self._function(rows)
        if not isinstance(outputs, Tensor):
            raise XaiwidgetsError(
                f"{self.name} gave {type(outputs).__name__} for rows; a function of torch tensors is wanted, since the "
                "search follows its gradient."
            )
        return scores_of(outputs.to(self._dtype), self.name), (rows / self.scale).detach()


def scores_of(outputs: Tensor, name: str) -> Float[Tensor, "row class"]:
    """Outputs whose softmax are the probabilities; raises for what is no choice between classes, and for NaN."""
    if outputs.dim() != 2 or outputs.shape[1] < 2:  # noqa: PLR2004 - a choice is between two
        raise XaiwidgetsError(
            f"{name} gives an output of shape {tuple(outputs.shape)}; a row of numbers, one for each of several "
            "classes, is wanted for each example."
        )
    if not bool(outputs.isfinite().all()):
        raise XaiwidgetsError(f"{name} gives outputs that are no finite numbers; look for overflow in it.")
    return outputs.clamp(min=_LEAST).log() if are_probabilities(outputs.detach()) else outputs


def _without_state(function: Any, rows: Tensor) -> Callable[[Tensor], Tensor]:
    """The function, or the twin of a module in evaluation mode, for rows of this precision and on this device."""
    if isinstance(function, ImageModel):
        twin, dtype, device = function.twin, function.dtype, function.device
        return lambda rows: tensor_of(twin(function.normalized(rows.to(device, dtype)))).to(rows.device)
    if isinstance(function, nn.Module):
        first = next((p for p in function.parameters() if p.is_floating_point()), rows)
        twin = structural_twin(function, first.device, first.dtype, channels_last=False)
        return lambda rows: tensor_of(twin(rows.to(first.device, first.dtype))).to(rows.device)
    return function
