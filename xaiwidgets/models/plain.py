"""A plain module taken as it is: its images are found out by trying."""

from collections.abc import Iterator

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models.image_model import ImageModel, Normalize, usable_device
from xaiwidgets.models.twin import refuse_unready

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIDES = (224, 32, 28, 64, 96, 128, 160, 192, 256, 299, 384, 16, 8)


def as_image_model(
    model: ImageModel | nn.Module,
    device: str | torch.device | None = None,
    *,
    shape: tuple[int, int, int] | None = None,
) -> ImageModel:
    """``model`` itself if it is an `ImageModel`, else a plain module wrapped with the input that it was found to take.

    The channels come from the first convolution or linear layer, the size from what the network names itself (timm) or
    the first of the usual sizes that it runs on; ``shape``, that of images at hand, is tried before these. The
    normalisation is timm's own record, ImageNet's for torchvision's
    networks, and none otherwise: for anything else wrap it yourself with
    ``ImageModel(module, input_shape, normalize)``.
    """
    if isinstance(model, ImageModel):
        if device is None or usable_device(device) == model.device:
            return model
        return _moved(model, device)
    refuse_unready(model)
    for size in _candidates(model, shape):
        wrapped = ImageModel(model, size, _normalization(model, size), device=device)
        try:
            wrapped.layers()
        except XaiwidgetsError:
            continue
        return wrapped
    message = (
        f"{type(model).__name__} runs on none of the usual image sizes, so it may not be a network of images; "
        "say what it takes: xw.ImageModel(module, input_shape=(channels, height, width))."
    )
    raise XaiwidgetsError(message)


def _moved(model: ImageModel, device: str | torch.device) -> ImageModel:
    """The same model, working on another device."""
    moved = ImageModel(
        model.module, model.input_shape, model.raw_normalize, model.class_names, device=device, name=model.name
    )
    if model.source:
        moved.source = f"{model.source.split(', device=')[0].removesuffix(')')}, device={str(device)!r})"
    return moved


def _candidates(module: nn.Module, shape: tuple[int, int, int] | None) -> Iterator[tuple[int, ...]]:
    known = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if isinstance(known, dict) and "input_size" in known:
        yield tuple(known["input_size"])
    if shape is not None:
        yield shape
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)), None)
    if isinstance(first, nn.Conv2d):
        yield from ((first.in_channels, side, side) for side in _SIDES)
    elif isinstance(first, nn.Linear):
        for channels in (1, 3):
            side = round((first.in_features / channels) ** 0.5)
            if channels * side * side == first.in_features:
                yield (channels, side, side)
        yield (first.in_features,)


def _normalization(module: nn.Module, shape: tuple[int, ...]) -> Normalize:
    known = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if isinstance(known, dict) and {"mean", "std"} <= known.keys():
        return (tuple(known["mean"]), tuple(known["std"]))
    if shape[0] == 3 and type(module).__module__.startswith("torchvision.models"):  # noqa: PLR2004
        return (IMAGENET_MEAN, IMAGENET_STD)
    return None
