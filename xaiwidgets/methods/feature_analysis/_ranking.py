"""The images to which units respond most, kept while many are looked at."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._geometry.geometry import Geometry


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitImages:
    """The images that units respond to most, in a row for each unit, and the place in each that they respond to.

    Row i is that of unit ``units[i]`` of layer ``layers[i]``. ``activation`` is the unit's largest in that image over
    all positions, in the layer's own units, descending along the row; ``indices`` is the image's place in the set.
    ``rows`` and ``columns`` are the position on the layer's grid, the first of equal ones; a layer without a grid has
    one row. ``boxes`` is what that position can see: (top, left, bottom, right) in pixels, the last two exclusive.
    Where there are fewer images than places, ``activation`` is -inf, and the index and the position are -1. ``alive``
    is False for a unit whose largest activation is the same in all images: its images are merely the first ones.
    ``seen`` counts the images that have been looked at.
    """

    layers: tuple[str, ...]
    units: tuple[int, ...]
    activation: Float[Tensor, "unit place"]
    indices: Int[Tensor, "unit place"]
    rows: Int[Tensor, "unit place"]
    columns: Int[Tensor, "unit place"]
    boxes: Int[Tensor, "unit place 4"]
    alive: Bool[Tensor, "unit"]
    seen: int

    def of(self, layer: str) -> "UnitImages":
        """The same for one of the layers alone."""
        chosen = [i for i, name in enumerate(self.layers) if name == layer]
        if not chosen:
            names = ", ".join(repr(name) for name in dict.fromkeys(self.layers))
            raise XaiwidgetsError(f"Layer {layer!r} was asked for, whose images were not sought; there are {names}.")
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        rows = {name: value[chosen] for name, value in values.items() if isinstance(value, Tensor)}
        return UnitImages(
            **values | rows | {"layers": (layer,) * len(chosen), "units": tuple(self.units[i] for i in chosen)}
        )


def joined(parts: list[UnitImages]) -> UnitImages:
    """The rows of several layers, one under the other."""
    tensors = {
        name: torch.cat([getattr(part, name) for part in parts])
        for name in ("activation", "indices", "rows", "columns", "boxes", "alive")
    }
    layers, units = (tuple(entry for part in parts for entry in getattr(part, name)) for name in ("layers", "units"))
    return UnitImages(layers=layers, units=units, seen=parts[0].seen, **tensors)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best images of one layer's units so far; at most one position of each image, ties to the earlier image.

    ``spread`` is the smallest and the largest of the images' largest activations.
    """

    activation: Float[Tensor, "unit place"]
    indices: Int[Tensor, "unit place"]
    positions: Int[Tensor, "unit place"]
    spread: Float[Tensor, "2 unit"]

    @staticmethod
    def empty(units: int, places: int, like: Tensor) -> "Ranking":
        """Nothing looked at yet."""
        none = torch.full((units, places), -1, device=like.device)
        infinite = like.new_full((units, places), -torch.inf)
        spread = torch.stack([infinite[:, 0].neg(), infinite[:, 0]])
        return Ranking(infinite, none, none, spread)

    def after(
        self, activation: Float[Tensor, "image unit position"], largest: Float[Tensor, "unit image"], start: int
    ) -> "Ranking":
        """The ranking once these images are looked at, the first of them being image ``start`` of the set.

        ``largest`` is the activation's maximum over positions.
        """
        spread = torch.stack([self.spread[0].minimum(largest.amin(1)), self.spread[1].maximum(largest.amax(1))])
        better = (largest > self.activation[:, -1:]).any(dim=1).nonzero()[:, 0]
        ranked = [part.index_copy(0, better, new) for part, new in self._ranked(activation, largest, start, better)]
        return Ranking(*ranked, spread)

    def _ranked(self, activation: Tensor, largest: Tensor, start: int, better: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The old parts with the new rows of those units for which one of the images is ``better``."""
        place = self.activation.shape[1]
        both = torch.cat([self.activation[better], largest[better]], dim=1)
        # A stable sort keeps the order of equal ones, and the earlier image stands before the later one.
        order = both.sort(dim=1, descending=True, stable=True).indices[:, :place]
        row, slot = (order >= place).nonzero(as_tuple=True)
        image, kept = order[row, slot] - place, order.clamp(max=place - 1)
        indices, positions = (part[better].gather(1, kept) for part in (self.indices, self.positions))
        indices[row, slot] = image + start
        positions[row, slot] = activation[image, better[row]].argmax(1)
        news = (both.gather(1, order), indices, positions)
        return list(zip((self.activation, self.indices, self.positions), news, strict=True))

    def shown(self, layer: str, units: tuple[int, ...], geometry: Geometry, seen: int) -> UnitImages:
        """As the answer has it, with positions as rows and columns."""
        width, none = geometry.grid[1], self.positions < 0
        rows, columns = (
            torch.where(none, -1, part)
            for part in (self.positions.div(width, rounding_mode="floor"), self.positions.remainder(width))
        )
        return UnitImages(
            layers=(layer,) * len(units),
            units=units,
            activation=self.activation,
            indices=self.indices,
            rows=rows,
            columns=columns,
            boxes=geometry.boxes(rows, columns),
            alive=self.spread[0] < self.spread[1],
            seen=seen,
        )
