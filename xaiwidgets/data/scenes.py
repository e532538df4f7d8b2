"""Scenes whose pixels are labelled exactly, because they are painted: to compare units with concepts at once."""

from numbers import Integral
from typing import Any

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._scenes.store import SceneStore
from xaiwidgets.data.concept_set import ConceptSet

_SIZES = range(32, 513)


def scenes(count: int = 500, size: int = 112, seed: int = 0) -> ConceptSet:
    """``count`` painted scenes of ``size`` × ``size`` pixels, 32 to 512, with exact labels.

    Meadows, streets, rooms and other places (category "scene", of the whole image) with houses, fish, cups and other
    things ("object") and their parts ("part"). Every surface has one or two colours ("color"; of two a pixel's own
    comes first), most have a pattern ("texture") and a "material". Labels tell of what is painted: shadow, night and
    glare change the pixels alone. A scene depends on ``seed`` and its place alone: a greater ``count`` continues the
    row. Scenes are made when they are asked for. Raises `XaiwidgetsError` for other than whole numbers in these ranges.
    """
    _refuse_other("count", count, range(1, 2**31), "at least 1")
    _refuse_other("size", size, _SIZES, f"{_SIZES[0]} to {_SIZES[-1]} (pixels of a side)")
    _refuse_other("seed", seed, range(2**63), "0 or more")
    store = SceneStore(int(count), int(size), int(seed))
    return ConceptSet(store, source=store.source)


def _refuse_other(name: str, value: Any, allowed: range, words: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) not in allowed:
        raise XaiwidgetsError(f"{name}={value!r} was given; give a whole number, {words}.")
