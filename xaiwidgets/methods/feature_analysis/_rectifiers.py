"""Rectifiers, wherever a network has them, and what else than their derivative may be passed back through them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xaiwidgets.core import XaiwidgetsError

Rule = type[torch.autograd.Function]  # forward(values, high) clips to [0, high]; backward is the rule's own


class Rectifiers(TorchFunctionMode):
    """While active, every rectifier max(0, x), or min(max(0, x), high), is computed by a ``rule``.

    Modules, functions and in-place calls all come by here, and so do clamp, threshold and a maximum with zero. One that
    is written as a product or a choice (``x * (x > 0)``, ``where``) is not known from any other.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule = rule

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: Mapping | None = None
    ) -> Any:
        """Replace the rectifiers; everything else goes its way."""
        kwargs = dict(kwargs or {})
        values, high = rectified(function, args, kwargs)
        if values is None or not values.requires_grad or "out" in kwargs:
            return function(*args, **kwargs)
        if function.__name__.endswith("_") or any(entry is True for entry in (*args[1:], kwargs.get("inplace"))):
            return values.copy_(self.rule.apply(values.clone(), high))
        return self.rule.apply(values, high)


class Rectified(torch.autograd.Function):
    """A rectifier; what passes back is for the subclass to say."""

    @staticmethod
    def forward(context: Any, values: Tensor, high: float) -> Tensor:
        """Clip to [0, high]."""
        context.save_for_backward(values)
        context.high = high
        return values.clamp(0, high)


class Deconvolved(Rectified):
    """The deconvnet's: R ↦ max(R, 0), whatever came forward."""

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Keep what is positive."""
        return gradient * (gradient > 0), None  # no clamp: it would be taken for one more rectifier


class Guided(Rectified):
    """Guided backpropagation's: R ↦ max(R, 0) where the input was in range, as the derivative has it."""

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Keep what is positive and came through on the way forward."""
        (values,) = context.saved_tensors
        return gradient * ((gradient > 0) & (values > 0) & (values < context.high)), None


def rectified(function: Callable, args: tuple, kwargs: Mapping) -> tuple[Tensor | None, float]:
    """What a call rectifies and where it clips from above; None for what is no rectifier."""
    first = args[0] if args else kwargs.get("input")
    if not isinstance(first, Tensor) or not first.is_floating_point():
        return None, 0.0
    if function in _RELUS:
        return first, float("inf")
    if function is functional.relu6:
        return first, 6.0
    if function in _MAXIMA:
        return _maximum(first, args[1] if len(args) > 1 else kwargs.get("other"))
    kinds, names, default = next((entry for entry in _BOUNDED if function in entry[0]), (None, (), None))
    if kinds is None:
        return None, 0.0
    given = dict(zip(names, args[1:], strict=False)) | {name: kwargs[name] for name in names if name in kwargs}
    high = _highest(*(given.get(name, default) for name in names), kinds is _THRESHOLDS)
    return (None, 0.0) if high is None else (first, high)


def met(output: Tensor, rule: Rule, where: str) -> int:
    """How many rectifiers computed by ``rule`` an output depends on.

    Raises `XaiwidgetsError` where the graph holds a rectifier, or a function that may hide one, which took its own way.
    """
    seen, waiting, count = set(), [output.grad_fn], 0
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if getattr(node, "_forward_cls", None) is rule:
            count += 1
        elif hidden := _hidden(node):
            raise XaiwidgetsError(
                f"{where} passes through {hidden}, in which rectifiers cannot be replaced; write it as plain functions "
                "of torch, such as torch.relu, or choose a layer before it."
            )
        waiting.extend(after for after, _ in node.next_functions)
    return count


def _hidden(node: Any) -> str:
    """In words, why a node of the graph may be a rectifier that was not seen; "" where it is none."""
    name = node.name()
    if any(part in name for part in ("CppNode", "DifferentiableGraph", "jit::", "ApplyTemplate", "CompiledFunction")):
        return "a compiled part"
    if hasattr(node, "_forward_cls"):
        return f"an autograd function of its own ({name.removesuffix('Backward')})"
    low = next((getattr(node, f"_saved_{own}") for own in _LOWER if hasattr(node, f"_saved_{own}")), None)
    return "a compiled part with a ReLU" if name.startswith("ReluBackward") or _number(low) == 0 else ""


def _maximum(one: Tensor, other: object) -> tuple[Tensor | None, float]:
    """The tensor of two of which the larger is taken, where the other one is nothing but zeros."""
    if isinstance(other, Tensor):
        for values, zeros in ((one, other), (other, one)):
            fits = torch.broadcast_shapes(values.shape, zeros.shape) == values.shape
            if fits and values.requires_grad and not zeros.requires_grad and not bool(zeros.any()):
                return values, float("inf")
    return None, 0.0


def _highest(low: object, high: object, threshold: bool) -> float | None:
    """Where a function with these bounds clips from above, None where its lower bound is not zero."""
    if _number(low) != 0:
        return None
    if threshold:  # what does not exceed it becomes the other number
        return float("inf") if _number(high) == 0 else None
    if high is None:
        return float("inf")
    bound = _number(high)
    return bound if bound is not None and bound > 0 else None


def _number(bound: object) -> float | None:
    if isinstance(bound, Tensor) and bound.numel():
        first = bound.flatten()[0]
        return float(first) if bool((bound == first).all()) else None
    return float(bound) if isinstance(bound, int | float) else None


def _named(*names: str) -> set[Callable]:
    places = (torch, Tensor, functional)
    return {getattr(place, name) for place in places for name in names if hasattr(place, name)}


_RELUS = _named("relu", "relu_")
_HARDTANHS = _named("hardtanh", "hardtanh_")  # nn.ReLU6 is one of these
_THRESHOLDS = _named("threshold", "threshold_")
_MAXIMA = _named("maximum", "max", "fmax")
_LOWER = ("min", "min_val", "threshold")  # as the nodes of clamp, hardtanh and threshold keep it
_BOUNDED = (
    (_HARDTANHS, ("min_val", "max_val"), 1.0),
    (_THRESHOLDS, ("threshold", "value"), None),
    (_named("clamp", "clamp_", "clip", "clip_"), ("min", "max"), None),
    (_named("clamp_min", "clamp_min_"), ("min", "none"), None),
)
