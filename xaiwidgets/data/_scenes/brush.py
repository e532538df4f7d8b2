"""A brush that paints one thing at its place on the canvas."""

from dataclasses import dataclass

import numpy as np

from xaiwidgets.data._scenes.canvas import Canvas
from xaiwidgets.data._scenes.light import Shade, rounded, spherical, upright
from xaiwidgets.data._scenes.shapes import Outline
from xaiwidgets.data._scenes.surfaces import Surface


@dataclass(frozen=True)
class Brush:
    """A thing's outlines have x to the right and y upwards from the middle of its foot, in units of its height.

    ``x`` and ``y`` are where the foot is on the canvas (y down), ``height`` is in units of the image's side. ``turn``
    is in radians; ``mirror`` is -1 where left and right are changed; light comes from ``side``. What is
    ``aloft`` throws no shadow.
    """

    canvas: Canvas
    name: str
    x: float
    y: float
    height: float
    turn: float = 0.0
    mirror: int = 1
    side: int = 1
    night: bool = False
    aloft: bool = False

    @property
    def rng(self) -> np.random.Generator:
        """The scene's randomness."""
        return self.canvas.rng

    def paint(
        self,
        surface: Surface,
        *outlines: np.ndarray,
        part: str | None = None,
        soft: float = 0.06,
        shade: Shade | None = None,
    ) -> None:
        """Paint the thing, or a part of it; its border is round within ``soft`` of its height."""
        shade = shade or (rounded(soft * self.height, self.side) if soft else None)
        self.canvas.draw([self.placed(outline) for outline in outlines], surface, self.name, part, shade=shade)

    def placed(self, outline: Outline) -> Outline:
        """The outline on the canvas."""
        x, y = outline[:, 0] * self.mirror, outline[:, 1]
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return np.stack(
            [self.x + self.height * (cos * x - sin * y), self.y - self.height * (sin * x + cos * y)], axis=1
        )

    def ball(self, x: float, y: float, radius: float, gloss: float = 0.5) -> Shade:
        """Light as on a ball."""
        middle = self.placed(np.array([[x, y]]))[0]
        return spherical(*middle, radius * self.height, self.side, gloss)

    def pillar(self, x: float, radius: float) -> Shade:
        """Light as on a pillar."""
        return upright(self.x + self.height * self.mirror * x, radius * self.height, self.side)

    def shadow(self, across: float, strength: float = 0.45) -> None:
        """On the ground below it, away from the light."""
        if self.aloft:
            return
        across *= self.height
        self.canvas.dim(self.x - 0.35 * self.side * across, self.y, across, 0.22 * across + 0.008, strength)
