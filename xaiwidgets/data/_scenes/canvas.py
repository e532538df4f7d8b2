"""The canvas: what is painted where, the light upon it, and the labels of every pixel."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from xaiwidgets.data._scenes.concepts import LAYERS, label
from xaiwidgets.data._scenes.light import FINISHES, Lit, Shade
from xaiwidgets.data._scenes.noise import Field, Grid, clipped
from xaiwidgets.data._scenes.patterns import PATTERNS
from xaiwidgets.data._scenes.shapes import Outline
from xaiwidgets.data._scenes.surfaces import Surface

_FINE = 3  # outlines are drawn so many times finer, so that borders are smooth
HALF = 0.5  # of a pixel
FEW = 0.02  # the share of a surface that a colour must have for the rest of the surface to be labelled with it


class Canvas:
    """Paint, light, gloss and labels of the pixels of one image; what is painted later hides what is below it.

    Outlines are in units of the image's side, x to the right and y down. A pixel has the labels of what covers half of
    it or more. ``paint`` holds the flat colours that the labels tell of, ``picture`` shows them under the light.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size, self.rng = size, rng
        self.paint = np.zeros((size, size, 3), np.float32)
        self.light = np.ones((size, size), np.float32)
        self.gloss = np.zeros((size, size), np.float32)
        self.labels = np.zeros((len(LAYERS), size, size), np.uint8)

    def draw(
        self,
        outlines: Sequence[Outline],
        surface: Surface,
        thing: str | None = None,
        part: str | None = None,
        *,
        shade: Shade | None = None,
        horizon: float | None = None,
    ) -> None:
        """Paint the outlines' union; a surface that lies on the ground has the ``horizon`` above it."""
        own = np.random.default_rng(int(self.rng.integers(2**62)))  # alike at every size
        found = self.cover(outlines)
        if found is None:
            return
        rows, columns, cover = found
        flat = Grid.flat(rows, columns, self.size)
        grid = flat if horizon is None else flat.lying(horizon)
        weight, light, gloss = self._looks(own, surface, grid, shade and shade(flat, cover))
        colours = surface.paint.rgb
        if surface.second is not None:
            colours = colours + weight[..., None] * (surface.second.rgb - surface.paint.rgb)
        self.paint[rows, columns] += cover[..., None] * (colours - self.paint[rows, columns])
        for field, values in ((self.light, light), (self.gloss, gloss)):
            field[rows, columns] += cover * (values - field[rows, columns])
        covered = cover >= HALF
        if covered.any():
            self._label(rows, columns, covered, weight > HALF, surface, thing, part)

    def _looks(
        self, rng: np.random.Generator, surface: Surface, grid: Grid, lit: Lit | None
    ) -> tuple[Field, Field, Field]:
        """The second paint's weight, light and gloss."""
        weight, relief = PATTERNS[surface.texture](rng, grid, surface.scale) if surface.texture else (0, 1)
        weight = 0 if surface.second is None else weight
        finish = FINISHES.get(surface.material or "")
        finished = finish(rng, grid) if finish else Lit()
        lit = lit or Lit()
        full = np.zeros(grid.u.shape, np.float32)
        return full + weight, full + relief * finished.light * lit.light, full + finished.gloss + lit.gloss

    def _label(
        self,
        rows: slice,
        columns: slice,
        covered: np.ndarray,
        second: np.ndarray,
        surface: Surface,
        thing: str | None,
        part: str | None,
    ) -> None:
        one = label(surface.paint.name, "color")
        two = label(surface.second and surface.second.name, "color")
        colours = [np.where(second, two, one), 0]
        if FEW < np.mean(second, where=covered) < 1 - FEW and one != two:  # both are seen; the pixel's own comes first
            colours[1] = np.where(second, one, two)
        values = [label(thing, "object"), label(part, "part"), *colours]
        values += [label(surface.texture, "texture"), label(surface.material, "material")]
        for layer, value in zip(self.labels, values, strict=True):
            np.copyto(layer[rows, columns], np.asarray(value, np.uint8), where=covered)

    def cover(self, outlines: Sequence[Outline]) -> tuple[slice, slice, Field] | None:
        """The box of the outlines and how much of each of its pixels they cover, None where they are outside."""
        corners = np.concatenate(outlines) * self.size
        left, top = (max(int(np.floor(low)), 0) for low in corners.min(0))
        right, bottom = (min(int(np.ceil(high)) + 1, self.size) for high in corners.max(0))
        if left >= right or top >= bottom:
            return None
        image = Image.new("L", ((right - left) * _FINE, (bottom - top) * _FINE))
        draw = ImageDraw.Draw(image)
        for outline in outlines:
            fine = (outline * self.size - [left, top]) * _FINE - 0.5
            draw.polygon([(x, y) for x, y in fine.tolist()], fill=255)
        cover = np.asarray(image.reduce(_FINE), np.float32) / 255
        return slice(top, bottom), slice(left, right), cover

    def dim(self, x: float, y: float, across: float, down: float, strength: float) -> None:
        """A soft shadow on what is there: an ellipse around a middle."""
        left, right = (int(np.clip((x + side * 2 * across) * self.size, 0, self.size)) for side in (-1, 1))
        top, bottom = (int(np.clip((y + side * 2 * down) * self.size, 0, self.size)) for side in (-1, 1))
        grid = Grid.flat(slice(top, bottom), slice(left, right), self.size)
        far = ((grid.u - x) / across) ** 2 + ((grid.v - y) / down) ** 2
        self.light[top:bottom, left:right] *= 1 - strength * np.exp(-far)

    def shine(self, thing: str, strength: float) -> None:
        """Multiply the light of all that is seen of a thing."""
        self.light[self.labels[0] == label(thing, "object")] *= strength

    def fog(self, horizon: float, strength: float) -> None:
        """The air between the camera and what is there so far, thickest at the horizon."""
        height = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size - horizon
        share = strength * np.exp(-np.abs(height) / 0.12)[:, None]
        self.light *= 1 - share
        self.gloss += 0.85 * share

    def picture(self, tint: tuple[float, float, float], grain: float) -> UInt8[np.ndarray, "row column 3"]:
        """What a camera sees: paint under light of a tint, gloss, and the sensor's noise."""
        own = np.random.default_rng(int(self.rng.integers(2**62)))
        seen = self.paint * (self.light[..., None] * np.array(tint, np.float32)) + self.gloss[..., None]
        seen += np.float32(grain) * own.standard_normal(seen.shape, dtype=np.float32)
        return (clipped(seen) * 255 + 0.5).astype(np.uint8)
