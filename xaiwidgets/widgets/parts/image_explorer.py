"""The widget of a method that explains one image in one layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from xaiwidgets.core import Method
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.image_choice import ImageChoice
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer
from xaiwidgets.widgets.parts.root import heading


class ImageExplorer(MethodExplorer):
    """A strip to choose the image from, and a tree to choose the layer, and units where the method has them.

    ``above`` stands above the tree; other keywords are those of `MethodExplorer`.
    """

    def __init__(
        self,
        model: ImageModel,
        settings: Mapping[str, Any],
        *,
        choice: LayerChoice,
        images: ImageChoice,
        above: Sequence[widgets.Widget] = (),
        **placed: Any,
    ) -> None:
        self.choice, self.images = choice, images
        what = [heading("Image"), images, heading("Layer"), *above, choice.tree]
        super().__init__(model, settings, what=what, **placed)
        for control in (choice, images):
            control.on_change(lambda: self.guarded(self.choice_changed))

    def chosen(self) -> dict[str, Any]:
        """The layer, and the units where the method has them."""
        units = {"units": self.choice.units} if "units" in self.kind.specs() else {}
        return {"layer": self.choice.layer, **units}

    def choose(self, method: Method) -> None:
        """Put them into the tree."""
        self.choice.set(method.layer, getattr(method, "units", None))

    def inputs(self) -> list[Input]:
        """The chosen image."""
        return [("images", self.images.image, self.images.image.source)]

    def remember(self) -> dict[str, Any]:
        """Which image was looked at."""
        return {"image": self.images.entry}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Choose it again."""
        self.images.bring_back(remembered["image"])
