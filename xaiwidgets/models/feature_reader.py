"""Reads what layers give for a batch of images, and tells readings apart."""

import hashlib
import uuid
import weakref
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from xaiwidgets.models.head import HEAD, head_of
from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.layers import tensor_of
from xaiwidgets.models.layout import Layout
from xaiwidgets.models.twin import fingerprint


class FeatureReader:
    """Reads one batch: the features of each layer, and with the first the outputs where they are wanted."""

    def __init__(self, model: ImageModel, layers: Sequence[str], *, outputs: bool) -> None:
        self._model, self._outputs = model, outputs
        self._layers = [_Place.of(model, layer) for layer in layers]
        self._network = model.twin_for([place.name for place in self._layers])
        whose = f"{fingerprint(model.module)} {model.module!r} {_identity_of(model)} {model.dtype} {model.device}"
        noise = torch.rand((2, *model.input_shape), generator=torch.Generator().manual_seed(0))
        tried = self(noise, range(len(layers)))  # a number that the forward pass uses may stand in no weight
        self.keys = [f"{whose} {layer} {_digest(part)}" for layer, part in zip(layers, tried, strict=True)]

    @torch.no_grad()
    def __call__(self, images: Tensor, wanted: Sequence[int]) -> list[tuple[Tensor, ...]]:
        """What the wanted layers, by their places, give for images in [0, 1]."""
        read: dict[int, Tensor] = {}
        images = images.reshape(len(images), *self._model.input_shape)  # plain vectors come as squares
        with self._model.lock:
            handles = [self._layers[place].listen(self._network, read, place) for place in wanted]
            try:
                answer = tensor_of(
                    self._network(self._model.normalized(images.to(self._model.device, self._model.dtype)))
                )
            finally:
                for handle in handles:
                    handle.remove()
        return [(read[place], answer) if self._outputs and place == 0 else (read[place],) for place in wanted]


class _Place(NamedTuple):
    """Where features are read: the input of a layer, or its output, averaged over positions."""

    name: str
    layout: Layout | None

    @classmethod
    def of(cls, model: ImageModel, layer: str) -> "_Place":
        """The place that a name stands for; raises for one that is not there."""
        if layer == HEAD:
            return cls(head_of(model)[0], None)
        return cls(model.layer(layer).name, model.layer(layer).layout)

    def listen(self, network: nn.Module, read: dict[int, Tensor], place: int) -> RemovableHandle:
        """Put what passes into ``read``."""
        module = network.get_submodule(self.name)
        if self.layout is None:
            return module.register_forward_pre_hook(lambda _module, inputs: read.update({place: inputs[0]}))
        return module.register_forward_hook(
            lambda _module, _inputs, output: read.update({place: self.layout.arrange(tensor_of(output)).mean(-1)})
        )


def _digest(parts: tuple[Tensor, ...]) -> str:
    contents = b"".join(part.cpu().contiguous().numpy().tobytes() for part in parts)
    return f"{len(parts)} {hashlib.blake2b(contents, digest_size=16).hexdigest()}"


_names: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()


def _identity_of(model: ImageModel) -> str:
    """What weights and layers do not tell: the forward pass and the normalisation, by what made them or the objects."""
    if model.source:
        return model.source
    named = [model.module, *([model.raw_normalize] if callable(model.raw_normalize) else [])]
    names = [_names.setdefault(entry, uuid.uuid4().hex) for entry in named]
    return " ".join([*names, "" if callable(model.raw_normalize) else repr(model.raw_normalize)])
