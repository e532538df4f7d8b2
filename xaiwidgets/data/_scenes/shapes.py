"""Outlines as polygons: arrays of corners (x to the right, y upwards)."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

Outline = Float[np.ndarray, "corner 2"]


def polygon(*corners: tuple[float, float]) -> Outline:
    """Straight edges from corner to corner."""
    return np.array(corners, dtype=np.float64)


def rectangle(left: float, bottom: float, right: float, top: float) -> Outline:
    """Its sides are level and upright."""
    return polygon((left, bottom), (right, bottom), (right, top), (left, top))


def ellipse(x: float, y: float, across: float, down: float | None = None, turn: float = 0.0) -> Outline:
    """Around a middle, with its two radii (a circle where only one is given), turned by ``turn`` radians."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x0, y0 = across * np.cos(angles), (across if down is None else down) * np.sin(angles)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([x + cos * x0 - sin * y0, y + sin * x0 + cos * y0], axis=1)


def arch(x: float, y: float, across: float, up: float) -> Outline:
    """The upper half of an ellipse."""
    angles = np.linspace(0, np.pi, 24)
    return np.stack([x + across * np.cos(angles), y + up * np.sin(angles)], axis=1)


def star(x: float, y: float, radius: float, points: int = 5, inner: float = 0.45) -> Outline:
    """A star with one point at its top."""
    angles = np.pi / 2 + np.arange(2 * points) * np.pi / points
    radii = np.where(np.arange(2 * points) % 2, inner, 1) * radius
    return np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1)


def blob(rng: np.random.Generator, x: float, y: float, across: float, down: float, rough: float = 0.12) -> Outline:
    """An ellipse with an uneven border."""
    outline = ellipse(0, 0, across, down)
    angles = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
    waves = sum(rng.normal(0, 1 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(2, 9))
    return outline * (1 + rough * np.clip(waves, -2, 2))[:, None] + [x, y]


def strip(corners: list[tuple[float, float]], width: float, end: float | None = None) -> list[Outline]:
    """A line along corners, its width changing to ``end``: a quadrangle for each stretch."""
    line = np.array(corners)
    widths = np.linspace(width, width if end is None else end, len(line))[:, None] / 2
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None] * widths
    one, other = line + across, line - across
    return [np.array([one[i], one[i + 1], other[i + 1], other[i]]) for i in range(len(line) - 1)]


def curve(*corners: tuple[float, float]) -> list[tuple[float, float]]:
    """Points of the Bézier curve of three or four control points."""
    t = np.linspace(0, 1, 12)[:, None]
    points = [np.array(corner)[None] for corner in corners]
    while len(points) > 1:
        points = [(1 - t) * a + t * b for a, b in pairwise(points)]
    return [(float(x), float(y)) for x, y in points[0]]
