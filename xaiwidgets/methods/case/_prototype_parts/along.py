"""A part of a longer way."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def along(shares: Generator[float, None, T], low: float, high: float) -> Generator[float, None, T]:
    """Yield a generator's shares as places on the way from ``low`` to ``high``; returns what it returns."""
    while True:
        try:
            share = next(shares)
        except StopIteration as end:
            return end.value
        yield low + (high - low) * share
