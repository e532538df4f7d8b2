"""In which layers neighbours are searched: one or several."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.parts.labelled_sets import checked_layer
from xaiwidgets.widgets.parts.layer_choice import default_layer
from xaiwidgets.widgets.parts.layer_pick import layer_names

_ROWS = 5


def usual_layers(model: ImageModel) -> tuple[str, ...]:
    """A layer in the middle of the network, and its head where that is a Linear."""
    return (default_layer(model, outputs=False), *(name for name in layer_names(model) if name == HEAD))


class LayersChoice:
    """A list of layers of which several can be chosen; `set` is silent, a user's choice is told."""

    def __init__(self, model: ImageModel, layers: str | Sequence[str], on_choose: Callable[[], object]) -> None:
        self._model, self._silent, self._on_choose = model, False, on_choose
        chosen = self._checked(layers)  # refuses before there is any widget
        options = list(dict.fromkeys([*layer_names(model), *chosen]))
        self.part = widgets.SelectMultiple(description="Layers", options=options, rows=_ROWS, value=chosen)
        self.part.add_class("xw-setting")
        self.layers = chosen
        self.part.observe(self._on_value, "value")

    def set(self, layers: Sequence[str]) -> None:
        """Show these layers; raises with the nearest names for one that is not there."""
        chosen, self._silent = self._checked(layers), True
        try:
            self.part.value = self.layers = chosen
        finally:
            self._silent = False

    def _checked(self, layers: str | Sequence[str]) -> tuple[str, ...]:
        given = (layers,) if isinstance(layers, str) else tuple(layers) or (HEAD,)
        return tuple(checked_layer(self._model, layer) for layer in given)

    def _on_value(self, change: dict[str, tuple[str, ...]]) -> None:
        if self._silent:
            return
        if not change["new"]:
            self.set(self.layers)  # at least one stays
            return
        self.layers = tuple(change["new"])
        self._on_choose()
