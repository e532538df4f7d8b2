"""The widget of guided backpropagation."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from xaiwidgets.methods.feature_analysis.guided_backprop import GuidedBackprop
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.feature_analysis._rectifier_viewer import RectifierViewer


class GuidedBackpropViewer(RectifierViewer):
    """See the pattern in an image that drove a unit by guided backpropagation, beside the deconvnet's and the gradient.

    ``images`` are those to choose from: an `ImageSet`, a tensor, an array, a path, Pillow images or a torch
    ``Dataset``; more can be dropped in. ``layer`` is a dotted path (a middle layer unless told), ``units`` its channels
    (two drawn with the seed unless told). Grey is zero; brighter raises the unit. While it runs the weights are made
    random from the layer down, and the likeness that each picture keeps stands beside it. Other keywords are settings
    of `GuidedBackprop`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = GuidedBackprop
    title = "Guided backpropagation"

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str | None = None,
        units: Sequence[int] | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(model, images, layer, units, device, settings)
