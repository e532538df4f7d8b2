"""Whose features are looked at: those before the network's head, or a layer's."""

from collections.abc import Callable

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD, head_of
from xaiwidgets.widgets.parts.pick import pick


class LayerPick:
    """A list of the layers, and the head unless told; `set` is silent, a user's choice is told."""

    def __init__(
        self,
        model: ImageModel,
        layer: str,
        on_choose: Callable[[], object],
        *,
        label: str = "Features of",
        head: bool = True,
    ) -> None:
        self._model, self._silent, self._head = model, False, head
        chosen = self._checked(layer)  # refuses before there is any widget
        options = layer_names(model) if head else [name for name in layer_names(model) if name != HEAD]
        self.part = pick(label, list(dict.fromkeys([*options, chosen])))
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
        return layer if self._head and layer == HEAD else self._model.layer(layer).name


def layer_names(model: ImageModel) -> list[str]:
    """The head, where the network ends in a Linear, and every layer that can be read."""
    names = [name for name, known in model.layers().items() if name and known.layout is not None]
    try:
        head_of(model)
    except XaiwidgetsError:
        return names
    return list(dict.fromkeys([HEAD, *names]))
