"""What a forward pass does with the parameters of a network."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_KNOWN = {functional.linear: "linear", functional.conv2d: "conv2d"}
_MAPS = 4  # axes of what a convolution of several images looks at


class Factors(NamedTuple):
    """A layer's gradient for each image, as the two factors of g = Σ_p δ_p a_pᵀ over its positions p.

    ``inputs`` a are what the weights multiply (for a convolution the patches), with a last entry of one where there is
    a bias. ``outputs`` δ are the gradients of the image's own loss by what the layer gives out. A convolution has a
    gradient for each group of its channels.
    """

    inputs: Float[Tensor, "image group position in"]
    outputs: Float[Tensor, "image group position out"]

    def dense(self) -> Float[Tensor, "image group out in"]:
        """The gradients themselves."""
        return self.outputs.mT @ self.inputs


class Call(NamedTuple):
    """One use of a weight as that of a linear layer or a convolution; the weight and the bias by name."""

    kind: str
    weight: str
    bias: str | None
    given: Tensor
    result: Tensor
    options: dict[str, Any]

    def keeps_apart(self, images: int) -> bool:
        """Whether its rows can be dealt out evenly to so many images, the images on the first axis."""
        return self._rows(self.given) % images == 0 and self._rows(self.result) % images == 0

    def _rows(self, tensor: Tensor) -> int:
        return tensor.shape[:-1].numel() if self.kind == "linear" else len(tensor)

    def factors(self, gradient: Tensor, images: int, *, ones: bool) -> Factors:
        """The factors of this use, from the gradient of its result."""
        groups = self.options.get("groups", 1)
        if self.kind == "linear":
            a, delta = (x.reshape(images, 1, -1, x.shape[-1]) for x in (self.given, gradient))
        else:
            maps = (_patches(self.given, **self.options), gradient.flatten(2))
            a, delta = (_by_position(x, images, groups) for x in maps)
        return Factors(functional.pad(a, (0, 1), value=1.0) if ones else a, delta)


class Recorder(TorchFunctionMode):
    """Sees every function that makes a tensor of a parameter, while it is entered.

    `functional.linear` and `functional.conv2d` are noted as ``calls``, whichever module makes them: so padding that a
    module adds beforehand, a module that runs several times and a weight that several modules share come out right.
    Every other use is noted in ``others``, the functions' names by the parameter's. What the calls give out requires
    gradients. They work on a copy, and the pass goes on with one, so that in-place operations do not reach what is
    kept.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self._names = names
        self.calls: list[Call] = []
        self.others: defaultdict[str, set[str]] = defaultdict(set)

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: Mapping | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        named = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs if function in _KNOWN else {}
        readable = self._is_readable(function, named)
        result = self._read(function, named) if readable else function(*args, **kwargs)
        if not any(isinstance(entry, Tensor) for entry in _flat([result])):
            return result  # asking for a size is no use
        own = {id(named.get(name)) for name in ("weight", "bias")} if readable else set()
        computed = bool(named) and id(named["weight"]) not in self._names
        use = "a layer whose weight is computed" if computed else getattr(function, "__name__", "a function")
        for entry in _flat([*args, *kwargs.values()]):
            if id(entry) in self._names and id(entry) not in own:
                self.others[self._names[id(entry)]].add(use)
        return result

    def _is_readable(self, function: Callable, named: Mapping[str, Any]) -> bool:
        """Whether it is a known layer of the network's own parameters."""
        if id(named.get("weight")) not in self._names:
            return False
        own_bias = named.get("bias") is None or id(named["bias"]) in self._names
        return own_bias and (_KNOWN[function] == "linear" or named["input"].dim() == _MAPS)

    def _read(self, function: Callable, named: Mapping[str, Any]) -> Tensor:
        given = named["input"].clone()
        result = function(**{**named, "input": given})
        if not result.requires_grad:
            result.requires_grad_()
        options = {name: named[name] for name in _ARGUMENTS[3:] if name in named}
        if _KNOWN[function] == "conv2d":
            options["kernel"] = tuple(named["weight"].shape[2:])
        weight, bias = (self._names.get(id(named.get(name))) for name in ("weight", "bias"))
        self.calls.append(Call(_KNOWN[function], weight, bias, given.detach(), result, options))
        return result.clone()


def _patches(
    maps: Tensor,
    kernel: tuple[int, int],
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,  # noqa: ARG001 - the channels of a group lie side by side
) -> Float[Tensor, "row in position"]:
    """What a kernel looks at, at every place it is put."""
    height, width = (_pair(dilation)[axis] * (kernel[axis] - 1) for axis in range(2))
    if padding == "same":  # where the sum is odd, one more at the end
        around = (width // 2, width - width // 2, height // 2, height - height // 2)
    else:
        rows, columns = (0, 0) if padding == "valid" else _pair(padding)
        around = (columns, columns, rows, rows)
    return functional.unfold(functional.pad(maps, around), kernel, _pair(dilation), 0, _pair(stride))


def _by_position(
    rows: Float[Tensor, "row channel position"], images: int, groups: int
) -> Float[Tensor, "image group position channel_of_group"]:
    """Several rows of an image are so many more positions."""
    split = rows.reshape(images, -1, groups, rows.shape[1] // groups, rows.shape[2])
    return split.permute(0, 2, 1, 4, 3).flatten(2, 3)


def _pair(value: Any) -> tuple[int, int]:
    entries = tuple(value) if isinstance(value, tuple | list | torch.Size) else (value,)
    return entries * 2 if len(entries) == 1 else entries


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield from _flat(value) if isinstance(value, tuple | list) else (value,)
