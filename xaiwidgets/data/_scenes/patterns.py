"""Patterns of surfaces: which of two paints a pixel has, and how light or dark its relief makes it."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from xaiwidgets.data._scenes.concepts import chance
from xaiwidgets.data._scenes.noise import Field, Grid, OfRows, clipped, noise

TURN = np.float32(2 * np.pi)


class Pattern(NamedTuple):
    """``weight`` is the second paint's share in [0, 1], ``relief`` is what the light is multiplied with."""

    weight: Field | float
    relief: Field | float


def striped(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Bands, upright, level or aslant."""
    turned = grid.turned(rng.choice([0, 0, np.pi / 2, np.pi / 4, -np.pi / 4]))
    return Pattern(_bands(turned.u / scale, grid.pixel / scale, rng.uniform(0.4, 0.6)), 1)


def checked(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """A chessboard."""
    turned = grid.turned(rng.choice([0, 0, np.pi / 4]))
    across, down = (2 * _bands(x / scale, grid.pixel / scale) - 1 for x in (turned.u, turned.v))
    return Pattern(0.5 + 0.5 * across * down, 1)


def dotted(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Discs in rows that are shifted against each other."""
    radius = rng.uniform(0.26, 0.36)
    x, y, _ = _cells(grid.u / scale, grid.v / scale)
    return Pattern(clipped((radius - np.hypot(x, y)) * scale / grid.pixel + 0.5), 1)


def bricked(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Bricks in courses; the second paint is the mortar."""
    x, y, number = _cells(grid.u / (2 * scale), grid.v / scale)
    joint = 0.07 + 0.25 * grid.pixel / scale
    edge = np.minimum(0.5 - np.abs(y), 2 * (0.5 - np.abs(x)))
    weight = clipped((joint - edge) * scale / grid.pixel + 0.5)
    tones = rng.uniform(0.72, 1.15, 257).astype(np.float32)[number]
    return Pattern(weight, np.where(weight < 0.5, tones, 1) + 0.1 * noise(rng, grid, 0.03, 0.03, 2))  # noqa: PLR2004


def woven(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Warp and weft, one over the other in turns."""
    del rng
    u, v = 2 * grid.u / scale, 2 * grid.v / scale
    over = (np.floor(u) + np.floor(v)) % 2
    along, across = np.where(over > 0, u, v) % 1 - 0.5, np.where(over > 0, v, u) % 1 - 0.5
    return Pattern(over.astype(np.float32), 1.12 - 1.5 * along**2 - 0.9 * across**2)


def cloudy(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Patches without edges."""
    return Pattern(clipped(0.5 + 1.5 * noise(rng, grid, 4 * scale, 2.4 * scale, 4) + rng.uniform(-0.3, 0.1)), 1)


def marbled(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Thin winding veins of the second paint."""
    turned = grid.turned(rng.uniform(0, np.pi))
    winding = turned.u / (3 * scale) + 0.55 * noise(rng, grid, 3 * scale, 3 * scale, 4)
    vein = 1 - np.abs(np.sin(np.pi * winding))
    return Pattern(clipped((vein - 0.72) * 4), 1 + 0.08 * noise(rng, grid, 2 * scale, 2 * scale, 3))


def grained(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Planks of wood, their grain along them."""
    upright = chance(rng, 0.5)
    long, short = (0.12 * scale, 4 * scale) if upright else (4 * scale, 0.12 * scale)
    across = (grid.u if upright else grid.v) / (2 * scale)
    rings = np.sin(TURN * (3 * across + 1.5 * noise(rng, grid, 6 * long, 6 * short)))
    tones = rng.uniform(0.85, 1.12, 64).astype(np.float32)[np.floor(across).astype(np.intp) % 64]
    seam = 1 - 0.45 * _bands(across + 0.5, grid.pixel / scale, 0.06)
    return Pattern(0, (tones + 0.1 * rings + 0.16 * noise(rng, grid, long, short, 2)) * seam)


def rippled(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Waves of water, or of sand in the wind."""
    bend = noise(rng, grid, 5 * scale, 2 * scale, 3)
    crest = np.sin(TURN * (grid.v / scale + 0.8 * bend))
    return Pattern(0, 1 + 0.17 * crest + 0.1 * crest**3 + 0.1 * noise(rng, grid, 1.5 * scale, 0.3 * scale, 2))


def scaly(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Scales or shingles that overlap downwards."""
    u, v = grid.u / scale, 1.6 * grid.v / scale
    x, y, number = _cells(u, v)
    below = np.hypot(x, (y + 0.5) / 1.6) > 0.52  # noqa: PLR2004 - outside this scale, the next row's shows
    height = np.where(below, y - 0.3, y + 0.5)
    tones = rng.uniform(0.9, 1.1, 257).astype(np.float32)[number]
    return Pattern(0, (0.72 + 0.5 * clipped(1 - height)) * tones)


def speckled(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Fine grains, such as of sand and granite."""
    grains = noise(rng, grid, 0.12 * scale, 0.12 * scale)
    return Pattern(0, 1 + 0.3 * grains + 0.1 * noise(rng, grid, 2 * scale, scale, 3))


def tufted(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Blades of grass, each lit in its own way."""
    height, width = grid.u.shape
    pixel = float(np.mean(grid.pixel)) * (0.6 if grid.rows is not None else 1)
    clumps = noise(rng, grid, 1.6 * scale, scale, 2)
    image = Image.new("L", (width, height), 120)
    draw, blade = ImageDraw.Draw(image), 0.45 * scale / pixel
    count = int(min(1200, 5 * width * height / max(blade, 2) ** 1.3))
    x, y, lean, tone = rng.random((4, count)) * [[width], [height], [blade], [150]]
    order = np.argsort(y)
    wide = max(1, round(0.07 * scale / pixel))
    near = (1 if grid.rows is None else 0.45 + 0.9 * y / height) * np.ones(count)
    for i in order.tolist():
        reach = (lean[i] - 0.5 * blade) * near[i]
        draw.line((x[i], y[i] + 0.5 * blade * near[i], x[i] + reach, y[i] - blade * near[i]), int(55 + tone[i]), wide)
    return Pattern(0, np.asarray(image, np.float32) / 140 + 0.15 * clumps)


def leafy(rng: np.random.Generator, grid: Grid, scale: float) -> Pattern:
    """Leaves, some lit and some in the shadow of others."""
    height, width = grid.u.shape
    image = Image.new("L", (width, height), 70)
    draw, leaf = ImageDraw.Draw(image), max(0.16 * scale / float(np.mean(grid.pixel)), 0.8)
    count = int(min(900, 1.2 * width * height / leaf**2))
    x, y, long, tone = rng.random((4, count)) * [[width], [height], [leaf], [1]]
    for i, shade in enumerate((75 + 90 * np.linspace(0, 1, count) ** 2 * tone + 30 * tone).tolist()):
        across, down = 0.35 * leaf + long[i], 1.35 * leaf - long[i]
        draw.ellipse((x[i] - across, y[i] - down, x[i] + across, y[i] + down), int(shade))
    return Pattern(0, np.asarray(image, np.float32) / 118)


PATTERNS = {
    pattern.__name__: pattern
    for pattern in (
        bricked, checked, cloudy, dotted, grained, leafy, marbled, rippled, scaly, speckled, striped, tufted, woven,
    )
}  # fmt: skip


def _bands(x: Field, pixel: OfRows | float, share: float = 0.5) -> Field:
    """1 in a ``share`` of every unit, with edges as wide as a pixel."""
    return clipped(0.5 + (share / 2 - np.abs(x % 1 - 0.5)) / pixel)


def _cells(x: Field, y: Field) -> tuple[Field, Field, np.ndarray]:
    """Places in [-0.5, 0.5] within cells of side 1, every other row shifted by half, and a number for each cell."""
    row = np.floor(y)
    x = x + 0.5 * (row % 2)
    column = np.floor(x)
    number = (row * 37 + column * 91).astype(np.intp) % 257
    return x - column - 0.5, y - row - 0.5, number
