"""One run as a widget remembers it."""

import time
from dataclasses import dataclass, field
from typing import Any

from xaiwidgets.compute import Job
from xaiwidgets.core import Method


@dataclass(eq=False)
class Run:
    """A method, what it was called with, its job, and how long its steps took."""

    method: Method
    job: Job
    arguments: tuple[Any, ...] = ()
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    settled: bool = False  # whether its end was told and it took its place in the history
    _newest: tuple[float, float] | None = None
    _pace: float | None = None  # seconds for one unit of ``done``

    @property
    def value(self) -> Any:
        """The newest answer, None before the first."""
        return None if self.job.latest is None else self.job.latest.value

    @property
    def stop(self) -> float | None:
        """Where a run that was stopped stands, None for one that went to its end."""
        return self.job.latest.done if self.job.status == "cancelled" and self.job.latest else None

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
        if self._newest is not None and latest.done > self._newest[1]:
            pace = (now - self._newest[0]) / (latest.done - self._newest[1])
            self._pace = pace if self._pace is None else 0.9 * self._pace + 0.1 * pace
        if self._newest is None or latest.done > self._newest[1]:
            self._newest = (now, latest.done)

    def as_code(self, model: str, call: str) -> str:
        """The lines that make this very result again.

        ``model`` makes the model, ``call`` is what the method is called with.
        """
        name = type(self.method).__name__
        extras = "".join(
            f", {key}={value!r}" for key, value in (("steering", self.job.steering), ("stop", self.stop)) if value
        )
        method = self.method.as_code()
        imports = ["import torch", ""] if "torch." in method else []
        imports += [
            "import xaiwidgets as xw",
            "from xaiwidgets.core import last",
            f"from xaiwidgets.methods import {name}",
        ]
        return "\n".join([*imports, "", model, f"method = {method}", f"result = last(method({call}){extras})"])
