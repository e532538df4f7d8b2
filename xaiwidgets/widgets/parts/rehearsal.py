"""A short run before the first: it warms the worker and measures how long the real one will take."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from xaiwidgets.compute import Job, Worker
from xaiwidgets.core import Method


class Rehearsal:
    """The first steps of a method, thrown away.

    The first step of a network on a thread pays for what is set up once, and methods look at their answer more often
    in the beginning; the time from the second step to the third tells the pace.
    """

    def __init__(
        self, worker: Worker, slot: Hashable, method: Method, arguments: tuple[Any, ...], told: Callable[[], None]
    ) -> None:
        self._told = told
        self._first: float | None = None
        self.pace: float | None = None  # seconds for one unit of ``done``
        self.job = worker.submit(method(*arguments), slot=slot)
        self.job.subscribe(self._note)

    def _note(self, job: Job) -> None:
        step = job.latest
        if step is None or self.pace is not None:
            return
        if step.done == 2 and self._first is None:  # noqa: PLR2004
            self._first = time.monotonic()
        elif step.done >= 3 and self._first is not None:  # noqa: PLR2004
            self.pace = time.monotonic() - self._first
            job.cancel()
            self._told()


def in_words(seconds: float) -> str:
    """A duration as people say it: "about 40 s", "about 3 min"."""
    if seconds < 1:
        return "about a second"
    if seconds < 100:  # noqa: PLR2004
        return f"about {float(f'{seconds:.1g}'):g} s" if seconds < 10 else f"about {round(seconds, -1):.0f} s"  # noqa: PLR2004
    return f"about {seconds / 60:.0f} min"
