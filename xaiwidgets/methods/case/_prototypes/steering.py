"""A run whose live settings may change at any step."""

from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from xaiwidgets.core import Method, Step

T = TypeVar("T")
M = TypeVar("M", bound=Method)


def steered(settings: M, answers: Callable[[M], Iterator[Step[T]]]) -> Generator[Step[T], M | None, None]:
    """Yield ``answers(settings)``; other settings are taken from the yield and answered from then on.

    What is done never falls, also where an answer to newer settings begins with less.
    """
    done, steps = 0.0, answers(settings)
    while (step := next(steps, None)) is not None:
        done = max(done, step.done)
        newer = yield Step(step.value, done, step.total)
        if newer is not None and settings.difference(newer):
            settings, steps = newer, answers(newer)
