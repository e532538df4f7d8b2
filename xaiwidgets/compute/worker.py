"""The worker: one thread per device that advances the job with the least device time so far."""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Generator
from typing import Any

import torch

from xaiwidgets.compute.job import Job
from xaiwidgets.core import Step

_RESTING_SECONDS = 0.25  # how often resting jobs are asked again whether somebody watches


class Worker:
    """Runs generators of steps on one device, one step at a time.

    Turns are fair in device time: of the runnable jobs the one that had least goes next; a job that was not runnable
    for a while, or is new, starts level with the others and not with a claim to what it missed. A job in a ``slot``
    replaces the one before it there. The thread starts with the first job.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._changed = threading.Condition(threading.RLock())
        self._jobs: list[Job] = []
        self._slots: weakref.WeakValueDictionary[Any, Job] = weakref.WeakValueDictionary()
        self._clock = 0.0
        self._thread: threading.Thread | None = None
        self._closing = False

    def submit(
        self,
        steps: Generator[Step, Any, None],
        *,
        slot: Any = None,
        rest: Callable[[], bool] | None = None,
    ) -> Job:
        """Take a run in; it is advanced as soon as it is its turn.

        ``slot``: any hashable; the job that was there is cancelled, and its late steps are nobody's. ``rest``: asked
        before each step; while it is true the job is not advanced (unless somebody waits for it).
        """
        job = Job(steps, self._changed, rest)
        job.is_inside = self._is_current
        with self._changed:
            if not self._is_current():
                self._changed.wait_for(lambda: not self._closing)  # a worker that ends takes nothing more in
            earlier = self._slots.get(slot) if slot is not None else None
            if slot is not None:
                self._slots[slot] = job
            job.turn = self._clock
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"xaiwidgets-{self.device}", daemon=True)
                self._thread.start()
                atexit.register(self.close)  # torch must not be torn down under a step
            self._changed.notify_all()
        if earlier is not None:
            earlier.cancel()
        return job

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are not finished."""
        with self._changed:
            return list(self._jobs)

    def close(self, timeout: float = 5.0) -> None:
        """Cancel every job and end the thread; a later `submit` starts a new one."""
        with self._changed:
            thread, self._closing = self._thread, self._thread is not None
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        atexit.unregister(self.close)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            begun = time.perf_counter()
            job.advance(self._synchronize)
            job.turn += time.perf_counter() - begun
            if job.finished:
                with self._changed:
                    self._jobs.remove(job)
        self._give_up()

    def _is_current(self) -> bool:
        return self._thread is threading.current_thread()

    def _synchronize(self) -> None:
        """Let the host stay within a step of the device, so that a step's time is the device's."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _next(self) -> Job | None:
        """Wait for a job that can have a turn; None when the worker is to end."""
        with self._changed:
            while not self._closing:
                runnable = [job for job in self._jobs if job.runnable]
                if runnable:
                    chosen = min(runnable, key=lambda job: (not job.ending, job.turn))
                    self._clock = chosen.turn
                    for job in self._jobs:
                        job.turn = max(job.turn, self._clock)
                    return chosen
                self._changed.wait(_RESTING_SECONDS if self._jobs else None)
        return None

    def _give_up(self) -> None:
        with self._changed:
            left, self._jobs, self._thread, self._closing = self._jobs, [], None, False
            self._changed.notify_all()
        for job in left:
            job.cancel()
            job.advance()


_workers: dict[torch.device, Worker] = {}
_workers_lock = threading.Lock()


def worker_for(device: str | torch.device) -> Worker:
    """The worker of a device, shared by every widget of this process."""
    key = torch.device(device)
    if key.type == "cuda" and key.index is None:
        key = torch.device("cuda", torch.cuda.current_device())
    with _workers_lock:
        return _workers.setdefault(key, Worker(key))
