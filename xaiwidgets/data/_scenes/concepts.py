"""What the pixels of made scenes can be labelled with, and the paints that colours stand for."""

from typing import NamedTuple

import numpy as np

OBJECTS = (
    "ball", "bird", "boat", "car", "clock", "cloud", "cup", "fish", "flower", "house", "kite", "moon", "mountain",
    "mushroom", "sky", "star", "sun", "table", "tree", "umbrella",
)  # fmt: skip
PARTS = (
    "beak", "canopy", "cap", "crown", "dial", "door", "eye", "fin", "hand", "handle", "hull", "leg", "petal", "roof",
    "sail", "stem", "tail", "trunk", "wheel", "window", "wing",
)  # fmt: skip
TEXTURES = (
    "bricked", "checked", "cloudy", "dotted", "grained", "leafy", "marbled", "rippled", "scaly", "speckled", "striped",
    "tufted", "woven",
)  # fmt: skip
MATERIALS = (
    "asphalt", "brick", "ceramic", "fabric", "foliage", "glass", "grass", "metal", "plastic", "sand", "snow", "stone",
    "water", "wood",
)  # fmt: skip
SCENES = ("beach", "desert", "meadow", "night", "room", "snowfield", "street", "underwater")

COLORS = {
    "beige": ((0.83, 0.73, 0.54), (0.76, 0.64, 0.47)),
    "black": ((0.08, 0.08, 0.09), (0.15, 0.15, 0.17)),
    "blue": ((0.13, 0.30, 0.68), (0.44, 0.67, 0.93), (0.07, 0.15, 0.38), (0.14, 0.47, 0.66)),
    "brown": ((0.43, 0.27, 0.15), (0.31, 0.19, 0.11), (0.55, 0.36, 0.20)),
    "gray": ((0.52, 0.52, 0.53), (0.38, 0.38, 0.39), (0.67, 0.67, 0.69)),
    "green": ((0.26, 0.50, 0.18), (0.42, 0.60, 0.22), (0.12, 0.33, 0.15)),
    "orange": ((0.93, 0.49, 0.10), (0.95, 0.66, 0.38)),
    "pink": ((0.92, 0.54, 0.68), (0.88, 0.32, 0.54)),
    "purple": ((0.43, 0.21, 0.60), (0.60, 0.42, 0.76)),
    "red": ((0.80, 0.12, 0.11), (0.60, 0.09, 0.10)),
    "white": ((0.93, 0.93, 0.92), (0.86, 0.87, 0.89)),
    "yellow": ((0.95, 0.82, 0.16), (0.94, 0.86, 0.42)),
}
"""Red, green and blue in [0, 1] of the middle tones of each colour; the first tone is the usual one."""

JITTER = 0.025  # of each channel: small enough for every paint to stay nearest to a tone of its own colour

_NAMES = {
    "object": OBJECTS,
    "part": PARTS,
    "color": tuple(COLORS),
    "texture": TEXTURES,
    "material": MATERIALS,
    "scene": SCENES,
}
CONCEPTS = tuple((name, category) for category, names in _NAMES.items() for name in names)
PLACE_OF = {concept: place for place, concept in enumerate(CONCEPTS)}

LAYERS = ("object", "part", "color", "color", "texture", "material")
"""The category of each layer of labels: a surface of two paints has a second colour."""


class Paint(NamedTuple):
    """One flat colour."""

    name: str
    rgb: np.ndarray


def paint(rng: np.random.Generator, name: str, tone: int | None = None) -> Paint:
    """A paint near one of the colour's tones, any unless told."""
    tones = COLORS[name]
    middle = tones[int(rng.integers(len(tones))) if tone is None else tone]
    return Paint(name, (np.array(middle) + rng.uniform(-JITTER, JITTER, 3)).astype(np.float32))


def paints(rng: np.random.Generator, *among: str) -> tuple[Paint, Paint]:
    """Two paints of different names, of all colours unless told among which."""
    first, second = rng.choice(among or tuple(COLORS), 2, replace=False)
    return paint(rng, str(first)), paint(rng, str(second))


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in a ``share`` of cases."""
    return bool(rng.random() < share)


def label(name: str | None, category: str) -> int:
    """The number that stands for a concept in a layer, 0 for none."""
    return 0 if name is None else 1 + PLACE_OF[name, category]
