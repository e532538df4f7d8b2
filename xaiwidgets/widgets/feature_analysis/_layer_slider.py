"""A slider that walks through the main layers of a network."""

from typing import Any

import ipywidgets as widgets

from xaiwidgets.methods.feature_analysis._sweep import layers_by_depth
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.layer_choice import LayerChoice

_MOST = 24


class LayerSlider(widgets.SelectionSlider):
    """The main layers in the order of their depth; moving it chooses in the tree, and the tree moves it."""

    def __init__(self, model: ImageModel, choice: LayerChoice) -> None:
        self._choice, self._following = choice, False
        self.layers = tuple(layers_by_depth(model, _MOST))
        chosen = choice.layer if choice.layer in self.layers else self.layers[0]
        options = [(name or "output", name) for name in self.layers]
        super().__init__(options=options, value=chosen, description="Depth", continuous_update=False)
        for name in ("xw-setting", "xw-stops"):
            self.add_class(name)
        self.observe(self._moved, "value")

    def follow(self) -> None:
        """Stand where the tree's layer is, if it is one of the main ones."""
        if self._choice.layer in self.layers:
            self._following = True
            try:
                self.value = self._choice.layer
            finally:
                self._following = False

    def _moved(self, change: dict[str, Any]) -> None:
        if not self._following and change["new"] != self._choice.layer:
            self._choice.pick(change["new"])
