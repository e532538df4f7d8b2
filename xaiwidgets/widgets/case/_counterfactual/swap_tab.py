"""The tab of region swaps: a swapper of the same network and images."""

import ipywidgets as widgets

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel


class SwapTab(widgets.VBox):
    """Empty until it is opened: a swapper is a widget of its own, with its own run."""

    def __init__(self, model: ImageModel, images: ImageSet) -> None:
        self._model, self._images = model, images
        super().__init__([])

    def fill(self, place: int, target: int | None) -> None:
        """Make the swapper, once, with the image and the class that are chosen; it has its own from then on."""
        from xaiwidgets.widgets.case.counterfactual_swap import RegionSwapper

        if not self.children:
            self.children = (RegionSwapper(self._model, self._images, chosen=place, target=target),)
