"""The base of every explanation: frozen settings that, called, give steps."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Self

from xaiwidgets.core.errors import InvalidSettingError, nearest
from xaiwidgets.core.settings import MISSING, Spec, checked, read_specs
from xaiwidgets.core.steps import Steps


class Method:
    """A frozen dataclass of settings; calling it with what it explains returns a generator of `Step`.

    A subclass is decorated with ``@dataclass(frozen=True, eq=False)`` (keyword-only where order would not speak for
    itself), declares its fields with `setting`, and writes ``__call__`` as a generator that yields
    ``Step(value, done, total)`` and takes newer settings from the yield: ``settings = (yield step) or settings``.
    Calling it gives `Steps`, the generator that also knows the settings it was made with.

    Raises `InvalidSettingError` at construction for any value out of its type or range.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a call's generator know its settings, so that steering is checked in one place for every method."""
        super().__init_subclass__(**options)
        if "__call__" in cls.__dict__:
            generator = cls.__call__

            @functools.wraps(generator)
            def call(self: "Method", *args: Any, **kwargs: Any) -> Steps:
                return Steps(generator(self, *args, **kwargs), self)

            cls.__call__ = call

    def __post_init__(self) -> None:
        """Check every setting against its spec and store it in its proper type."""
        for name, spec in self.specs().items():
            object.__setattr__(self, name, checked(spec, getattr(self, name), type(self).__name__))

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """The settings by name, in their order."""
        return read_specs(cls)

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, checked like any other."""
        for name in changes:
            if name not in self.specs():
                message = f"{type(self).__name__} has no setting {name!r}; {nearest(name, self.specs())}."
                raise InvalidSettingError(message)
        return dataclasses.replace(self, **changes)

    def steered(self, changes: "Mapping[str, Any] | Method") -> Self:
        """The settings after ``changes`` were made to a run; raises where one of them is not live."""
        changed = self.replace(**(self.difference(changes) if isinstance(changes, Method) else changes))
        fixed = [name for name in self.difference(changed) if not self.specs()[name].live]
        if fixed:
            live = ", ".join(name for name, spec in self.specs().items() if spec.live) or "none"
            message = (
                f"{', '.join(fixed)} cannot be changed while {type(self).__name__} runs; "
                f"start a new run, or change a live setting ({live})."
            )
            raise InvalidSettingError(message)
        return changed

    def difference(self, other: "Method") -> dict[str, Any]:
        """The settings of ``other`` that differ from these, by name."""
        if type(other) is not type(self):
            message = f"{type(other).__name__} settings were given to a run of {type(self).__name__}; give its own."
            raise InvalidSettingError(message)
        return {
            name: getattr(other, name) for name in self.specs() if not _same(getattr(self, name), getattr(other, name))
        }

    def as_code(self) -> str:
        """The call that makes these settings; what equals its default is left out, the seed never is."""
        shown = {
            name: getattr(self, name)
            for name, spec in self.specs().items()
            if name == "seed" or spec.default is MISSING or not _same(getattr(self, name), spec.default)
        }
        arguments = ", ".join(f"{name}={_literal(value)}" for name, value in shown.items())
        return f"{type(self).__name__}({arguments})"


def _same(one: Any, other: Any) -> bool:
    """Equality that holds for tensors too, without importing torch."""
    if one is other:
        return True
    if hasattr(one, "shape") or hasattr(other, "shape"):
        return getattr(one, "shape", None) == getattr(other, "shape", None) and bool((one == other).all())
    return bool(one == other)


def _literal(value: Any) -> str:
    if hasattr(value, "tolist"):
        return f"torch.tensor({value.tolist()!r})"
    return repr(value)
