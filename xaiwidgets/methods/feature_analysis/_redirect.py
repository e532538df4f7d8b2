"""Help for units that start dead: a gradient that a ReLU blocks wholly is let through for a while."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class _RedirectedReLU(torch.autograd.Function):
    """A ReLU, clipped at ``high``, whose gradient passes where it would push a blocked input back into range."""

    @staticmethod
    def forward(context: Any, values: Tensor, high: float) -> Tensor:
        context.save_for_backward(values)
        context.high = high
        return values.clamp(0, high)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors
        plain = gradient * ((values > 0) & (values < context.high))
        helps = ((values <= 0) & (gradient > 0)) | ((values >= context.high) & (gradient < 0))
        redirected = torch.where(helps, gradient, plain)
        blocked = ~plain.flatten(1).any(dim=1)
        return torch.where(blocked.view(-1, *[1] * (plain.dim() - 1)), redirected, plain), None


class RedirectedReLUs(TorchFunctionMode):
    """While active, ReLU and ReLU6 let a gradient of *ascent* through where they would stop all of an image's (Lucid).

    Works for modules, functions and in-place calls alike, since all of them come by here.
    """

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Replace the rectifiers; everything else goes its way."""
        kwargs = kwargs or {}
        high = _bound(function, args, kwargs)
        if high is None:
            return function(*args, **kwargs)
        if function in _IN_PLACE or kwargs.get("inplace") or True in args[1:]:
            return args[0].copy_(_RedirectedReLU.apply(args[0].clone(), high))
        return _RedirectedReLU.apply(args[0], high)


_RELUS = {functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_HARDTANHS = {functional.hardtanh, functional.hardtanh_}  # nn.ReLU6 is one of these
_IN_PLACE = {functional.relu_, torch.relu_, Tensor.relu_, functional.hardtanh_}


def _bound(function: Callable, args: tuple, kwargs: dict) -> float | None:
    """Where the rectifier clips from above, None for what is no rectifier."""
    if function in _RELUS:
        return float("inf")
    if function is functional.relu6:
        return 6.0
    if function in _HARDTANHS:
        bounds = dict(zip(("min_val", "max_val"), args[1:3], strict=False)) | kwargs
        if bounds.get("min_val") == 0:
            return float(bounds.get("max_val", 1.0))
    return None
