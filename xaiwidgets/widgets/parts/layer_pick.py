"""Whose features are looked at: those before the network's head, or a layer's."""

from collections.abc import Callable

from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.parts.pick import pick


class LayerPick:
    """A list of the layers, and the head; `set` is silent, a user's choice is told."""

    def __init__(self, model: ImageModel, layer: str, on_choose: Callable[[], object]) -> None:
        self._model, self._silent = model, False
        chosen = self._checked(layer)  # refuses before there is any widget
        names = [name for name, known in model.layers().items() if name and known.layout is not None]
        self.part = pick("Features of", list(dict.fromkeys([HEAD, *names])))
        self.part.value = chosen
        self.part.observe(lambda _change: None if self._silent else on_choose(), "value")

    @property
    def layer(self) -> str:
        """The chosen layer."""
        return self.part.value

    def set(self, layer: str) -> None:
        """Show this layer; raises with the nearest names for one that is not there."""
        chosen, self._silent = self._checked(layer), True
        try:
            self.part.value = chosen
        finally:
            self._silent = False

    def _checked(self, layer: str) -> str:
        return layer if layer == HEAD else self._model.layer(layer).name
