"""The light on surfaces: what their material and their form make of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from xaiwidgets.data._scenes.noise import Field, Grid, clipped, noise


class Lit(NamedTuple):
    """The light on a surface that its colour is multiplied with, and the gloss that is added to it."""

    light: Field | float = 1.0
    gloss: Field | float = 0.0


Shade = Callable[[Grid, Field], Lit]
"""From a box's pixels and how much of each is covered to the light on them."""


def rounded(radius: float, side: float, strength: float = 0.8) -> Shade:
    """A thing whose border is round within ``radius``; light comes from above and from ``side`` (-1 left, 1 right)."""

    def shade(grid: Grid, cover: Field) -> Lit:
        pixels = max(float(radius / np.min(grid.pixel)), 1.0)
        wide = int(2 * pixels) + 2
        image = Image.fromarray((np.pad(cover, wide) * 255).astype(np.uint8))
        image = image.filter(ImageFilter.BoxBlur(pixels)).filter(ImageFilter.BoxBlur(pixels / 2))
        soft = np.asarray(image, np.float32)[wide - 1 : 1 - wide, wide - 1 : 1 - wide] / 255
        slope = soft[2:, 1:-1] - soft[:-2, 1:-1] - side * (soft[1:-1, 2:] - soft[1:-1, :-2])
        return Lit(0.75 + 0.28 * soft[1:-1, 1:-1] + 0.55 * np.tanh(strength * pixels * slope))

    return shade


def spherical(x: float, y: float, radius: float, side: float, gloss: float = 0.5) -> Shade:
    """A ball around a middle (y down)."""

    def shade(grid: Grid, _cover: Field) -> Lit:
        across, down = (grid.u - x) / radius, (grid.v - y) / radius
        out = np.sqrt(np.maximum(1 - across**2 - down**2, 0))
        towards = np.maximum(0.45 * side * across - 0.62 * down + 0.64 * out, 0)
        return Lit(0.38 + 0.8 * towards, gloss * towards**24)

    return shade


def upright(x: float, radius: float, side: float) -> Shade:
    """A pillar around an upright axis."""

    def shade(grid: Grid, _cover: Field) -> Lit:
        across = clipped((grid.u - x) / radius * side * 0.5 + 0.5)
        return Lit(0.5 + 1.5 * across * (1.25 - across), 0.25 * np.exp(-(((across - 0.72) / 0.07) ** 2)))

    return shade


def glowing(_grid: Grid, _cover: Field) -> Lit:
    """Lit from inside."""
    return Lit(1.7, 0.05)


def _metal(rng: np.random.Generator, grid: Grid) -> Lit:
    """Soft bands of what it mirrors, brushed along."""
    middle, turned = rng.uniform(0, 1), grid.turned(rng.uniform(-0.6, 0.6))
    bands = np.sin(11 * (turned.v + middle)) + 0.5 * np.sin(27 * turned.v + 9 * middle)
    brushed = noise(rng, grid, 0.5, 0.012)
    return Lit(0.92 + 0.2 * bands + 0.07 * brushed, 0.3 * np.maximum(bands - 0.8, 0))


def _glass(rng: np.random.Generator, grid: Grid) -> Lit:
    """Darker below, with two aslant reflections."""
    x = (grid.u + grid.v) * rng.uniform(3.5, 5) + rng.uniform(0, 1)
    streak = np.maximum(np.sin(2 * np.pi * x) - 0.35, 0)
    return Lit(0.9 + 0.25 * noise(rng, grid, 0.3, 0.2), 0.3 * streak)


def _water(rng: np.random.Generator, grid: Grid) -> Lit:
    """Glitter on some crests."""
    sparks = noise(rng, grid, 0.06, 0.012, 2)
    return Lit(1 + 0.12 * sparks, 0.5 * np.maximum(sparks - 0.45, 0))


def _fabric(rng: np.random.Generator, grid: Grid) -> Lit:
    """Soft folds and a fine weave."""
    folds = noise(rng, grid, 0.12, 0.35)
    return Lit(1 + 0.09 * folds + 0.07 * noise(rng, grid, 0.012, 0.012))


def _stone(rng: np.random.Generator, grid: Grid) -> Lit:
    """Rough."""
    return Lit(1 + 0.16 * noise(rng, grid, 0.09, 0.07, 4))


def _snow(rng: np.random.Generator, grid: Grid) -> Lit:
    """Gentle drifts."""
    return Lit(0.97 + 0.07 * noise(rng, grid, 0.4, 0.12, 3))


def _foliage(rng: np.random.Generator, grid: Grid) -> Lit:
    """Lighter and darker clumps."""
    return Lit(1 + 0.28 * noise(rng, grid, 0.1, 0.08, 2))


FINISHES = {
    "fabric": _fabric,
    "foliage": _foliage,
    "glass": _glass,
    "metal": _metal,
    "snow": _snow,
    "stone": _stone,
    "water": _water,
}
"""How a material looks apart from its pattern; others are matt and even."""
