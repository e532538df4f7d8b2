"""What things are made of and painted with, drawn at random."""

from typing import NamedTuple

import numpy as np

from xaiwidgets.data._scenes.concepts import COLORS, Paint, chance, paint, paints


class Surface(NamedTuple):
    """Paints, texture and material by name, and the period of the pattern in units of the image's side."""

    paint: Paint
    second: Paint | None = None
    texture: str | None = None
    material: str | None = None
    scale: float = 0.1


Random = np.random.Generator


def plain(rng: Random, color: str | None = None, material: str | None = None, tone: int | None = None) -> Surface:
    """One colour, any unless told."""
    return Surface(paint(rng, color or str(rng.choice(list(COLORS))), tone), material=material)


def decorated(rng: Random, material: str | None, period: float) -> Surface:
    """Two colours in a pattern, now and then one alone."""
    texture = str(rng.choice(["striped", "checked", "dotted", "plain"], p=[0.3, 0.22, 0.26, 0.22]))
    if texture == "plain":
        return plain(rng, material=material)
    return Surface(*paints(rng), texture, material, period * rng.uniform(0.8, 1.3))


def wood(rng: Random, *colors: str) -> Surface:
    """Grained, in shades of brown unless told."""
    color = str(rng.choice(colors or ("brown", "brown", "beige", "orange")))
    return Surface(paint(rng, color), None, "grained", "wood", rng.uniform(0.05, 0.09))


def brick(rng: Random) -> Surface:
    """Bricks and their mortar."""
    color = str(rng.choice(["red", "red", "brown", "orange", "white", "gray"]))
    mortar = str(rng.choice([name for name in ("white", "gray", "beige") if name != color]))
    return Surface(paint(rng, color), paint(rng, mortar), "bricked", "brick", rng.uniform(0.035, 0.06))


def stone(rng: Random, *colors: str) -> Surface:
    """Marble or granite."""
    if not colors and chance(rng, 0.5):
        base, vein = [("white", "gray"), ("black", "white"), ("green", "white"), ("pink", "gray")][rng.integers(4)]
        return Surface(paint(rng, base, 0), paint(rng, vein), "marbled", "stone", rng.uniform(0.05, 0.12))
    color = str(rng.choice(colors or ("gray", "gray", "beige", "black", "pink")))
    return Surface(paint(rng, color), None, "speckled", "stone", 0.13)


def fabric(rng: Random, period: float = 0.06) -> Surface:
    """Woven, or decorated cloth."""
    if chance(rng, 0.4):
        return Surface(*paints(rng), "woven", "fabric", period * rng.uniform(0.8, 1.4))
    return decorated(rng, "fabric", period)


def metal(rng: Random) -> Surface:
    """Steel, copper, brass."""
    return plain(rng, str(rng.choice(["gray", "gray", "white", "orange", "yellow"])), "metal")


def solid(rng: Random, period: float) -> Surface:
    """Of any material that things are made of."""
    material = str(
        rng.choice(["plastic", "fabric", "wood", "metal", "stone", "ceramic"], p=[0.3, 0.2, 0.13, 0.13, 0.14, 0.1])
    )
    made = {"fabric": lambda: fabric(rng, period), "wood": lambda: wood(rng), "metal": lambda: metal(rng)}
    made["stone"] = lambda: stone(rng)
    return made.get(material, lambda: decorated(rng, material, period))()


def leaves(rng: Random, *colors: str) -> Surface:
    """Foliage, green unless told."""
    return Surface(paint(rng, str(rng.choice(colors or ("green",)))), None, "leafy", "foliage", rng.uniform(0.07, 0.11))


def shingles(rng: Random) -> Surface:
    """Tiles of a roof."""
    color = str(rng.choice(["red", "brown", "gray", "black", "orange", "blue", "green"]))
    return Surface(paint(rng, color), None, "scaly", str(rng.choice(["brick", "stone", "wood"])), 0.05)


def scales(rng: Random) -> Surface:
    """The skin of a fish."""
    return Surface(plain(rng).paint, None, "scaly", None, rng.uniform(0.045, 0.065))


def pane(rng: Random, *, night: bool) -> Surface:
    """A window's glass: lit from inside at night."""
    return plain(rng, "yellow" if night else str(rng.choice(["blue", "blue", "black", "white", "gray"])), "glass")
