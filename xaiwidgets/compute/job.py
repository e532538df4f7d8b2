"""One run on a worker, as the rest of the program sees it."""

import threading
from collections.abc import Callable, Generator
from traceback import clear_frames
from typing import Any, Literal

from xaiwidgets.compute.hygiene import Hygiene
from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.models.memory import is_out_of_memory, release_memory

Status = Literal["queued", "running", "paused", "done", "cancelled", "failed"]
FINISHED = frozenset({"done", "cancelled", "failed"})


class Job:
    """A generator of steps that a worker advances.

    Every method may be called from any thread and returns at once, but `wait`. ``status`` is queued until the first
    step begins, then running, paused, done, cancelled or failed; ``latest`` is the newest step, ``error`` what ended a
    failed run. ``steering`` lists the changes of settings as ``(done, {name: value})``.
    """

    def __init__(
        self,
        steps: Generator[Step, Any, None],
        changed: threading.Condition,
        rest: Callable[[], bool] | None = None,
    ) -> None:
        self._steps = steps
        self._changed = changed  # one condition for a worker and its jobs: no order of locks to get wrong
        self._rest = rest
        self._listeners: list[Callable[[Job], None]] = []
        self._changes: Any = None
        self._accepted: Any = None  # the newest settings that `send` took, whether the step has them yet or not
        self._paused = False
        self._cancelled = False
        self._status: Status = "queued"
        self._waiting = 0
        self.is_inside: Callable[[], bool] = bool  # whether the caller is on the worker's own thread; the worker says
        self.turn = 0.0  # device seconds as fairness counts them, kept by the worker
        self.latest: Step | None = None
        self.error: BaseException | None = None
        self.listener_error: Exception | None = None

    @property
    def status(self) -> Status:
        """Where the run stands."""
        with self._changed:
            return self._status

    @property
    def progress(self) -> float:
        """The share of the run that is done, in [0, 1]."""
        return 0.0 if self.latest is None else self.latest.progress

    @property
    def finished(self) -> bool:
        """Whether the run will give no further step."""
        return self.status in FINISHED

    @property
    def ending(self) -> bool:
        """Whether it was cancelled and only waits to be closed."""
        return self._cancelled

    @property
    def runnable(self) -> bool:
        """Whether a turn would do something now: advance it, or close it after a cancel."""
        resting = self._rest is not None and not self._waiting and self._asks_to_rest()
        return self._cancelled or not (self._paused or resting)

    @property
    def steering(self) -> list[tuple[float, dict[str, Any]]]:
        """What was changed on the way, for `xaiwidgets.core.last` to replay."""
        return list(getattr(self._steps, "steering", []))

    def pause(self) -> None:
        """Advance it no further until `resume`."""
        self._flag(_paused=True)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._flag(_paused=False)

    def cancel(self) -> None:
        """Stop after the step in work; the newest step stays. The worker closes the generator on its own thread."""
        self._flag(_cancelled=True)

    def send(self, settings: Any) -> None:
        """Hand changed live settings to the run: the newest win, and take effect with the next step.

        A change that the run cannot take is refused here, in the caller's face.
        """
        with self._changed:
            if self._status in FINISHED:
                message = f"The run is over ({self._status}); start a new one with the changed settings."
                raise XaiwidgetsError(message)
            base = getattr(self._steps, "settings", None) if self._accepted is None else self._accepted
            if base is not None:
                settings = self._accepted = base.steered(settings)
            self._changes = settings

    def wait(self, timeout: float | None = None) -> Step | None:
        """Wait until the run is finished and return its newest step.

        Raises the error of a failed run, or `TimeoutError`. Interrupting it leaves the run going. Refused inside a
        step or listener of the same worker, where it could never end.
        """
        if self.is_inside():
            message = "wait() was called from inside a run of the same worker, which would hang; subscribe instead."
            raise XaiwidgetsError(message)
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                ended = self._changed.wait_for(lambda: self._status in FINISHED, timeout)
            finally:
                self._waiting -= 1
        if not ended:
            message = f"The run is {self.status} at {self.progress:.0%} after {timeout} s; wait longer, or cancel it."
            raise TimeoutError(message)
        if self.error is not None:
            raise self.error
        return self.latest

    def subscribe(self, listener: Callable[["Job"], None]) -> None:
        """Call ``listener(job)`` after each step and change of status.

        It is called on the thread it happens on; it must be quick.
        """
        with self._changed:
            self._listeners.append(listener)

    def advance(self, synchronize: Callable[[], object] = bool) -> None:
        """One step, or the end after a cancel. The worker calls this, on the one thread that may advance or close.

        ``synchronize`` waits for the device: an error that a GPU reports late still belongs to the step.
        """
        if self._cancelled:
            self._end("cancelled")
            return
        self._begin()
        hygiene = Hygiene()
        try:
            step = self._step()
            synchronize()
        except StopIteration:
            self._end("done")
            return
        except BaseException as error:
            failure: BaseException | None = error
        else:
            failure = hygiene.complaint()
        if failure is not None:
            self._fail(failure)
            return
        self.latest = step
        self._tell()

    def _begin(self) -> None:
        with self._changed:
            fresh = self._status == "queued"
            if fresh:
                self._status = "paused" if self._paused else "running"
        if fresh:
            self._tell()

    def _step(self) -> Step:
        with self._changed:
            # Settings go in after the first step: a generator takes nothing before it has yielded once.
            changes = None if self.latest is None else self._changes
            if changes is not None:
                self._changes = None
        return next(self._steps) if changes is None else self._steps.send(changes)

    def _end(self, status: Status) -> None:
        try:
            self._steps.close()
        except BaseException as error:
            status, self.error = "failed", error
        with self._changed:
            self._status = status
            self._changed.notify_all()
        self._tell()

    def _fail(self, error: BaseException) -> None:
        clear_frames(error.__traceback__)  # else the traceback would keep the step's tensors
        if is_out_of_memory(error):
            release_memory()
            message = (
                "The device ran out of memory; lower the image size or the number of units, "
                f"or free other models ({error})."
            )
            error = XaiwidgetsError(message)
        self.error = error
        self._end("failed")

    def _flag(self, **flags: bool) -> None:
        with self._changed:
            if self._status in FINISHED:
                return
            for name, value in flags.items():
                setattr(self, name, value)
            if self._status != "queued":
                self._status = "paused" if self._paused else "running"
            self._changed.notify_all()
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            try:
                listener(self)
            except Exception as error:
                self.listener_error = error  # a listener's fault is not the run's, and must not end the worker

    def _asks_to_rest(self) -> bool:
        try:
            return bool(self._rest())
        except Exception as error:
            self.listener_error = error
            return False
