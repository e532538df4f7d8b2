"""What is explained: the network, its layers, reading and patching them. Pure torch."""

from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.layers import Layer
from xaiwidgets.models.layout import Layout
from xaiwidgets.models.memory import MicroBatches
from xaiwidgets.models.plain import as_image_model
from xaiwidgets.models.probe import Probe
from xaiwidgets.models.zoo import load_model

__all__ = ["ImageModel", "Layer", "Layout", "MicroBatches", "Probe", "as_image_model", "load_model"]
