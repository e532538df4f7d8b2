"""From the settings to the objective and the parameterisation, with a check that they fit the model."""

from typing import TYPE_CHECKING

from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis import _objectives
from xaiwidgets.methods.feature_analysis._color import colors_for
from xaiwidgets.methods.feature_analysis._parameterization import (
    Fourier,
    Parameterization,
    Phase,
    Pixel,
    natural_magnitude,
)
from xaiwidgets.models import ImageModel, Layout

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization


def objective_of(settings: "ActivationMaximization", layout: Layout) -> _objectives.Objective:
    """The objective that the settings name, after a check that the layer has what it asks for."""
    count = layout.units
    if settings.objective == "direction":
        known = settings.directions.shape
        if known[1] != count:
            message = (
                f"directions of length {known[1]} were given for layer {settings.layer!r}, "
                f"which has {count} units; give {count}."
            )
            raise XaiwidgetsError(message)
        _refuse_outside(settings, known[0], "directions")
        return _objectives.along(settings.directions, settings.cosine_power)
    if settings.objective == "layer":
        return _objectives.layer
    _refuse_outside(settings, count, "units")
    if settings.objective == "logit" and layout.kind != "vector":
        message = (
            f"objective='logit' needs a layer of plain outputs; {settings.layer!r} is a {layout.kind}. "
            "Choose the last layer, or ''."
        )
        raise XaiwidgetsError(message)
    if settings.objective == "neuron":
        return _objectives.neuron_at(_position(settings, layout))
    return _objectives.channel


def _position(settings: "ActivationMaximization", layout: Layout) -> int:
    for name, given, size in zip(
        ("row", "column"), (settings.row, settings.column), layout.grid or (1, 1), strict=True
    ):
        if given is not None and given >= size:
            message = f"{name}={given} was given; layer {settings.layer!r} has positions 0 to {size - 1} there."
            raise XaiwidgetsError(message)
    return layout.position(settings.row, settings.column)


def _refuse_outside(settings: "ActivationMaximization", count: int, what: str) -> None:
    outside = [unit for unit in settings.units if unit >= count]
    if outside:
        message = f"Unit {outside[0]} was asked for; layer {settings.layer!r} has {count} {what}, 0 to {count - 1}."
        raise XaiwidgetsError(message)


def parameterization_of(
    settings: "ActivationMaximization",
    view: View,
    model: ImageModel,
    images: Tensor | None,
) -> Parameterization:
    """The parameterisation that the settings name, in the colours of the images, or of ImageNet."""
    channels = view.channels
    if images is not None:
        refuse_images(images, channels)
    colors = colors_for(settings.colors, channels, images)
    shape = (
        (channels, *view.canvas),
        None if colors is None else colors.to(model.device, model.dtype),
        model.device,
        model.dtype,
    )
    if settings.parameterization == "maco":
        return Phase(*shape, magnitude=natural_magnitude(Pixel(*shape), images))
    return {"fourier": Fourier, "pixel": Pixel}[settings.parameterization](*shape)


def refuse_images(images: object, channels: int) -> None:
    """Raise unless these are images of so many channels with values in [0, 1]."""
    wanted = f"give a tensor (image, {channels}, height, width) with values in [0, 1]"
    if not isinstance(images, Tensor):
        raise XaiwidgetsError(f"{type(images).__name__} was given as images; {wanted}.")
    if images.dim() != 4 or images.shape[1] != channels or 0 in images.shape:  # noqa: PLR2004
        raise XaiwidgetsError(f"images of shape {tuple(images.shape)} were given; {wanted}.")
    if not images.is_floating_point() or not bool(((images >= 0) & (images <= 1)).all()):
        low, high = images.min().item(), images.max().item()
        raise XaiwidgetsError(f"images of {images.dtype} from {low:.3g} to {high:.3g} were given; {wanted}.")
