"""Settings are data: each knows its type, range, help and whether it can be changed while a run is on."""

import dataclasses
import functools
import math
import numbers
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xaiwidgets.core.errors import InvalidSettingError, nearest

MISSING = dataclasses.MISSING
_KEY = "xaiwidgets"


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is known of one setting; the form, the checks, the documentation and the recipe are drawn from it."""

    name: str = ""
    type: str = ""  # int, float, bool, choice, text, texts, tuple or tensor
    default: Any = MISSING
    help: str = ""
    label: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    live: bool = False
    stops: tuple[float, ...] = ()
    choices: tuple[str, ...] = ()
    optional: bool = False
    advanced: bool = False
    hidden: bool = False

    @property
    def wanted(self) -> str:
        """The values that are accepted, in words."""
        if self.type == "choice":
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        words = {
            "int": "a whole number",
            "float": "a number",
            "bool": "True or False",
            "text": "a text",
            "texts": "a sequence of texts",
            "tuple": "a sequence of whole numbers",
            "tensor": "a tensor",
        }[self.type]
        if self.low is not None and self.high is not None:
            words += f" from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            words += f" of at least {self.low:g}"
        return words + (" or None" if self.optional else "")


def setting(default: Any = MISSING, *, help: str, **known: Any) -> Any:  # noqa: A002 - the word users read
    """Declare a field of a `Method`.

    For example: ``steps: int = setting(256, low=1, high=4096, help="optimisation steps")``. Keywords are the fields of
    `Spec`: ``low``, ``high`` (inclusive), ``log`` (a slider in powers), ``stops`` (the values of the slider, where they
    are chosen by hand), ``live`` (may be changed while it runs), ``choices``, ``label``, ``unit``, ``advanced`` (folded
    away) and ``hidden`` (not in the form).
    """
    return dataclasses.field(default=default, metadata={_KEY: Spec(default=default, help=help, **known)})


@functools.cache
def read_specs(cls: type) -> dict[str, Spec]:
    """The settings of a dataclass in their order, each completed from its name and annotation."""
    hints = typing.get_type_hints(cls)
    specs = {}
    for field in dataclasses.fields(cls):
        spec = field.metadata.get(_KEY)
        if spec is None:
            message = f"{cls.__name__}.{field.name} is a plain field; declare it with setting(default, help=...)."
            raise TypeError(message)
        kind, optional = _kind(hints[field.name], spec)
        label = spec.label or field.name.replace("_", " ").capitalize()
        specs[field.name] = dataclasses.replace(spec, name=field.name, type=kind, optional=optional, label=label)
    return specs


def checked(spec: Spec, value: Any, owner: str) -> Any:
    """``value`` as its setting stores it; raises `InvalidSettingError` with what came, what was wanted, what to do."""
    if value is None and spec.optional:
        return None
    try:
        result = _CHECKS[spec.type](spec, value)
    except (TypeError, ValueError):
        hint = ""
        if spec.type == "choice" and isinstance(value, str):
            hint = f" ({nearest(value, spec.choices, count=1)})"
        message = f"{owner}: {spec.name}={value!r} was given; give {spec.wanted}{hint}."
        raise InvalidSettingError(message) from None
    return result


def _kind(hint: Any, spec: Spec) -> tuple[str, bool]:
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        optional = len(members) < len(typing.get_args(hint))
        hint = members[0]
    if spec.choices:
        return "choice", optional
    if typing.get_origin(hint) is tuple:
        return "texts" if typing.get_args(hint)[0] is str else "tuple", optional
    return {int: "int", float: "float", bool: "bool", str: "text"}.get(hint, "tensor"), optional


def _in_range(spec: Spec, value: float) -> None:
    if (
        not math.isfinite(value)
        or (spec.low is not None and value < spec.low)
        or (spec.high is not None and value > spec.high)
    ):
        raise ValueError


def _check_int(spec: Spec, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError
    _in_range(spec, int(value))
    return int(value)


def _check_float(spec: Spec, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError
    _in_range(spec, float(value))
    return float(value)


def _check_bool(_spec: Spec, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _check_text(_spec: Spec, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _check_texts(_spec: Spec, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence) or not all(isinstance(entry, str) for entry in value):
        raise TypeError
    return tuple(value)


def _check_choice(spec: Spec, value: Any) -> str:
    if value not in spec.choices:
        raise ValueError
    return str(value)


def _check_tuple(spec: Spec, value: Any) -> tuple[int, ...]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError
    entries = tuple(value)
    for entry in entries:
        _check_int(spec, entry)
    return tuple(int(entry) for entry in entries)


def _check_tensor(_spec: Spec, value: Any) -> Any:
    if not hasattr(value, "detach") or not hasattr(value, "shape"):
        raise TypeError
    return value.detach().clone()  # settings are frozen: a later change of the caller's tensor must not reach them


_CHECKS = {
    "int": _check_int,
    "float": _check_float,
    "bool": _check_bool,
    "text": _check_text,
    "texts": _check_texts,
    "choice": _check_choice,
    "tuple": _check_tuple,
    "tensor": _check_tensor,
}
