"""The layer whose maps are cut into parts, from a list."""

from collections.abc import Callable

from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.pick import pick

_CELLS = 9  # a grid that can be cut into parts has at least so many


class LayerList:
    """A list of the layers that can be read; `set` is silent, a user's choice is told."""

    def __init__(self, model: ImageModel, layer: str | None, on_choose: Callable[[], object]) -> None:
        self._model, self._silent = model, False
        chosen = deepest_map(model) if layer is None else model.layer(layer).name  # refuses before there is any widget
        names = [name for name, known in model.layers().items() if name and known.layout is not None]
        self.part = pick("Parts of layer", list(dict.fromkeys([*names, chosen])))
        self.part.value = chosen
        self.part.observe(lambda _change: None if self._silent else on_choose(), "value")

    @property
    def layer(self) -> str:
        """The chosen layer."""
        return self.part.value

    def set(self, layer: str) -> None:
        """Show this layer; raises with the nearest names for one that is not there."""
        chosen, self._silent = self._model.layer(layer).name, True
        try:
            self.part.value = chosen
        finally:
            self._silent = False


def deepest_map(model: ImageModel) -> str:
    """The deepest layer with a grid that can be cut into parts, else the deepest that can be read."""
    usable = [layer for layer in model.layers().values() if layer.layout and layer.name and layer.order is not None]
    maps = [layer for layer in usable if layer.layout.grid and layer.layout.grid[0] * layer.layout.grid[1] >= _CELLS]
    return max(maps or usable, key=lambda layer: layer.order).name
