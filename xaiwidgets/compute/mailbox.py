"""A box for one letter, in which the newest wins."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds the newest item only: a slow reader never makes a writer wait, and never sees what is out of date."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._item: T | None = None
        self.replaced = 0  # items that nobody read in time

    def put(self, item: T) -> None:
        """Leave an item, in the place of the one before."""
        with self._filled:
            self.replaced += self._item is not None
            self._item = item
            self._filled.notify()

    def take(self, timeout: float | None = 0.0) -> T | None:
        """Take the newest item out, waiting up to ``timeout`` seconds (None: for ever); None when there is none."""
        with self._filled:
            if self._item is None and timeout != 0.0:
                self._filled.wait_for(lambda: self._item is not None, timeout)
            item, self._item = self._item, None
            return item
