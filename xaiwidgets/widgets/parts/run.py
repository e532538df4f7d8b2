"""One run as a widget remembers it."""

import time
from dataclasses import dataclass, field
from typing import Any

from xaiwidgets.compute import Job
from xaiwidgets.core import Method


def code(method: Method, model: str, result: str) -> str:
    """Lines that run as they stand: imports, the model, the method and the result."""
    name, made = type(method).__name__, method.as_code()
    imports = ["import torch", ""] if "torch." in made else []
    imports += ["import xaiwidgets as xw", "from xaiwidgets.core import last", f"from xaiwidgets.methods import {name}"]
    return "\n".join([*imports, "", model, f"method = {made}", f"result = {result}"])


@dataclass(eq=False)
class Run:
    """A method, what it was called with, its job, and how long its steps took.

    ``sources`` are the names in the call after the model, each with the expression that makes it; ``remembered`` is
    what else its widget brings back with it, ``cells`` what its pictures were called.
    """

    method: Method
    job: Job
    arguments: tuple[Any, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    remembered: dict[str, Any] = field(default_factory=dict)
    cells: list[dict[str, str]] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    unit: str = "step"  # of what its steps count
    settled: bool = False  # whether its end was told and it took its place in the history
    _newest: tuple[float, float] | None = None
    _pace: float | None = None  # seconds for one unit of ``done``

    @property
    def value(self) -> Any:
        """The newest answer, None before the first."""
        return None if self.job.latest is None else self.job.latest.value

    @property
    def stop(self) -> float | None:
        """Where a run that was stopped, or failed, stands; None for one that went to its end."""
        return self.job.latest.done if self.job.status in {"cancelled", "failed"} and self.job.latest else None

    @property
    def end(self) -> str:
        """How far a finished run came, in two or three words."""
        latest, shares = self.job.latest, self.unit == "%"
        if self.stop is None:
            return f"{self.seconds:.1f} s" if shares else f"{latest.total:g} step{'s' * (latest.total != 1)}"
        at = f"{latest.done:.0f} %" if shares else f"{latest.done:g}"
        return f"{'failed' if self.job.status == 'failed' else 'stopped'} at {at}"

    @property
    def settings(self) -> Method:
        """The settings after all steering."""
        settings = self.method
        for _, changed in self.job.steering:
            settings = settings.steered(changed)
        return settings

    @property
    def seconds(self) -> float:
        """How long it has taken, or took."""
        return (self.ended or time.monotonic()) - self.begun

    @property
    def seconds_left(self) -> float:
        """How long it will take at its newest pace, -1 while unknown."""
        latest = self.job.latest
        return -1.0 if latest is None or self._pace is None else self._pace * (latest.total - latest.done)

    def note(self) -> None:
        """Note a step or a change of status; called on the worker's thread."""
        now, latest = time.monotonic(), self.job.latest
        if self.job.finished and self.ended is None:
            self.ended = now
        if self.job.status != "running" or latest is None:
            self._newest = None  # the time of a pause is no step's
            return
        before = self._newest  # read once: a pause on another thread may take it away
        if before is not None and latest.done > before[1]:
            pace = (now - before[0]) / (latest.done - before[1])
            self._pace = pace if self._pace is None else 0.9 * self._pace + 0.1 * pace
        if before is None or latest.done > before[1]:
            self._newest = (now, latest.done)

    def as_code(self, model: str, call: str) -> str:
        """The lines that make this very result again.

        ``model`` makes the model, ``call`` is what the method is called with.
        """
        extras = "".join(
            f", {key}={value!r}" for key, value in (("steering", self.job.steering), ("stop", self.stop)) if value
        )
        return code(self.method, model, f"last(method({call}){extras})")
