"""What was computed once and may be wanted again, by content, within a budget of bytes."""

import os
import threading
from collections import OrderedDict
from typing import Any

_BUDGET = 1 << 30


class Store:
    """Values by key; when they outgrow ``budget`` bytes, those that were not asked for the longest are let go.

    A value larger than the budget is not kept at all. Values must never be changed: they are handed out as they are.
    """

    def __init__(self, budget: int = _BUDGET) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    @property
    def size(self) -> int:
        """The bytes that are held."""
        with self._lock:
            return sum(size for _, size in self._entries.values())

    def get(self, key: str) -> Any:
        """The value, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: str, value: Any, size: int) -> None:
        """Keep a value of so many bytes, in the place of one with the same key."""
        with self._lock:
            self._entries.pop(key, None)
            if size > self.budget:
                return
            self._entries[key] = (value, size)
            held = sum(entry[1] for entry in self._entries.values())
            while held > self.budget:
                held -= self._entries.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Let everything go."""
        with self._lock:
            self._entries.clear()


RESULTS = Store(int(os.environ.get("XAIWIDGETS_STORE_BYTES", _BUDGET)))
"""The store of this process; XAIWIDGETS_STORE_BYTES is its budget, 1 GiB where it is not set."""
