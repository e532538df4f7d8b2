"""Plants, animals and what is far away, each told by its shape; a function paints one."""

import numpy as np

from xaiwidgets.data._scenes.brush import Brush
from xaiwidgets.data._scenes.concepts import chance
from xaiwidgets.data._scenes.light import rounded
from xaiwidgets.data._scenes.shapes import arch, blob, curve, ellipse, polygon, strip
from xaiwidgets.data._scenes.surfaces import Surface, leaves, plain, scales, wood


def bird(brush: Brush) -> None:
    """Seen from aside, with a folded wing."""
    rng = brush.rng
    brush.shadow(0.45, 0.3)
    feathers, wing = plain(rng), plain(rng)
    legs = plain(rng, "orange")
    brush.paint(legs, *strip([(-0.03, 0.3), (-0.06, 0)], 0.035), *strip([(0.1, 0.3), (0.12, 0)], 0.035), part="leg")
    brush.paint(wing, polygon((-0.3, 0.58), (-0.85, 0.52), (-0.82, 0.36), (-0.25, 0.36)), part="tail")
    brush.paint(feathers, ellipse(0, 0.48, 0.46, 0.25, 0.25), ellipse(0.36, 0.8, 0.2), soft=0.1)
    brush.paint(legs, polygon((0.5, 0.9), (0.84, 0.76), (0.52, 0.68)), part="beak")
    brush.paint(wing, ellipse(-0.12, 0.5, 0.36, 0.15, 0.35), part="wing")
    brush.paint(plain(rng, "white"), ellipse(0.42, 0.84, 0.065), part="eye", soft=0)
    brush.paint(plain(rng, "black"), ellipse(0.435, 0.84, 0.04), part="eye", soft=0)


def fish(brush: Brush) -> None:
    """Seen from aside; its fins are of another colour."""
    rng = brush.rng
    skin, deep = scales(rng), rng.uniform(0.3, 0.42)
    fins = plain(rng)
    brush.paint(fins, polygon((-0.6, 0.5), (-1.1, 0.9), (-0.98, 0.5), (-1.1, 0.1)), part="tail")
    brush.paint(fins, polygon((-0.35, 0.6), (-0.2, 1), (0.3, 0.94), (0.4, 0.6)), part="fin")
    brush.paint(fins, polygon((-0.3, 0.4), (-0.2, 0.02), (0.15, 0.1), (0.25, 0.4)), part="fin")
    body = np.concatenate([arch(0, 0.5, 0.78, deep), -arch(0, 0, 0.78, deep) + [0, 0.5]])
    brush.paint(skin, body, soft=0.15)
    brush.paint(fins, polygon((0.2, 0.5), (-0.12, 0.6), (-0.15, 0.36)), part="fin")
    brush.paint(plain(rng, "white"), ellipse(0.5, 0.58, 0.1), part="eye", soft=0)
    brush.paint(plain(rng, "black"), ellipse(0.52, 0.58, 0.06), part="eye", soft=0)


def flower(brush: Brush) -> None:
    """Petals around a middle on a stem."""
    rng = brush.rng
    count, long, colour = int(rng.integers(5, 10)), rng.uniform(0.26, 0.34), plain(rng, None, None)
    green = plain(rng, "green", "foliage")
    brush.paint(green, *strip(curve((0, 0.65), (0.06, 0.35), (0, 0)), 0.05), part="stem")
    brush.paint(green, ellipse(0.16, 0.22, 0.17, 0.06, 0.5), ellipse(-0.15, 0.16, 0.16, 0.06, 2.7), soft=0.04)
    for turn in np.arange(count) * 2 * np.pi / count + rng.uniform(0, 1):
        x, y = 0.6 * long * np.cos(turn), 0.66 + 0.6 * long * np.sin(turn)
        brush.paint(colour, ellipse(x, y, 0.62 * long, 1.5 * long / count + 0.03, turn), part="petal")
    middle = str(rng.choice(["yellow", "brown", "orange"]))
    brush.paint(plain(rng, middle), ellipse(0, 0.66, 0.32 * long), shade=brush.ball(0, 0.66, 0.36 * long, 0))


def mushroom(brush: Brush) -> None:
    """A cap, often with dots, on a stem."""
    rng = brush.rng
    brush.shadow(0.4)
    pale = plain(rng, str(rng.choice(["white", "beige"])))
    brush.paint(
        pale, polygon((-0.13, 0.6), (0.13, 0.6), (0.19, 0), (-0.19, 0)), part="stem", shade=brush.pillar(0, 0.18)
    )
    cap = plain(rng, str(rng.choice(["red", "red", "brown", "orange", "purple", "beige"])))
    if cap.paint.name != "beige":
        cap = Surface(cap.paint, plain(rng, "white").paint, "dotted", None, 0.26 * brush.height)
    outline = np.concatenate([arch(0, 0.52, 0.55, rng.uniform(0.35, 0.48)), -arch(0, 0, 0.55, 0.09) + [0, 0.52]])
    brush.paint(cap, outline, part="cap", soft=0.15)


def tree(brush: Brush) -> None:
    """A round crown of foliage, or a fir's."""
    rng = brush.rng
    brush.shadow(0.5)
    bark = wood(rng, "brown", "brown", "gray")
    brush.paint(
        bark, polygon((-0.07, 0.6), (0.07, 0.6), (0.1, 0), (-0.1, 0)), part="trunk", shade=brush.pillar(0, 0.11)
    )
    colors = ("green", "green", "green", "orange", "yellow", "red", "pink")
    crown = leaves(rng, *colors)
    if chance(rng, 0.35):
        tiers = [polygon((-w, y), (w, y), (0, y + 0.42)) for w, y in ((0.38, 0.18), (0.31, 0.38), (0.22, 0.58))]
        brush.paint(crown, *tiers, part="crown", soft=0.12)
        return
    around = np.arange(7) * 2 * np.pi / 7 + rng.uniform(0, 1)
    blobs = [blob(rng, 0.24 * np.cos(a), 0.69 + 0.18 * np.sin(a), 0.16, 0.15, 0.1) for a in around]
    brush.paint(crown, *blobs, blob(rng, 0, 0.69, 0.28, 0.24, 0.08), part="crown", soft=0.16)


def cloud(brush: Brush) -> None:
    """Heaped, flat below."""
    rng = brush.rng
    along = np.linspace(-0.95, 0.95, 7)
    tops = 0.75 * (1 - along**2) * rng.uniform(0.6, 1.2, 7) + 0.12
    heaps = [
        ellipse(x, 0.25 + 0.5 * top, rng.uniform(0.22, 0.36), 0.5 * top) for x, top in zip(along, tops, strict=True)
    ]
    color = "gray" if brush.night else str(rng.choice(["white", "white", "white", "gray", "pink"]))
    brush.paint(
        plain(rng, color, tone=0), *heaps, ellipse(0, 0.24, 1.2, 0.14), shade=rounded(0.3 * brush.height, 1, 0.35)
    )


def moon(brush: Brush) -> None:
    """Full or a sickle."""
    rng = brush.rng
    pale = plain(rng, str(rng.choice(["white", "yellow", "beige"])))
    shape = [ellipse(0, 0, 0.5), np.concatenate([arch(0, 0, 0.5, 0.5), arch(0, 0, 0.5, 0.24)[::-1]])][rng.integers(2)]
    brush.paint(pale, shape, soft=0)


def mountain(brush: Brush) -> None:
    """Rock, with snow on its top."""
    rng = brush.rng
    ridge = [(-1.4, 0), (-0.95, 0.35), (-0.6, 0.55), (-0.3, 0.8), (0, 1), (0.25, 0.78), (0.6, 0.6), (1, 0.3), (1.4, 0)]
    uneven = np.array(ridge) + rng.uniform(-0.07, 0.07, (len(ridge), 2)) * [[1, 1]]
    uneven[[0, -1], 1] = 0
    rock = Surface(plain(rng, str(rng.choice(["gray", "gray", "brown", "blue", "purple"]))).paint, None, None, "stone")
    brush.paint(rock, uneven, soft=0.1)
    if chance(rng, 0.6):
        top = uneven[3:6]
        cut = [(top[2] + (0.05, -0.1)), top[1] + (0.05, -0.18), top[1] + (-0.05, -0.12), top[0] + (-0.04, -0.12)]
        brush.paint(plain(rng, "white", "snow"), np.concatenate([top, cut]), soft=0.05)


def sun(brush: Brush) -> None:
    """A bright disc."""
    disc = plain(brush.rng, str(brush.rng.choice(["yellow", "yellow", "orange", "white"])))
    brush.paint(disc, ellipse(0, 0, 0.5), soft=0)
