"""Inversion of one layer after another: how much an image loses on its way through the network."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._images import accepted
from xaiwidgets.models import ImageModel, Layer, as_image_model

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.inversion import Inversion

_CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
_WHOLE = 0.6  # a module with this share of all parameters is the network in a wrapping, and is looked into


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """What inversion reached in each of ``layers``: means over the images, NaN for a layer that is still to come.

    The errors are those of `Reconstruction`; the layer in work has the errors of its newest images. ``images`` holds
    the reconstructions (Float[image, channel, height, width]) of each layer that was begun.
    """

    layers: tuple[str, ...]
    feature_error: Float[Tensor, "layer"]
    feature_error_pairs: Float[Tensor, "layer"]
    feature_distance_pairs: Float[Tensor, "layer"]
    image_error: Float[Tensor, "layer"]
    images: tuple[Tensor, ...]


_ERRORS = ("feature_error", "feature_error_pairs", "feature_distance_pairs", "image_error")


def inversion_sweep(
    settings: "Inversion",
    model: ImageModel | nn.Module,
    images: ImageSet | Float[Tensor, "image channel height width"],
    layers: Sequence[str],
    train: ImageSet | Float[Tensor, "other channel _height _width"] | None = None,
) -> Generator[Step[Curve], Any, None]:
    """The curve so far, after every step in one layer after another; changed live settings go to the run in work.

    The layer of ``settings`` is left aside. Raises `XaiwidgetsError` for what `Inversion` refuses, and where no layer
    is named.
    """
    model = as_image_model(model)
    given, names = accepted(images, model), tuple(layers)
    if not names:
        message = "No layers were named; give some, as layers_by_depth(model, 12) finds them."
        raise XaiwidgetsError(message)
    for name in names:
        model.layer(name)  # refused before the first is begun
    errors = given.new_full((len(_ERRORS), len(names)), float("nan"))
    pictures: tuple[Tensor, ...] = ()
    total = len(names) * settings.steps
    for place, name in enumerate(names):
        run, changes = settings.replace(layer=name)(model, given, train), None
        while (step := _next(run, changes)) is not None:
            errors, pictures = (
                errors.clone(),
                (*pictures[:place], step.value.images),
            )  # an earlier answer is not written over
            errors[:, place] = torch.stack([getattr(step.value, error).mean() for error in _ERRORS])
            curve = Curve(layers=names, images=pictures, **dict(zip(_ERRORS, errors, strict=True)))
            changes = yield Step(curve, done=place * settings.steps + step.done, total=total)
        settings = run.settings


def layers_by_depth(model: ImageModel | nn.Module, count: int | None = None) -> tuple[str, ...]:
    """The main layers in the order in which an image passes them, at most ``count``, spread evenly over all.

    They are the upper levels of the tree: containers, and wrappings of nearly the whole network, are looked into. A
    layer that only scales, bends, drops or reshapes what the one before it gives is left out.
    """
    layers = as_image_model(model).layers()
    found = [layer for layer in _upper("", layers) if layer.layout is not None]
    kept: list[Layer] = []
    for layer in sorted(found, key=lambda layer: layer.order):
        alike = kept and math.prod(layer.shape) == math.prod(kept[-1].shape)
        if not (alike and layer.parameters <= 2 * layer.units):
            kept.append(layer)
    names = [layer.name for layer in kept] or [""]
    if count is None or len(names) <= count:
        return tuple(names)
    return tuple(names[place] for place in torch.linspace(0, len(names) - 1, count).round().int().tolist())


def _upper(name: str, layers: dict[str, Layer]) -> list[Layer]:
    """The layers below ``name`` that are not looked into."""
    found = []
    for child in _children(name, layers):
        whole = child.parameters >= _WHOLE * layers[""].parameters
        inside = child.type in _CONTAINERS or child.layout is None or whole
        found += (_upper(child.name, layers) or [child]) if inside else [child]
    return found


def _children(name: str, layers: dict[str, Layer]) -> list[Layer]:
    start = f"{name}." if name else ""
    return [
        layer for path, layer in layers.items() if path and path.startswith(start) and "." not in path[len(start) :]
    ]


def _next(run: Generator, changes: Any) -> Step | None:
    """The run's next step, None at its end."""
    try:
        return next(run) if changes is None else run.send(changes)
    except StopIteration:
        return None
