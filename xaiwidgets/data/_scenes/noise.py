"""Coordinates of a surface's pixels, and noise over them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image

Field = Float[np.ndarray, "row column"]
OfRows = Float[np.ndarray, "row 1"]
NEAREST = 0.25  # how much smaller things at the horizon look than those at the lower border


@dataclass(frozen=True)
class Grid:
    """The pixels of a box: their coordinates ``u`` (to the right) and ``v`` (down) on the surface, and their size.

    The unit is the image's side. ``rows`` are places in [0, 1] along ``v`` where the surface is seen from aside: its
    rows are narrower the farther they are.
    """

    u: Field
    v: Field
    pixel: OfRows | float
    rows: Float[np.ndarray, " row"] | None = None

    @classmethod
    def flat(cls, rows: slice, columns: slice, size: int) -> "Grid":
        """A surface that faces the camera."""
        u = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / size
        v = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / size
        return cls(*np.broadcast_arrays(u[None], v[:, None]), 1 / size)

    def lying(self, horizon: float) -> "Grid":
        """The same pixels, of a surface that lies on the ground below ``horizon``."""
        depth = (1 - horizon) / (1 - NEAREST)
        near = np.maximum(NEAREST, NEAREST + (self.v[:, :1] - horizon) / depth)
        v = -depth / near
        span = v - v[0]
        rows = span[:, 0] / max(float(span[-1, 0]), 1e-6)
        return Grid(
            (self.u - 0.5) / near, np.broadcast_to(v, self.u.shape), (self.pixel / near).astype(np.float32), rows
        )

    def turned(self, angle: float) -> "Grid":
        """Turned by an angle in radians."""
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return Grid(cos * self.u + sin * self.v, cos * self.v - sin * self.u, self.pixel, self.rows)


def noise(rng: np.random.Generator, grid: Grid, across: float, down: float, octaves: int = 1) -> Field:
    """Smooth values in about [-1, 1] that change within ``across`` and ``down`` units of length.

    Each further octave has half the period and half the strength.
    """
    total = _octave(rng, grid, across, down)
    for octave in range(1, octaves):
        total = total + _octave(rng, grid, across / 2**octave, down / 2**octave) * np.float32(0.5**octave)
    return total


def _octave(rng: np.random.Generator, grid: Grid, across: float, down: float) -> Field:
    height, width = grid.u.shape
    pixel = float(np.min(grid.pixel))
    long = height * pixel if grid.rows is None else abs(float(grid.v[-1, 0] - grid.v[0, 0])) + pixel
    columns, rows = min(width * pixel / across, width), min(long / down, 4 * height)
    table = rng.random((int(rows) + 2, int(columns) + 2), dtype=np.float32) * 2 - 1
    lines = height if grid.rows is None else 2 * height
    image = Image.fromarray(table).resize(
        (width, lines), Image.Resampling.BICUBIC, (0.5, 0.5, columns + 0.5, rows + 0.5)
    )
    values = np.asarray(image)
    return values if grid.rows is None else values[(grid.rows * (lines - 1)).astype(np.intp)]


def clipped(values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Cut off at 0 and 1; quicker than numpy's clip for small arrays."""
    return np.minimum(np.maximum(values, 0), 1)
