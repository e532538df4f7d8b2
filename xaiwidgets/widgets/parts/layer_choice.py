"""Which layer and which units of it: the model's side of the layer tree."""

import operator
from collections.abc import Callable, Sequence

import numpy as np

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models import ImageModel, Layer
from xaiwidgets.widgets.parts.layer_tree import MOST_UNITS, LayerTree

DRAWN_UNITS = 6


class LayerChoice:
    """A model's layers in a `LayerTree`, with defaults for what a caller leaves out.

    ``layer`` None: a layer in the middle of the network, or with ``outputs`` its last one. ``units`` None: ``most`` of
    them drawn with ``seed``; with ``pick_units=False`` there are none to choose. Raises `XaiwidgetsError` for a layer
    that is not there or cannot be read, and a unit out of range.
    """

    def __init__(
        self,
        model: ImageModel,
        layer: str | None,
        units: Sequence[int] | None = None,
        *,
        seed: int = 0,
        outputs: bool = False,
        pick_units: bool = True,
        most: int = DRAWN_UNITS,
    ) -> None:
        self.model, self._seed, self._pick_units, self._drawn = model, seed, pick_units, most
        self._callbacks: list[Callable[[], None]] = []
        self._setting = False
        layer = default_layer(model, outputs=outputs) if layer is None else layer
        chosen = self._checked(model.layer(layer), units)  # refuses before anything is made
        entries = [_entry(entry) for entry in model.layers().values() if entry.name]
        self.tree = LayerTree(layers=entries, picks_units=pick_units)
        self.set(layer, chosen)
        self.tree.observe(self._on_layer, "selected")
        self.tree.observe(self._on_units, "units")

    @property
    def layer(self) -> str:
        """The dotted path of the chosen layer; "" is the network's output."""
        return self._layer

    @property
    def units(self) -> tuple[int, ...]:
        """The chosen units, in their order."""
        return self._units

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The class names, where the layer is the network's output; else none."""
        return self._names_of(self.model.layers()[self._layer])

    def _names_of(self, layer: Layer) -> tuple[str, ...]:
        names = self.model.class_names or ()
        layers = self.model.layers()
        last = {
            "",
            max(
                (e.name for e in layers.values() if e.units and e.name and e.order is not None),
                key=lambda name: layers[name].order,
                default="",
            ),
        }
        return names if layer.name in last and len(names) == layer.units else ()

    def set(self, layer: str, units: Sequence[int] | None) -> None:
        """Choose a layer and units of it; refuses without changing anything."""
        found = self.model.layer(layer)
        chosen = self._checked(found, units)
        self._setting = True
        try:
            self._layer, self._units = layer, chosen
            self.tree.choose(layer, count=found.units, units=list(chosen), unit_names=list(self.unit_names))
        finally:
            self._setting = False

    def pick(self, layer: str) -> None:
        """Choose a layer as a user does, with those of the units that it has, and tell who listens."""
        kept = tuple(unit for unit in self._units if unit < self.model.layer(layer).units)
        self.set(layer, kept or None)
        self._tell()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` after a user chose another layer or other units."""
        self._callbacks.append(callback)

    def _checked(self, layer: Layer, units: Sequence[int] | None) -> tuple[int, ...]:
        if not self._pick_units:
            return ()
        if units is None:
            count = min(self._drawn, layer.units)
            return tuple(sorted(np.random.default_rng(self._seed).choice(layer.units, count, replace=False).tolist()))
        try:
            names = self._names_of(layer)
            chosen = tuple(names.index(u) if isinstance(u, str) and u in names else operator.index(u) for u in units)
        except (TypeError, ValueError):
            raise XaiwidgetsError(f"units={units!r} was given; give whole numbers, as in units=[3, 20, 41].") from None
        if not 0 < len(chosen) <= MOST_UNITS:
            raise XaiwidgetsError(f"{len(chosen)} units were given; give 1 to {MOST_UNITS} at once.")
        outside = [unit for unit in chosen if not 0 <= unit < layer.units]
        if outside:
            raise XaiwidgetsError(
                f"Unit {outside[0]} was asked for; layer {layer.name!r} has {layer.units} units, "
                f"0 to {layer.units - 1}."
            )
        return chosen

    def _on_layer(self, _change: object) -> None:
        if self._setting or not self.tree.selected:
            return
        self.pick(self.tree.selected)

    def _on_units(self, _change: object) -> None:
        if self._setting or not self.tree.units:
            return
        self._units = tuple(self.tree.units)
        self._tell()

    def _tell(self) -> None:
        for callback in tuple(self._callbacks):
            callback()


def default_layer(model: ImageModel, *, outputs: bool) -> str:
    """The last layer; or, among the upper levels of the tree, the readable one nearest to the middle of the network."""
    readable = [entry for entry in model.layers().values() if entry.units and entry.name and entry.order is not None]
    if not readable:
        raise XaiwidgetsError(f"{model.name} has no layer whose units can be read; see model.layers() for the reasons.")
    end = max(entry.order for entry in readable)
    if outputs:
        return max(readable, key=lambda entry: entry.order).name
    maps = [entry for entry in readable if entry.layout.grid and entry.parameters and entry.depth <= 1] or readable
    return min(maps, key=lambda entry: (abs(entry.order - end / 2), entry.depth)).name


def _entry(layer: Layer) -> dict[str, object]:
    shape = layer_shape(layer) if layer.layout else ""
    return {
        "name": layer.name,
        "label": layer.name.rsplit(".", 1)[-1],
        "depth": layer.depth,
        "type": layer.type,
        "shape": shape,
        "parameters": layer.parameters,
    }


def layer_shape(layer: Layer) -> str:
    """The output in few signs: units, then positions, such as "112×14²", "64×7×5" or "1000"."""
    if layer.layout.grid is None:
        return str(layer.units)
    height, width = layer.layout.grid
    positions = f"{height}²" if height == width else f"{height}×{width}"
    return f"{layer.units}×{positions}"
