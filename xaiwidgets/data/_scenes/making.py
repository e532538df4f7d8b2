"""One scene: a place, the things in it, and the light."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from xaiwidgets.data._scenes import nature, things
from xaiwidgets.data._scenes.brush import Brush
from xaiwidgets.data._scenes.canvas import Canvas
from xaiwidgets.data._scenes.concepts import PLACE_OF, chance
from xaiwidgets.data._scenes.places import PLACES

THINGS = {
    "ball": things.ball,
    "bird": nature.bird,
    "boat": things.boat,
    "car": things.car,
    "clock": things.clock,
    "cup": things.cup,
    "fish": nature.fish,
    "flower": nature.flower,
    "house": things.house,
    "kite": things.kite,
    "mushroom": nature.mushroom,
    "star": things.star_shape,
    "table": things.table,
    "tree": nature.tree,
    "umbrella": things.umbrella,
}
"""What stands in a place; each function paints one."""

HEIGHTS = {
    "ball": 0.3, "bird": 0.38, "boat": 0.42, "car": 0.3, "clock": 0.34, "cup": 0.32, "fish": 0.28, "flower": 0.45,
    "house": 0.6, "kite": 0.5, "mushroom": 0.32, "star": 0.36, "table": 0.42, "tree": 0.72, "umbrella": 0.55,
}  # fmt: skip
"""In units of the image's side, in the foreground."""

AT_HOME = {
    "beach": ("ball", "bird", "boat", "boat", "kite", "star", "umbrella", "umbrella"),
    "desert": ("bird", "car", "clock", "cup", "house", "kite", "star", "ball"),
    "meadow": ("bird", "flower", "flower", "house", "kite", "mushroom", "mushroom", "tree", "tree"),
    "room": ("ball", "clock", "clock", "cup", "flower", "star", "table", "table", "umbrella"),
    "snowfield": ("bird", "car", "house", "mushroom", "star", "tree"),
    "street": ("ball", "bird", "car", "car", "car", "clock", "house", "tree", "umbrella"),
    "underwater": ("boat", "fish", "fish", "fish", "fish", "fish", "star"),
}
ON_TABLES = ("ball", "cup", "cup", "flower", "mushroom", "star")
IN_THE_AIR = {"kite": 0.9, "bird": 0.38, "star": 0.2, "ball": 0.1, "clock": 0.7}  # how often
ANYWHERE = 0.2  # how often a thing is any, so that things do not tell the place


CLOSER = {1: 1.5, 2: 1.2}  # few things are nearer to the camera
SMALLEST = 0.05  # in units of the image's side: less is hardly to be seen


class Scene(NamedTuple):
    """A picture, the labels of its pixels, and the places of the concepts that it has as a whole."""

    picture: UInt8[np.ndarray, "row column 3"]
    labels: UInt8[np.ndarray, "layer row column"]
    whole: tuple[int, ...]


def make(seed: int, place: int, size: int) -> Scene:
    """The scene of a place in a seed's endless row."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, place]))
    canvas = Canvas(size, rng)
    names = compose(canvas)
    night = "night" in names
    warmth, exposure = rng.uniform(-0.06, 0.06), rng.uniform(0.9, 1.12)
    tint = (0.5, 0.54, 0.66) if night else (exposure * (1 + warmth), exposure, exposure * (1 - warmth))
    picture = canvas.picture(tint, rng.uniform(0.005, 0.02))
    return Scene(picture, canvas.labels, tuple(PLACE_OF[name, "scene"] for name in names))


def compose(canvas: Canvas) -> tuple[str, ...]:
    """Paint a whole scene; the names of what it is."""
    rng = canvas.rng
    name = str(rng.choice(list(PLACES)))
    night = name not in {"room", "underwater"} and chance(rng, 0.22)
    stage = Stage(canvas, name, night, rng.uniform(0.35, 0.6), int(rng.choice([-1, 1])))
    PLACES[name](canvas, stage.horizon, night)
    count = int(rng.choice([1, 2, 3, 4, 5], p=[0.22, 0.25, 0.25, 0.18, 0.1]))
    columns = (rng.permutation(count) + rng.uniform(0.15, 0.85, count)) / count
    feet = np.sort(rng.uniform(0.55 if count in CLOSER else 0.1, 1, count))  # the nearest is painted last
    for x, foot in zip(columns.tolist(), feet.tolist(), strict=True):
        _put(stage, x, foot, CLOSER.get(count, 1.0))
    return (name, "night") if night else (name,)


class Stage(NamedTuple):
    """Where things are put: a place by day or night, its horizon, and the side that light comes from."""

    canvas: Canvas
    place: str
    night: bool
    horizon: float
    side: int


def _put(stage: Stage, x: float, foot: float, closeness: float) -> None:
    """A thing in the air, or on the ground between the horizon (``foot`` 0) and the lower border (1)."""
    rng, swims = stage.canvas.rng, stage.place == "underwater"
    name = str(rng.choice(list(THINGS) if chance(rng, ANYWHERE) else AT_HOME[stage.place]))
    height = HEIGHTS[name] * closeness * (0.4 + 0.6 * foot) * rng.uniform(0.8, 1.25)
    y = stage.horizon + 0.04 + (0.94 - stage.horizon) * foot
    aloft = (swims and name != "star") or chance(rng, IN_THE_AIR.get(name, 0))
    if aloft:
        height = min(1.1 * height, 0.95)
        y = rng.uniform(height, max(height + 0.01, 0.95 if swims else stage.horizon + 0.2))
    turn = rng.normal(0, 0.25 if aloft and name in {"fish", "kite", "star"} else 0.03)
    mirror = int(rng.choice([-1, 1]))
    THINGS[name](Brush(stage.canvas, name, x, y, height, turn, mirror, stage.side, stage.night, aloft))
    if name == "table":
        _put_on_table(stage, x + rng.uniform(-0.4, 0.4) * height, y - 0.93 * height, height)


def _put_on_table(stage: Stage, x: float, y: float, height: float) -> None:
    """A small thing on a table of a height, left out where there is no room above it."""
    name = str(stage.canvas.rng.choice(ON_TABLES))
    size = min(HEIGHTS[name] * height / HEIGHTS["table"], 0.8 * y)
    if size > SMALLEST:
        THINGS[name](Brush(stage.canvas, name, x, y, size, side=stage.side))
