"""Checks the shapes that stand in signatures, while the tests run.

jaxtyping's import hook calls `checked` for every function (see addopts in pyproject.toml). Only tensors are looked at:
a wrong value of another type is the code's own business, which answers it with a sentence.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from types import UnionType
from typing import Union, get_args, get_origin

from jaxtyping import AbstractArray


def checked(function: Callable) -> Callable:
    """Refuse arguments and results whose shape is not the one in the signature."""
    hints = {name: hint for name, hint in function.__annotations__.items() if _has_shape(hint)}
    if not hints:
        return function
    signature = inspect.signature(function)
    result = hints.pop("return", object)

    @wraps(function)
    def wrapper(*positional, **named):
        given = signature.bind(*positional, **named).arguments
        for name in hints.keys() & given.keys():
            _refuse(given[name], hints[name], name)
        value = function(*positional, **named)
        _refuse(value, result, "the result")
        return value

    return wrapper


def _has_shape(hint: object) -> bool:
    """Whether a tensor's shape stands anywhere in it, as in ``dict[str, Float[Tensor, "b c"]] | None``."""
    return _is_tensor(hint) or any(map(_has_shape, get_args(hint)))


def _is_tensor(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, AbstractArray)


def _fits(value: object, hint: object) -> bool:
    """Whether every tensor in ``value`` has its shape; what is no tensor, and no dict or tuple of some, is let pass."""
    kind, parts = get_origin(hint), get_args(hint)
    if _is_tensor(hint):
        return isinstance(value, hint)
    if kind in {Union, UnionType}:
        return any(_fits(value, part) and _is_of(value, part) for part in parts)
    if kind is dict and isinstance(value, dict):
        return all(_fits(item, parts[1]) for item in value.values())
    if kind is tuple and isinstance(value, tuple) and len(parts) == len(value):
        return all(map(_fits, value, parts))
    return True


def _is_of(value: object, hint: object) -> bool:
    kind = get_origin(hint) or hint
    return not isinstance(kind, type) or isinstance(value, kind)


def _refuse(value: object, hint: object, name: str) -> None:
    if not _fits(value, hint):
        shape = tuple(getattr(value, "shape", ()))
        raise TypeError(f"{name} is a {type(value).__name__} of shape {shape}; {hint} is wanted")
