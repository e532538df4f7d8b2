"""The tab of what the neighbours rest on: importance by leaving out, in a viewer of its own."""

from collections.abc import Sequence

import ipywidgets as widgets

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel


class ImportanceTab(widgets.VBox):
    """Empty until it is opened: the viewer is a widget of its own, with its own run."""

    def __init__(self, model: ImageModel, train: ImageSet, test: ImageSet) -> None:
        self._model, self._train, self._test = model, train, test
        super().__init__([])

    def fill(self, place: int, layers: Sequence[str], k: int) -> None:
        """Make the viewer, once, for this test image; it has settings of its own from then on."""
        from xaiwidgets.widgets.case.conformity_importance import ConformityViewer

        if not self.children:
            self.children = (
                ConformityViewer(self._model, self._train, self._test, chosen=place, layers=tuple(layers), k=k),
            )
