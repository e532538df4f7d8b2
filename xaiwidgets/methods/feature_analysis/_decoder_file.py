"""A trained decoder as a file of safetensors, which says what it belongs to."""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis._decoder import Decoder, Plan, Reader
from xaiwidgets.models import ImageModel

_FORMAT = "xaiwidgets decoder 1"


def digest(module: nn.Module) -> str:
    """A fingerprint of a network's weights: equal names, shapes and bytes give an equal one."""
    found = hashlib.blake2b(digest_size=16)
    for name, tensor in module.state_dict().items():
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def write(decoder: Decoder, path: Path) -> None:
    """Write a decoder, its weights as they are and what they belong to as JSON."""
    from safetensors.torch import save_file

    known = {
        "layer": decoder.reader.layer,
        "features": decoder.plan.features,
        "image": decoder.plan.image,
        "network": decoder.network,
        "settings": decoder.settings,
        "steps": decoder.steps,
    }
    weights = {name: weight.cpu().contiguous() for name, weight in decoder.weights.items()}
    save_file(weights, str(path), metadata={"format": _FORMAT, "decoder": json.dumps(known)})


def read(path: Path, model: ImageModel, layer: str | None = None) -> Decoder:
    """The decoder in a file, for the network that it was trained for.

    Raises `XaiwidgetsError` for a file that is none or is damaged, and for another network, layer or shape.
    """
    known, weights = _opened(path)
    if layer is not None and layer != known["layer"]:
        raise XaiwidgetsError(
            f"{str(path)!r} holds a decoder of layer {known['layer']!r}, not of {layer!r}; ask for that layer, or "
            "train a decoder for this one."
        )
    if digest(model.module) != known["network"]:
        raise XaiwidgetsError(
            f"{str(path)!r} holds a decoder of a network with other weights than {model.name}; give the network that "
            "it was trained for, or train a decoder for this one."
        )
    plan = Plan(features=tuple(known["features"]), image=tuple(known["image"]))
    reader = Reader(model, known["layer"], plan.image)
    if reader.shape != plan.features:
        raise XaiwidgetsError(
            f"{str(path)!r} decodes features of shape {plan.features}; layer {known['layer']!r} of {model.name} has "
            f"{reader.shape}. Train a decoder for this network."
        )
    wanted = {name: tuple(weight.shape) for name, weight in plan.start(torch.Generator()).items()}
    if any(tuple(weights[name].shape) != shape if name in weights else True for name, shape in wanted.items()):
        raise _damaged(path)
    return Decoder(
        plan=plan,
        weights={name: weight.to(model.device, model.dtype) for name, weight in weights.items()},
        reader=reader,
        settings=known["settings"],
        network=known["network"],
        steps=known["steps"],
    )


def _opened(path: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise XaiwidgetsError(f"There is no file {str(path)!r}; give the path that a decoder was saved to.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise XaiwidgetsError(
                    f"{str(path)!r} holds no decoder of xaiwidgets; give a file that decoder.save(path) wrote."
                )
            known = json.loads(metadata["decoder"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, json.JSONDecodeError, KeyError) as error:
        raise _damaged(path) from error
    if not {"layer", "features", "image", "network", "settings", "steps"} <= known.keys() or "mean" not in weights:
        raise _damaged(path)
    return known, weights


def _damaged(path: Path) -> XaiwidgetsError:
    return XaiwidgetsError(f"{str(path)!r} is damaged or no file of a decoder; save the decoder anew.")
