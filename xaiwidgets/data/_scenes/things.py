"""Things that people make, each told by its shape; a function paints one."""

import numpy as np

from xaiwidgets.data._scenes.brush import Brush
from xaiwidgets.data._scenes.concepts import chance
from xaiwidgets.data._scenes.light import glowing
from xaiwidgets.data._scenes.shapes import arch, curve, ellipse, polygon, rectangle, star, strip
from xaiwidgets.data._scenes.surfaces import brick, decorated, fabric, metal, pane, plain, shingles, solid, stone, wood


def ball(brush: Brush) -> None:
    """On the ground."""
    brush.shadow(0.5)
    brush.paint(solid(brush.rng, 0.35 * brush.height), ellipse(0, 0.5, 0.5), shade=brush.ball(0, 0.5, 0.5))


def boat(brush: Brush) -> None:
    """A hull with a mast and two sails."""
    rng = brush.rng
    brush.shadow(0.5, 0.3)
    brush.paint(wood(rng), rectangle(-0.015, 0.1, 0.015, 0.98))
    sail, period = rng.uniform(0.3, 0.42), 0.2 * brush.height
    cloth = fabric(rng, period) if chance(rng, 0.7) else plain(rng, "white", "fabric")
    brush.paint(cloth, polygon((0.03, 0.3), (sail, 0.3), (0.03, 0.95)), part="sail")
    brush.paint(cloth, polygon((-0.03, 0.3), (-0.75 * sail, 0.3), (-0.03, 0.85)), part="sail")
    hull = wood(rng) if chance(rng, 0.5) else plain(rng, material="plastic")
    brush.paint(hull, polygon((-0.5, 0.26), (0.52, 0.26), (0.36, 0), (-0.36, 0)), part="hull")


def car(brush: Brush) -> None:
    """Seen from aside."""
    rng = brush.rng
    brush.shadow(1.05)
    body, roof = plain(rng, material="metal"), rng.uniform(0.85, 1)
    back = rng.uniform(0.62, 0.95)
    cabin = polygon((-back, 0.52), (-0.72 * back, roof), (0.32, roof), (0.62, 0.52))
    hull = polygon((-1.05, 0.2), (-1.08, 0.5), (-0.95, 0.58), (0.6, 0.56), (1, 0.46), (1.08, 0.2))
    brush.paint(body, cabin, hull, soft=0.1)
    glass, top = pane(rng, night=False), roof - 0.07
    brush.paint(
        glass, polygon((-0.9 * back + 0.04, 0.56), (-0.7 * back, top), (-0.18, top), (-0.18, 0.56)), part="window"
    )
    brush.paint(glass, polygon((-0.1, 0.56), (-0.1, top), (0.28, top), (0.5, 0.56)), part="window")
    rim = metal(rng)
    for x in (-0.62, 0.62):
        brush.paint(plain(rng, "black", "plastic"), ellipse(x, 0.2, 0.21), part="wheel")
        brush.paint(rim, ellipse(x, 0.2, 0.11), part="wheel")


def clock(brush: Brush) -> None:
    """A round dial with two hands."""
    rng = brush.rng
    brush.paint(wood(rng) if chance(rng, 0.5) else metal(rng), ellipse(0, 0.5, 0.5), soft=0.04)
    dial, ink = [("white", "black"), ("black", "white"), ("beige", "brown"), ("yellow", "blue")][rng.integers(4)]
    brush.paint(plain(rng, dial), ellipse(0, 0.5, 0.41), part="dial", soft=0)
    ticks = [strip([(0.33 * np.sin(a), 0.5 + 0.33 * np.cos(a)), (0.39 * np.sin(a), 0.5 + 0.39 * np.cos(a))], 0.035)[0]
             for a in np.arange(12) * np.pi / 6]  # fmt: skip
    pen = plain(rng, ink)
    brush.paint(pen, *ticks, part="dial", soft=0)
    for angle, length, width in zip(rng.uniform(0, 2 * np.pi, 2), (0.24, 0.34), (0.07, 0.045), strict=True):
        tip = (length * np.sin(angle), 0.5 + length * np.cos(angle))
        brush.paint(pen, *strip([(0, 0.5), tip], width), part="hand", soft=0)


def cup(brush: Brush) -> None:
    """With a handle at its side."""
    rng = brush.rng
    brush.shadow(0.5)
    made = metal(rng) if chance(rng, 0.2) else decorated(rng, "ceramic", 0.28 * brush.height)
    bow = strip(curve((0.3, 0.8), (0.72, 0.9), (0.75, 0.3), (0.28, 0.22)), 0.1)
    brush.paint(made._replace(texture=None, second=None), *bow, part="handle")
    foot = rng.uniform(0.26, 0.4)
    wall = polygon((-0.42, 0.94), (0.42, 0.94), (foot, 0.05))
    outline = np.concatenate([wall, ellipse(0, 0.05, foot, 0.06)[20:][::-1]])
    brush.paint(made, outline, shade=brush.pillar(0, 0.45))
    brush.paint(made._replace(texture=None, second=None), ellipse(0, 0.94, 0.42, 0.07))
    brush.paint(plain(rng, str(rng.choice(["brown", "black", "white"]))), ellipse(0, 0.935, 0.37, 0.05), soft=0)


def house(brush: Brush) -> None:
    """A gable, or a roof seen from aside, with a door and windows."""
    rng = brush.rng
    brush.shadow(0.65)
    half, eaves = rng.uniform(0.42, 0.62), rng.uniform(0.5, 0.62)
    wall = [brick, wood, stone, plain][rng.choice(4, p=[0.35, 0.2, 0.2, 0.25])](rng)
    ridge = rng.choice([0.0, 0.6]) * half
    brush.paint(wall, rectangle(-half, 0, half, eaves), soft=0.02)
    tiles = polygon((-half - 0.08, eaves - 0.02), (-ridge, 1), (ridge, 1), (half + 0.08, eaves - 0.02))
    brush.paint(shingles(rng), tiles, part="roof", soft=0.03)
    at, glass, frame = rng.uniform(-0.12, 0.12), pane(rng, night=brush.night), plain(rng, "white", "wood")
    door = wood(rng, "brown", "red", "green", "blue", "white")
    brush.paint(door, rectangle(at - 0.1, 0, at + 0.1, 0.36), part="door", soft=0.02)
    for x in (-0.62 * half, 0.62 * half):
        if abs(x - at) > 0.22:  # noqa: PLR2004 - beside the door
            brush.paint(frame, rectangle(x - 0.115, 0.15, x + 0.115, 0.4), part="window", soft=0)
            panes = [rectangle(x + a, 0.17, x + a + 0.085, 0.38) for a in (-0.095, 0.01)]
            brush.paint(glass, *panes, part="window", soft=0, shade=glowing if brush.night else None)


def kite(brush: Brush) -> None:
    """In the air, its tail below it."""
    rng = brush.rng
    cloth = decorated(rng, "fabric", 0.3 * brush.height)
    line = curve((0, 0.4), (0.15, 0.25), (-0.15, 0.12), (0.1, -0.1))
    bows = [polygon((x - 0.06, y + 0.035), (x - 0.06, y - 0.035), (x + 0.06, y + 0.035), (x + 0.06, y - 0.035))
            for x, y in line[3::3]]  # fmt: skip
    brush.paint(plain(rng, "white"), *strip(line, 0.015), part="tail", soft=0)
    brush.paint(plain(rng, material="fabric"), *bows, part="tail", soft=0)
    brush.paint(cloth, polygon((0, 1), (0.3, 0.72), (0, 0.35), (-0.3, 0.72)), soft=0.03)


def star_shape(brush: Brush) -> None:
    """Five points."""
    brush.shadow(0.4, 0.3)
    points = star(0, 0.48, 0.52, 5, brush.rng.uniform(0.42, 0.55))
    brush.paint(solid(brush.rng, 0.28 * brush.height), points, soft=0.1)


def table(brush: Brush) -> None:
    """A board on legs."""
    rng = brush.rng
    brush.shadow(0.9, 0.3)
    made = wood(rng) if chance(rng, 0.7) else stone(rng)
    legs = made if made.material == "wood" else metal(rng)
    for x in (-0.72, 0.64):
        brush.paint(legs, rectangle(x, 0, x + 0.09, 0.85), part="leg", soft=0.04)
    brush.paint(made, polygon((-0.9, 0.83), (0.9, 0.83), (0.72, 1), (-0.72, 1)), soft=0)
    brush.paint(made, rectangle(-0.9, 0.76, 0.9, 0.84), soft=0.03)


def umbrella(brush: Brush) -> None:
    """Open, upright."""
    rng = brush.rng
    brush.shadow(0.4, 0.35)
    stick = wood(rng) if chance(rng, 0.5) else metal(rng)
    brush.paint(stick, *strip([(0, 0.95), (0, 0.06)], 0.035), part="handle")
    brush.paint(stick, *strip(curve((0, 0.08), (0, -0.05), (0.12, -0.05), (0.12, 0.06)), 0.045), part="handle")
    edge = [(0.55 - 1.1 * i / 32, 0.56 + 0.035 * abs(np.sin(4 * np.pi * i / 32))) for i in range(33)]
    canopy = np.concatenate([arch(0, 0.56, 0.55, 0.42)[::-1], np.array(edge)])
    brush.paint(decorated(rng, "fabric", 0.25 * brush.height), canopy, part="canopy", soft=0.12)
