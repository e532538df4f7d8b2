"""The few images that an explanation is about, as the network can look at them."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._from_settings import refuse_images
from xaiwidgets.models import ImageModel, Layer


def accepted(
    images: ImageSet | Float[Tensor, "image channel height width"], model: ImageModel
) -> Float[Tensor, "image channel height width"]:
    """The images on the model's device and in its precision; raises a sentence for what it cannot look at.

    Any size that the network runs on is taken as it is. For a network of plain vectors each image is the picture that
    `View` makes of one.
    """
    given = images.batch(slice(None)) if isinstance(images, ImageSet) else images
    view = View(model, None)
    refuse_images(given, view.channels)
    refuse_size(tuple(given.shape[2:]), model)
    return given.detach().to(model.device, model.dtype)


def refuse_size(size: tuple[int, int], model: ImageModel) -> None:
    """Raise where the network does not run on images of this height and width."""
    view = View(model, None)
    if size == view.canvas or (not view.flat and model.accepts(*size)):
        return
    height, width = view.canvas
    raise XaiwidgetsError(
        f"Images of {size[0]}×{size[1]} pixels were given, on which {model.name} does not run; give {height}×{width}, "
        f"as xw.data.fitted(images, ({view.channels}, {height}, {width})) makes them."
    )


def checked_units(units: Iterable[int], layer: Layer) -> tuple[int, ...]:
    """The units, all of the layer's where none are named; raises for one that the layer does not have."""
    chosen = tuple(units) or tuple(range(layer.units))
    outside = [unit for unit in chosen if not 0 <= unit < layer.units]
    if outside:
        raise XaiwidgetsError(
            f"Unit {outside[0]} was asked for; layer {layer.name!r} has {layer.units} units, 0 to {layer.units - 1}."
        )
    return chosen
