"""The threads that read and write files of labelled pixels, shared by all sets."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def together(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What ``work`` makes of each item, several at a time, in the order of the items; it must not call this itself."""
    if len(items) < 2:  # noqa: PLR2004 - nothing to do beside it
        return [work(item) for item in items]
    return list(_pool().map(work, items))


@cache
def _pool() -> ThreadPoolExecutor:
    """Made at its first use: a thread for each core, for Pillow and numpy let go of the interpreter's lock."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="xaiwidgets-files")


if hasattr(os, "register_at_fork"):  # a forked process has the pool without its threads, and would wait for them
    os.register_at_fork(after_in_child=_pool.cache_clear)
