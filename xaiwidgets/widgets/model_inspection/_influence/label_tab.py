"""The tab of suspected wrong labels: a label checker of the same network and training images."""

import ipywidgets as widgets

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel


class LabelTab(widgets.VBox):
    """Empty until it is opened: a checker is a widget of its own, with its own run."""

    def __init__(self, model: ImageModel, train: ImageSet) -> None:
        self._model, self._train = model, train
        super().__init__([])

    def fill(self, layer: str) -> None:
        """Make the checker, once: it has a layer and settings of its own from then on, and keeps its decisions."""
        from xaiwidgets.widgets.model_inspection.label_errors import LabelChecker

        if not self.children:
            self.children = (LabelChecker(self._model, self._train, layer=layer),)
