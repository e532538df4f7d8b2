"""Memory: batches that shrink when it runs out, and freed memory that is kept for the next step."""

import ctypes
import functools
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from xaiwidgets.core import XaiwidgetsError

T = TypeVar("T")


class MicroBatches:
    """Runs a function over slices of a batch, in sizes that halve when memory runs out.

    The function must change nothing before it returns and draw nothing at random, so that a slice can be tried again.
    """

    def __init__(self, size: int) -> None:
        """Begin with slices of ``size`` items."""
        self.size = max(1, size)

    def run(self, function: Callable[[slice], T], start: int, count: int) -> tuple[T, int]:
        """The function's result for the next slice from ``start``, and where that slice ends."""
        while True:
            stop = min(start + self.size, count)
            try:
                return function(slice(start, stop)), stop
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Past the except: the traceback no longer holds the tensors of the failed attempt.
            release_memory()
            if stop - start == 1:
                message = (
                    "Memory ran out with a single image in work; lower the image size, or choose a smaller network."
                )
                raise XaiwidgetsError(message)
            self.size = (stop - start) // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has no memory left."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def release_memory() -> None:
    """Give back what is no longer used, on every device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_memory(device: torch.device) -> int:
    """The bytes that a device, or the machine, can still give."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024
    except (OSError, StopIteration):  # no Linux: half of what it has is a cautious guess
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


@functools.cache
def keep_freed_memory() -> bool:
    """Let the C allocator keep the memory of one step for the next; True where it was done.

    By default glibc gives every large tensor back to the system when it is freed, and the next step pays for the page
    faults again: on two cores they cost as much as half of a step of a convolutional network. The setting is the
    process's; XAIWIDGETS_KEEP_MEMORY=0 leaves it alone. Other systems' allocators are left alone always.
    """
    if not sys.platform.startswith("linux") or os.environ.get("XAIWIDGETS_KEEP_MEMORY") == "0":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # the parameters' numbers in malloc.h
    settings = ((mmap_threshold, 1 << 30), (trim_threshold, (1 << 31) - 1), (arena_max, 1))
    return all([mallopt(parameter, value) == 1 for parameter, value in settings])  # noqa: C419 - every call must run
