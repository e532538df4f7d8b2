"""The points of a map as they are sent, and the pictures of those that are pointed at."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.widgets.parts.sprite import encode
from xaiwidgets.widgets.parts.theme import category_color

_MOST_KINDS = np.iinfo(np.uint16).max


@dataclass(frozen=True, eq=False)
class Cloud:
    """Places, the category of each, and what the categories and the points are called."""

    places: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.float32))
    categories: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint16))
    crosses: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    names: tuple[str, ...] = ()
    crossed: str = "marked"
    noun: str = "point"

    @classmethod
    def of(
        cls,
        places: Any,
        categories: Sequence[int] | None,
        names: Sequence[str],
        marked: Iterable[int],
        crossed: str,
        noun: str,
    ) -> "Cloud":
        """The points of these; raises `XaiwidgetsError` for what does not fit together."""
        places = float_places(places)
        kinds = np.zeros(len(places), np.int64) if categories is None else np.asarray(on_cpu(categories))
        if kinds.shape != (len(places),) or (kinds.size and not 0 <= kinds.min() <= kinds.max() <= _MOST_KINDS):
            raise XaiwidgetsError(
                f"{kinds.size} categories were given for {len(places)} points; "
                f"give a whole number from 0 to {_MOST_KINDS} for each."
            )
        crosses = np.zeros(len(places), np.uint8)
        cloud = cls(places, kinds.astype(np.uint16), crosses, tuple(map(str, names)), crossed, noun)
        marked = [int(point) for point in marked]
        cloud.check(marked)
        crosses[marked] = 1
        return cloud

    @property
    def count(self) -> int:
        """How many points there are."""
        return len(self.places)

    @property
    def facts(self) -> dict[str, Any]:
        """What is sent beside the numbers; there are colours up to the largest category."""
        kinds = max(len(self.names), 1 + int(self.categories.max(initial=0)))
        colors = [category_color(kind) for kind in range(kinds)]
        return {
            "count": self.count,
            "names": list(self.names),
            "colors": colors,
            "noun": self.noun,
            "crossed": self.crossed,
        }

    @property
    def buffers(self) -> list[bytes]:
        """Places, categories and crosses as bytes."""
        return [self.places.tobytes(), self.categories.tobytes(), self.crosses.tobytes()]

    def moved(self, places: np.ndarray) -> "Cloud":
        """The same points at other places."""
        return replace(self, places=places)

    def check(self, points: Iterable[int]) -> None:
        """Raise `XaiwidgetsError` for a number that no point has."""
        for point in points:
            if not 0 <= point < max(1, self.count):
                raise XaiwidgetsError(f"Point {point} was named; the map has {self.count}, counted from 0.")


class Pointed:
    """Which points are pointed at and have no picture yet, and the pictures that wait to be sent."""

    def __init__(self) -> None:
        self.callback: Callable[[int], object] = int
        self._asked: dict[str, int] = {}
        self._answers: dict[int, tuple[np.ndarray | None, str]] = {}

    @property
    def due(self) -> bool:
        """Whether anybody waits."""
        return bool(self._asked or self._answers)

    def ask(self, view: str, point: int) -> None:
        """A view wants this point's picture, and no longer that of the one before."""
        self._asked.pop(view, None)
        if point >= 0:
            self._asked[view] = point

    def answer(self, point: int, picture: np.ndarray | None, words: str) -> None:
        """Here it is; None for no picture."""
        self._answers[int(point)] = picture, words

    def clear(self) -> None:
        """The points are others."""
        self._asked, self._answers = {}, {}

    def asked(self, lock: threading.Lock) -> Iterator[int]:
        """The points that were asked for."""
        with lock:
            asked, self._asked = self._asked, {}
        yield from dict.fromkeys(asked.values())

    def answers(self, lock: threading.Lock) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """What there is to send of each."""
        with lock:
            answers, self._answers = self._answers, {}
        for point, (picture, words) in answers.items():
            sprite = None if picture is None else encode(picture[None], lossless=True)
            facts = {"index": point, "words": words, "mime": sprite.mime if sprite else ""}
            yield facts, [sprite.data] if sprite else []


def float_places(places: Any, count: int | None = None) -> np.ndarray:
    """Places as float32 (point, 2), ``count`` of them unless None; raises `XaiwidgetsError` for anything else."""
    found = np.ascontiguousarray(np.asarray(on_cpu(places), dtype=np.float32))
    if found.ndim != 2 or found.shape[1] != 2 or count not in {None, len(found)}:  # noqa: PLR2004 - x and y
        wanted = "any number" if count is None else count
        raise XaiwidgetsError(f"Places of shape {found.shape} were given; give (point, 2) for {wanted} of points.")
    if not np.isfinite(found).all():
        raise XaiwidgetsError(
            f"{int((~np.isfinite(found)).any(1).sum())} of {len(found)} places are no finite numbers."
        )
    return found


def on_cpu(values: Any) -> Any:
    """A tensor's numbers where numpy can see them; anything else as it is."""
    return values.detach().cpu() if hasattr(values, "detach") else values
