"""In which layers neighbours are searched: one or several."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, head_of
from xaiwidgets.widgets.parts.layer_choice import default_layer

_ROWS = 5


def usual_layers(model: ImageModel) -> tuple[str, ...]:
    """A layer in the middle of the network, and its head where that is a Linear."""
    return (default_layer(model, outputs=False), *_head(model))


class LayersChoice:
    """A list of layers of which several can be chosen; `set` is silent, a user's choice is told."""

    def __init__(self, model: ImageModel, layers: Sequence[str], on_choose: Callable[[], object]) -> None:
        self._model, self._silent, self._on_choose = model, False, on_choose
        chosen = self._checked(layers)  # refuses before there is any widget
        names = [name for name, known in model.layers().items() if name and known.layout is not None]
        self.part = widgets.SelectMultiple(
            description="Layers",
            options=list(dict.fromkeys([*_head(model), *chosen, *names])),
            rows=_ROWS,
            value=chosen,
        )
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

    def _checked(self, layers: Sequence[str]) -> tuple[str, ...]:
        chosen = tuple(layers) or (HEAD,)
        for layer in chosen:
            if layer == HEAD:
                head_of(self._model)
            else:
                self._model.layer(layer)
        return chosen

    def _on_value(self, change: dict[str, tuple[str, ...]]) -> None:
        if self._silent:
            return
        if not change["new"]:
            self.set(self.layers)  # at least one stays
            return
        self.layers = tuple(change["new"])
        self._on_choose()


def _head(model: ImageModel) -> list[str]:
    """The head's name, where the network ends in a Linear."""
    try:
        head_of(model)
    except XaiwidgetsError:
        return []
    return [HEAD]
