"""One thread and one lock that send everything a kernel shows: frames, plots, progress.

Messages to the browser may be sent from any thread, but only messages of one thread keep their order. So one thread
sends them all, and one lock keeps its work apart from the few callbacks that read or change the same state.
"""

import threading
import time
from collections import deque
from typing import Protocol

REST_AFTER_ERROR = 1.0
"""Seconds that a task which raised has to wait, so that one broken task cannot spin the thread."""


class Task(Protocol):
    """Something to be published now and then. `due` is asked often and from one thread: it must be quick."""

    def due(self) -> float | None:
        """Return the monotonic time at which to publish, or None when there is nothing new."""

    def publish(self) -> None:
        """Send what is new. Called on the publisher's thread, under its lock."""


class Publisher:
    """Serves its tasks on one daemon thread, each when it is due, until there are none left."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.errors: deque[tuple[Task, Exception]] = deque(maxlen=32)
        self._tasks: list[Task] = []
        self._not_before: dict[int, float] = {}
        # A second lock, never held while something is published: `wake` must not wait for a frame to be encoded.
        self._changed = threading.Condition()
        self._woken = False
        self._thread: threading.Thread | None = None

    def add(self, task: Task) -> None:
        """Serve this task from now on."""
        with self._changed:
            if not any(task is known for known in self._tasks):
                self._tasks.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="xaiwidgets-publisher", daemon=True)
                self._thread.start()
        self.wake()

    def remove(self, task: Task) -> None:
        """Serve this task no longer; a publication under way is finished first."""
        with self.lock, self._changed:
            self._tasks = [known for known in self._tasks if known is not task]
            self._not_before.pop(id(task), None)
        self.wake()

    def wake(self) -> None:
        """Ask every task again when it is due. Returns at once; any thread may call it."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._woken = False
                tasks = list(self._tasks)
                if not tasks:
                    self._thread = None
                    return
            times = [self._serve(task) for task in tasks]
            nearest = min((at for at in times if at is not None), default=None)
            with self._changed:
                if not self._woken:
                    self._changed.wait(None if nearest is None else max(0.0, nearest - time.monotonic()))

    def _serve(self, task: Task) -> float | None:
        """Publish the task if it is due. Return when to look again."""
        rest = self._not_before.get(id(task), 0.0)
        if rest > time.monotonic():
            return rest
        try:
            at = task.due()
            if at is None or at > time.monotonic():
                return at
            with self.lock:
                if any(task is known for known in self._tasks):
                    task.publish()
            return task.due()
        except Exception as error:
            self.errors.append((task, error))
            self._not_before[id(task)] = time.monotonic() + REST_AFTER_ERROR
            return self._not_before[id(task)]


_publisher: Publisher | None = None
_creating = threading.Lock()


def get_publisher() -> Publisher:
    """Return this process's publisher."""
    global _publisher  # noqa: PLW0603 - one a process, made when first asked for
    with _creating:
        if _publisher is None:
            _publisher = Publisher()
        return _publisher
