"""The places where scenes are set: their sky and ground, or their walls and floor."""

from collections.abc import Callable

import numpy as np

from xaiwidgets.data._scenes.brush import Brush
from xaiwidgets.data._scenes.canvas import Canvas
from xaiwidgets.data._scenes.concepts import chance, paint, paints
from xaiwidgets.data._scenes.light import rounded
from xaiwidgets.data._scenes.nature import cloud, moon, mountain, sun
from xaiwidgets.data._scenes.shapes import Outline, blob, curve, polygon, rectangle, strip
from xaiwidgets.data._scenes.surfaces import Surface, brick, decorated, leaves, plain, stone, wood

Random = np.random.Generator
Place = Callable[[Canvas, float, bool], None]
"""Paints itself with its horizon at a height (0 is the upper border), by day or at night."""


def beach(canvas: Canvas, horizon: float, night: bool) -> None:
    """Sky, sea and sand."""
    rng = canvas.rng
    _sky(canvas, horizon, night)
    sea = Surface(paint(rng, "blue", int(rng.choice([0, 3]))), None, "rippled", "water", 0.09)
    canvas.draw([_below(rng, horizon, 0.0)], sea, horizon=horizon)
    shore = horizon + rng.uniform(0.1, 0.2)
    canvas.draw([_below(rng, shore - 0.012, 0.02)], plain(rng, "white", "water"))
    canvas.draw([_below(rng, shore, 0.02)], _sand(rng, "beige"), horizon=horizon)
    canvas.fog(horizon, 0.0 if night else 0.3)


def desert(canvas: Canvas, horizon: float, night: bool) -> None:
    """Dunes of one sand."""
    rng = canvas.rng
    _sky(canvas, horizon, night)
    sand = _sand(rng, str(rng.choice(["beige", "beige", "orange", "brown"])))
    if chance(rng, 0.5):
        _far(canvas, "mountain", horizon, 0.22)
    canvas.draw([_below(rng, horizon - 0.03, 0.06)], sand, horizon=horizon - 0.08)
    canvas.fog(horizon, 0.0 if night else 0.25)
    canvas.draw([_below(rng, horizon + 0.12, 0.1)], sand, horizon=horizon - 0.08)


def meadow(canvas: Canvas, horizon: float, night: bool) -> None:
    """Grass, now and then before mountains."""
    rng = canvas.rng
    _sky(canvas, horizon, night)
    if chance(rng, 0.4):
        _far(canvas, "mountain", horizon, 0.3)
    if chance(rng, 0.5):
        canvas.draw(
            [_below(rng, horizon - 0.05, 0.05)], Surface(paint(rng, "green", 2), None, "leafy", "foliage", 0.06)
        )
    grass = Surface(paint(rng, "green"), None, "tufted", "grass", rng.uniform(0.08, 0.13))
    canvas.draw([_below(rng, horizon, 0.015)], grass, horizon=horizon)
    canvas.fog(horizon, 0.0 if night else 0.25)


def room(canvas: Canvas, horizon: float, night: bool) -> None:
    """A wall and a floor."""
    del night
    rng = canvas.rng
    horizon += 0.15
    canvas.draw([rectangle(0, 0, 1, horizon)], _wall(rng))
    floor = [
        lambda: wood(rng),
        lambda: Surface(*paints(rng, "white", "black", "gray", "red", "brown", "beige"), "checked", "stone", 0.3),
        lambda: Surface(*paints(rng), "woven", "fabric", 0.12),
        lambda: stone(rng),
    ][rng.integers(4)]()
    canvas.draw([rectangle(0, horizon, 1, 1)], floor, horizon=horizon - 0.1)
    canvas.draw([rectangle(0, horizon - 0.035, 1, horizon)], plain(rng, str(rng.choice(["white", "brown"])), "wood"))
    canvas.dim(0.5, horizon, 2, 0.07, 0.3)
    canvas.dim(rng.choice([-0.1, 1.1]), 0, 0.8, 0.9, 0.35)


def snowfield(canvas: Canvas, horizon: float, night: bool) -> None:
    """Snow below a pale sky."""
    rng = canvas.rng
    _sky(canvas, horizon, night)
    if chance(rng, 0.6):
        _far(canvas, "mountain", horizon, 0.3)
    canvas.draw([_below(rng, horizon, 0.04)], plain(rng, "white", "snow"), horizon=horizon - 0.05)
    canvas.fog(horizon, 0.0 if night else 0.35)
    canvas.draw([_below(rng, horizon + 0.2, 0.07)], plain(rng, "white", "snow"), horizon=horizon - 0.05)


def street(canvas: Canvas, horizon: float, night: bool) -> None:
    """A road and its pavement before a wall or a lawn."""
    rng = canvas.rng
    _sky(canvas, horizon, night)
    behind = [brick, leaves, stone][rng.integers(3)](rng)
    canvas.draw([rectangle(0, horizon - rng.uniform(0.02, 0.16), 1, horizon + 0.02)], behind)
    paving = Surface(*paints(rng, "gray", "white", "beige", "brown"), "bricked", "stone", rng.uniform(0.07, 0.1))
    canvas.draw([rectangle(0, horizon, 1, 1)], paving, horizon=horizon - 0.05)
    edge = horizon + rng.uniform(0.14, 0.2)
    tar = Surface(paint(rng, str(rng.choice(["gray", "black"])), 1), None, "speckled", "asphalt", 0.12)
    canvas.draw([rectangle(0, edge - 0.02, 1, edge + 0.01)], plain(rng, "gray", "stone"))
    canvas.draw([rectangle(0, edge, 1, 1)], tar, horizon=horizon - 0.05)
    start, row = rng.uniform(0, 0.3), edge + rng.uniform(0.14, 0.2)
    dashes = [rectangle(start + x, row, start + x + 0.2, row + 0.025) for x in (-0.7, -0.35, 0, 0.35, 0.7)]
    canvas.draw(dashes, plain(rng, "white", "asphalt"))
    canvas.fog(horizon, 0.0 if night else 0.15)


def underwater(canvas: Canvas, horizon: float, night: bool) -> None:
    """The bottom of the sea."""
    del night
    rng = canvas.rng
    horizon += 0.2
    sea = Surface(paint(rng, "blue", int(rng.choice([0, 1, 3]))), None, "rippled", "water", 0.25)
    canvas.draw([rectangle(0, 0, 1, 1)], sea)
    canvas.dim(0.5, 1.0, 3, 0.6, 0.5)
    for x in rng.uniform(0, 1, int(rng.integers(1, 4))):
        height = rng.uniform(0.08, 0.2)
        canvas.draw([blob(rng, x, horizon + 0.03, height * 1.3, height)], stone(rng, "gray", "brown", "black"))
    canvas.fog(horizon, 0.15)
    canvas.draw([_below(rng, horizon + 0.02, 0.05)], _sand(rng, "beige"), horizon=horizon - 0.1)
    for x in rng.uniform(0, 1, int(rng.integers(2, 6))):
        _weed(canvas, x, horizon + rng.uniform(0.04, 0.16))


PLACES: dict[str, Place] = {
    place.__name__: place for place in (beach, desert, meadow, room, snowfield, street, underwater)
}


def _sky(canvas: Canvas, horizon: float, night: bool) -> None:
    """With clouds, and sun or moon."""
    rng = canvas.rng
    evening = not night and chance(rng, 0.15)
    names = ("black", "blue") if night else ("orange", "pink") if evening else ("blue", "blue", "blue", "gray")
    tone = {"blue": 2 if night else 1, "gray": 2, "orange": 1}.get(name := str(rng.choice(names)), 0)
    first, second = paint(rng, name, tone), paint(rng, "gray" if night else "purple" if evening else "white", 0)
    clouded = chance(rng, 0.4)
    sky = Surface(first, second, "cloudy", None, 0.12) if clouded else Surface(first)
    canvas.draw([rectangle(0, 0, 1, horizon + 0.1)], sky, "sky")
    if chance(rng, 0.75 if night else 0.22):
        name, body, across = ("moon", moon, 0.17) if night else ("sun", sun, 0.15)
        y = rng.uniform(0.12, max(0.13, horizon - 0.15))
        body(Brush(canvas, name, rng.uniform(0.1, 0.9), y, across * rng.uniform(0.8, 1.5), rng.uniform(-0.8, 0.8)))
        canvas.shine(name, 4.5 if night else 1.4)
    for _ in range(0 if clouded else int(rng.integers(0, 4))):
        y, height = rng.uniform(0.1, max(0.15, horizon - 0.05)), rng.uniform(0.07, 0.16)
        cloud(Brush(canvas, "cloud", rng.uniform(0, 1), y, height, mirror=int(rng.choice([-1, 1])), night=night))


def _far(canvas: Canvas, name: str, horizon: float, height: float) -> None:
    """One to three mountains."""
    for x in canvas.rng.uniform(0, 1, int(canvas.rng.integers(1, 4))):
        mountain(Brush(canvas, name, x, horizon + 0.03, height * canvas.rng.uniform(0.6, 1.2)))


def _weed(canvas: Canvas, x: float, y: float) -> None:
    """Leaves that sway in the water."""
    rng = canvas.rng
    colour, blades = plain(rng, str(rng.choice(["green", "green", "brown", "red"])), "foliage"), []
    for _ in range(4):
        foot, sway, long = x + rng.uniform(-0.03, 0.03), rng.uniform(-0.09, 0.09), rng.uniform(0.12, 0.3)
        line = curve((foot, y), (foot + sway, y - 0.4 * long), (foot - sway, y - 0.7 * long), (foot + sway, y - long))
        blades += strip(line, 0.03, 0.006)
    canvas.draw(blades, colour, shade=rounded(0.012, 1))


def _sand(rng: Random, color: str) -> Surface:
    texture = str(rng.choice(["rippled", "speckled"]))
    return Surface(paint(rng, color), None, texture, "sand", 0.13)


def _wall(rng: Random) -> Surface:
    """Painted, papered, panelled or bare."""
    made = str(
        rng.choice(
            ["plain", "decorated", "wood", "brick", "woven", "marble", "cloudy"], p=[0.2, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1]
        )
    )
    if made in {"woven", "cloudy"}:
        return Surface(*paints(rng), made, "fabric" if made == "woven" else None, rng.uniform(0.08, 0.14))
    walls = {
        "plain": lambda: plain(rng),
        "wood": lambda: wood(rng),
        "brick": lambda: brick(rng),
        "marble": lambda: stone(rng),
    }
    return walls.get(made, lambda: decorated(rng, None, rng.uniform(0.1, 0.22)))()


def _below(rng: Random, height: float, rough: float) -> Outline:
    """Everything below an uneven level line."""
    x = np.linspace(-0.05, 1.05, 24)
    waves = sum(rng.normal(0, 1) * np.sin(k * x * 3 + rng.uniform(0, 6.3)) / k for k in range(1, 5))
    line = height + rough * 0.5 * waves
    return np.concatenate([np.stack([x, line], axis=1), polygon((1.05, 1.05), (-0.05, 1.05))])
