"""A network with every sign made positive: what its outputs depend on, whatever its weights and its inputs are."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from xaiwidgets.methods._geometry.positive_operations import REPLACED, tensors_in


class Positive(TorchFunctionMode):
    """While active, each function of a tensor with a gradient is replaced by one that only adds and averages.

    The gradient of an output is then positive at every input that the output can depend on, and exactly zero
    elsewhere: no ReLU blocks it, no maximum picks one of several inputs, nothing cancels, no weight is zero.
    Convolutions and pooling keep their kernel size, stride, padding and dilation; activations let pass what comes;
    products, quotients and differences add both sides; attention, and group and instance
    normalisation, average over all positions; batch normalisation scales by constants. Channels that are alike are held
    once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._renewed: dict[int, tuple[Tensor, Tensor]] = {}  # what was written over in place, and what stands there

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: Mapping | None = None
    ) -> Any:
        """Replace what depends on the image; numbers, indices and weights among themselves go their way."""
        args, kwargs = self._current(args), self._current(dict(kwargs or {}))
        if not any(tensor.requires_grad for tensor in tensors_in((args, kwargs))):
            return function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        replacement = REPLACED.get(name.strip("_"))
        if replacement is None:
            return function(*_double(args), **_double(kwargs))
        result = replacement(function, *args, **kwargs)
        if name.endswith("_") and not name.startswith("_"):
            self._renewed[id(args[0])] = (args[0], result)
        return result

    def _current(self, given: Any) -> Any:
        """What was given, with what stands now in the place of tensors that were written over."""
        if isinstance(given, Tensor):
            while id(given) in self._renewed:
                given = self._renewed[id(given)][1]
            return given
        return _mapped(given, self._current)


def _mapped(given: Any, function: Callable) -> Any:
    if isinstance(given, dict):
        return {key: function(value) for key, value in given.items()}
    if type(given) in {tuple, list}:
        return type(given)(function(value) for value in given)
    return given


def _double(given: Any) -> Any:
    if isinstance(given, Tensor):
        return given.double() if given.is_floating_point() else given
    return _mapped(given, _double)
