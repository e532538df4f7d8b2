"""Covering images piece by piece, from far apart to close together, and watching one unit."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods._geometry.view import View
from xaiwidgets.models import MicroBatches, Probe

_FEWEST = 4  # places along the shorter side at the first, coarsest level


@dataclass(frozen=True)
class Lattice:
    """The places of an occluder: all of it inside the image, ``stride`` pixels apart, beginning at the corner."""

    height: int
    width: int
    occluder: int
    stride: int

    @property
    def shape(self) -> tuple[int, int]:
        """How many places there are below and beside each other."""
        return tuple((side - self.occluder) // self.stride + 1 for side in (self.height, self.width))

    @property
    def levels(self) -> list[int]:
        """How many places one goes on at a time, halved from level to level down to 1: each level holds the last."""
        level, shorter = 1, min(self.shape)
        while shorter // (2 * level) >= _FEWEST:
            level *= 2
        return [level >> i for i in range(level.bit_length())]

    def new_places(self, level: int) -> list[tuple[int, int]]:
        """The places that a level adds to the one before it."""
        rows, columns = (range(0, count, level) for count in self.shape)
        before = 2 * level if level < self.levels[0] else 0
        return [(i, j) for i in rows for j in columns if not before or i % before or j % before]

    def sees(self, place: tuple[int, int], box: tuple[int, int, int, int]) -> bool:
        """Whether an occluder at this place covers a pixel of a box."""
        top, left = (self.stride * i for i in place)
        return top < box[2] and left < box[3] and top + self.occluder > box[0] and left + self.occluder > box[1]

    def centered(
        self, found: Float[Tensor, "row column"], level: int, center: tuple[float, float]
    ) -> tuple[Float[Tensor, "height width"], Float[Tensor, "height width"]]:
        """What was found at a level, drawn with ``center`` in the middle of the picture, and 1 where the image is.

        Between places it is interpolated; beyond the outermost ones it goes on as there.
        """
        step, sides = level * self.stride, (self.height, self.width)
        found, axes = found[::level, ::level], []
        for side, count, middle in zip(sides, found.shape, center, strict=True):
            pixel = middle - side / 2 + 0.5 + torch.arange(side, device=found.device, dtype=found.dtype)
            at = ((pixel - self.occluder / 2) / step).clamp(0, count - 1)
            places = torch.arange(count, device=found.device, dtype=found.dtype)
            weights = (1 - (at[:, None] - places).abs()).clamp(min=0)  # bilinear
            axes.append((weights, ((pixel > 0) & (pixel < side)).to(found.dtype)))
        (rows, inside), (columns, beside) = axes
        present = inside[:, None] * beside
        return (rows @ found @ columns.T) * present, present


@dataclass(eq=False)
class Watched:
    """One unit at one position of one image, and what was found when the image was covered.

    ``activation`` is the unit's while nothing is covered; ``box`` and ``center`` are its theoretical field's in pixels;
    ``draws`` is where its random pixels come from, None for the image's mean colour. ``found`` holds |a − a covered|
    by place, complete down to ``level``.
    """

    image: Float[Tensor, "channel height width"]
    unit: int
    position: int
    activation: Tensor
    box: tuple[int, int, int, int]
    center: tuple[float, float]
    draws: Tensor | None
    found: Float[Tensor, "row column"]
    level: int = 0


class Occluder:
    """Covers images of one network and watches one layer."""

    def __init__(self, probe: Probe, layer: str, view: View, lattice: Lattice, batch: int) -> None:
        self.probe, self.layer, self.view, self.lattice = probe, layer, view, lattice
        self.batches = MicroBatches(batch)

    def cover(self, watched: Watched, level: int) -> Iterator[int]:
        """Cover the places that a level adds; yields how many are done after every batch.

        Where the unit cannot see the patch nothing changes, and nothing is computed.
        """
        places = self.lattice.new_places(level)
        seen = torch.tensor([place for place in places if self.lattice.sees(place, watched.box)]).reshape(-1, 2)
        at, start = seen.to(watched.image.device), 0
        patches = self._patches(watched) if len(at) else None
        while start < len(at):
            begun = start
            change, start = self.batches.run(lambda rows: self._change(watched, at[rows], patches), start, len(at))
            watched.found[at[begun:start, 0], at[begun:start, 1]] = change
            if start < len(at):
                yield start
        watched.level = level
        yield len(places)

    def _patches(self, watched: Watched) -> Float[Tensor, "row column channel side side2"]:
        """What each place is covered with: drawn for all of them, so that no order and no batch changes it."""
        size, image = self.lattice.occluder, watched.image
        if watched.draws is None:
            return image.mean((1, 2))[:, None, None].expand(*self.lattice.shape, -1, size, size)
        generator = torch.Generator()
        generator.set_state(watched.draws)
        return torch.rand((*self.lattice.shape, len(image), size, size), generator=generator).to(image)

    @torch.no_grad()
    def _change(self, watched: Watched, at: Int[Tensor, "place 2"], patches: Tensor) -> Float[Tensor, "place"]:
        images = watched.image.expand(len(at), -1, -1, -1).clone()
        pixels = torch.arange(self.lattice.occluder, device=at.device)
        rows, columns = (self.lattice.stride * at[:, axis, None] + pixels for axis in (0, 1))
        image = torch.arange(len(at), device=at.device)[:, None, None]
        # An index before the channels and two after them bring the channels to the end.
        images[image, :, rows[:, :, None], columns[:, None]] = patches[at[:, 0], at[:, 1]].permute(0, 2, 3, 1)
        activation = self.probe.arranged(self.view.network(images), self.layer)
        return (activation[:, watched.unit, watched.position] - watched.activation).abs()
