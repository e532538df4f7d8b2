"""The generator of ever better answers, with its steering."""

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from xaiwidgets.core.errors import XaiwidgetsError
from xaiwidgets.core.step import Step

if TYPE_CHECKING:
    from xaiwidgets.core.method import Method

T = TypeVar("T")
Changes = Any  # Mapping[str, Any] | Method


class Steps(Generator[Step[T], Any, None]):
    """A generator of `Step` that knows the settings it runs with and what was changed on the way.

    ``send`` takes changed live settings, as a mapping or as a whole `Method`; anything else that changed is refused at
    once and leaves the run as it was. ``steering`` lists the changes as ``(done, {name: value})``: ``done`` of the
    newest step at the time, so that ``last(steps, steering=...)`` can replay them.
    """

    def __init__(self, generator: Generator[Step[T], Any, None], settings: "Method") -> None:
        """Wrap what a method's call returned."""
        self._generator = generator
        self.settings = settings
        self.steering: list[tuple[float, dict[str, Any]]] = []
        self.done: float | None = None

    def send(self, changes: "Mapping[str, Any] | Method | None") -> Step[T]:
        """The next step, under the changed settings if any were given."""
        settings = None
        if changes is not None:
            settings = self.settings.steered(changes)
            changed = self.settings.difference(settings)
            if self.done is None:
                message = "A run takes changed settings after its first step; change the method before it starts."
                raise XaiwidgetsError(message)
            if changed:
                self.steering.append((self.done, changed))
                self.settings = settings
        step = self._generator.send(settings)
        self.done = step.done
        return step

    def throw(self, *error: Any) -> Step[T]:
        """Raise inside the generator, as the protocol of generators has it."""
        return self._generator.throw(*error)

    def close(self) -> None:
        """Stop: the generator ends where it stands, and what it held is given back."""
        self._generator.close()


def last(steps: Iterable[Step[T]], *, steering: Iterable[tuple[float, Changes]] = (), stop: float | None = None) -> T:
    """The final value of a run, in the caller's own thread.

    ``steering`` replays changes of live settings: ``[(done, {name: value}), ...]``, each handed in after the step whose
    ``done`` it names. ``stop`` ends the run at that ``done``, as a user's Stop did. Raises `XaiwidgetsError` when the
    run yields nothing.
    """
    waiting = sorted(steering, key=lambda change: change[0])
    generator, step, changes = iter(steps), None, None
    while True:
        try:
            step = next(generator) if changes is None else generator.send(changes)
        except StopIteration:
            break
        due = bool(waiting) and waiting[0][0] <= step.done  # what was changed before the stop is changed first
        if stop is not None and step.done >= stop and not due:
            generator.close()
            break
        changes = None
        while waiting and waiting[0][0] <= step.done:
            changes = _merged(changes, waiting.pop(0)[1])
    if step is None:
        message = "The run yielded no step; a method yields at least its answer."
        raise XaiwidgetsError(message)
    return step.value


def _merged(earlier: Changes, later: Changes) -> Changes:
    """Two changes at one step: the later wins, name by name; whole settings replace what came before."""
    if isinstance(earlier, Mapping) and isinstance(later, Mapping):
        return {**earlier, **later}
    return later
