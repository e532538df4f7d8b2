"""The operations of a network, each by one that only adds and averages; `Positive` says why."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_GROUPS = 3  # where the groups of a convolution stand behind its bias


def tensors_in(given: Any) -> list[Tensor]:
    """The tensors among arguments, in lists and dictionaries too."""
    if isinstance(given, Tensor):
        return [given]
    entries = given.values() if isinstance(given, dict) else given if isinstance(given, tuple | list) else ()
    return [tensor for entry in entries for tensor in tensors_in(entry)]


def _alike(source: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A source repeated along the axes in which it has one entry; the source is remembered."""
    wide = source.expand(shape)
    wide.source = source
    return wide


def _source(values: Tensor) -> Tensor:
    return getattr(values, "source", values)


def _total(shape: tuple[int, ...], *given: Any) -> Tensor:
    """The sum of what has a gradient, in a shape."""
    return _alike(sum(_source(tensor) for tensor in tensors_in(given) if tensor.requires_grad), shape)


def _mean(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean over some axes, which stay with one entry."""
    for axis in axes:
        source = _source(values)
        values = source if source.shape[axis] == 1 else source.mean(axis, keepdim=True)
    return values


def _same(_function: Callable, values: Tensor, *_rest: Any, **_named: Any) -> Tensor:
    return _alike(_source(values).view_as(_source(values)), values.shape)  # its own: it may be written over


def _combined(_function: Callable, *args: Any, **kwargs: Any) -> Tensor:
    given = (*args, *kwargs.values())
    return _total(tuple(torch.broadcast_shapes(*(tensor.shape for tensor in tensors_in(given)))), *given)


def _convolved(
    function: Callable, values: Tensor, weight: Tensor, _bias: Any = None, *rest: Any, **named: Any
) -> Tensor:
    """One channel stands for all of them, so that groups mean nothing."""
    outputs, rest = weight.shape[0], list(rest)
    if "transpose" in function.__name__:
        outputs = weight.shape[1] * (rest[_GROUPS] if len(rest) > _GROUPS else named.get("groups", 1))
    if len(rest) > _GROUPS:
        rest[_GROUPS] = 1
    named = {key: value for key, value in named.items() if key not in {"bias", "groups"}}
    kernel = values.new_ones(1, 1, *weight.shape[2:]) / weight[0, 0].numel()
    result = function(_mean(values, (1,)), kernel, None, *rest, **named)
    return _alike(result, (len(result), outputs, *result.shape[2:]))


def _mixed(_function: Callable, values: Tensor, weight: Tensor, *_rest: Any, **_named: Any) -> Tensor:
    return _alike(_mean(values, (-1,)), (*values.shape[:-1], weight.shape[0]))


def _product(_function: Callable, one: Tensor, other: Tensor, **_named: Any) -> Tensor:
    one, other = (one[None] if one.dim() == 1 else one), (other[:, None] if other.dim() == 1 else other)
    batch = torch.broadcast_shapes(one.shape[:-2], other.shape[:-2])
    return _total((*batch, one.shape[-2], other.shape[-1]), _mean(one, (-1,)), _mean(other, (-2,)))


def _attended(_function: Callable, query: Tensor, key: Tensor, value: Tensor, *_rest: Any, **_named: Any) -> Tensor:
    shape = (*query.shape[:-1], value.shape[-1])
    return _total(shape, _mean(query, (-1,)), _mean(key, (-2, -1)), _mean(value, (-2, -1)))


def _heads(_function: Callable, query: Tensor, key: Tensor, value: Tensor, *_rest: Any, **_named: Any) -> tuple:
    return _total(tuple(query.shape), _mean(query, (-1,)), _mean(key, (0, -1)), _mean(value, (0, -1))), None


def _softened(_function: Callable, values: Tensor, dim: int | None = None, *_rest: Any, **_named: Any) -> Tensor:
    return _alike(_mean(values, (1 if dim is None else dim,)), values.shape)


def _normed(_function: Callable, values: Tensor, shape: tuple[int, ...], *_rest: Any, **_named: Any) -> Tensor:
    return _alike(_mean(values, tuple(range(-len(shape), 0))), values.shape)


def _standardized(_function: Callable, values: Tensor, *_rest: Any, **_named: Any) -> Tensor:
    """Statistics over all positions: each of them depends on every one."""
    return _total(tuple(values.shape), values, _mean(values, tuple(range(1, values.dim()))))


def _reduced(_function: Callable, values: Tensor, dim: Any = None, keepdim: bool = False, **named: Any) -> Tensor:
    whole = dim is None or isinstance(dim, bool)
    return values.mean() if whole else values.mean(dim, keepdim=named.get("keepdim", keepdim) is True)


def _extreme(function: Callable, values: Tensor, *rest: Any, **named: Any) -> Any:
    if tensors_in((rest, named)):
        return _combined(function, values, *rest, **named)
    if not rest and "dim" not in named:
        return values.mean()
    return torch.return_types.max((_reduced(function, values, *rest, **named), function(values, *rest, **named)[1]))


def _pooled(function: Callable, values: Tensor, *rest: Any, **named: Any) -> Tensor:
    """Any function of each channel by itself."""
    source = _source(values)
    if values.dim() > 2 and source.shape[1] == 1:  # noqa: PLR2004
        result = function(source, *rest, **named)
        return _alike(result, (len(result), values.shape[1], *result.shape[2:]))
    return function(values, *rest, **named)


def _maxpooled(_function: Callable, values: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
               dilation: Any = 1, ceil_mode: bool = False, **_named: Any) -> Tensor:  # fmt: skip
    if dilation not in {1, (1, 1)}:
        sides = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        weight = values.new_empty(values.shape[1], 1, *sides)
        return _convolved(functional.conv2d, values, weight, None, stride or kernel_size, padding, dilation)
    return _pooled(functional.avg_pool2d, values, kernel_size, stride, padding, ceil_mode)


def _adaptive(_function: Callable, values: Tensor, output_size: Any, *_rest: Any, **_named: Any) -> Tensor:
    return _pooled(functional.adaptive_avg_pool2d, values, output_size)


_REPLACEMENTS = {
    _same: (
        "relu relu6 gelu silu mish elu selu celu leaky_relu prelu rrelu hardtanh hardswish hardsigmoid hardshrink "
        "softshrink tanhshrink threshold softplus softsign sigmoid logsigmoid log_sigmoid tanh clamp clamp_min "
        "clamp_max clip abs neg reciprocal sqrt rsqrt square pow exp log round floor ceil sign masked_fill normalize "
        "batch_norm local_response_norm dropout dropout2d alpha_dropout feature_dropout"
    ),
    _combined: (
        "add sub rsub mul div truediv rtruediv true_divide multiply subtract divide iadd isub imul itruediv maximum "
        "minimum fmax fmin where addcmul addcdiv"
    ),
    _convolved: "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d",
    _product: "matmul bmm",
    _softened: "softmax log_softmax softmin",
    _normed: "layer_norm rms_norm",
    _standardized: "instance_norm group_norm",
    _reduced: "amax amin var std logsumexp",
    _extreme: "max min",
    _pooled: "avg_pool2d adaptive_avg_pool2d lp_pool2d interpolate pad",
    _maxpooled: "max_pool2d",
    _adaptive: "adaptive_max_pool2d",
    _mixed: "linear",
    _attended: "scaled_dot_product_attention",
    _heads: "multi_head_attention_forward",
}
REPLACED: dict[str, Callable] = {name: by for by, names in _REPLACEMENTS.items() for name in names.split()}
