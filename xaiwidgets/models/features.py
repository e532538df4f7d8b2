"""The features that a network has for the images of a set, read once and kept by content."""

import hashlib
import uuid
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.core.store import RESULTS
from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.layers import tensor_of
from xaiwidgets.models.memory import MicroBatches
from xaiwidgets.models.twin import fingerprint

HEAD = "head"
"""The name that stands for the last linear layer's input."""


class Images(Protocol):
    """A set of images, as `xaiwidgets.data.ImageSet` is."""

    @property
    def key(self) -> str:
        """Equal for equal images."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of every image."""

    def __len__(self) -> int:
        """How many."""

    def batch(self, index: Sequence[int]) -> Tensor:
        """Some of them, in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Features:
    """What was read of the images so far: a row of ``values`` for each, and the network's ``outputs`` if wanted.

    ``augmented`` has a column of ones behind the values, for a head's bias; both share their memory.
    """

    augmented: Float[Tensor, "image features_and_one"]
    outputs: Float[Tensor, "image class"] | None = None

    @property
    def values(self) -> Float[Tensor, "image feature"]:
        """The features alone."""
        return self.augmented[:, :-1]

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        tensors = [tensor for tensor in (self.augmented, self.outputs) if tensor is not None]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def head_of(model: ImageModel) -> tuple[str, nn.Linear]:
    """The path and the module of the linear layer whose output is the network's.

    Raises `XaiwidgetsError` for a network that ends in anything else.
    """
    layers = model.layers()
    reached = [layer for layer in layers.values() if layer.order is not None]
    last = max((layer for layer in reached if layer.name), key=lambda layer: layer.order, default=layers[""])
    linear = [layer for layer in reached if isinstance(model.twin.get_submodule(layer.name), nn.Linear)]
    head = max(linear, key=lambda layer: layer.order, default=None)
    if head is None or not _is_output(model, head.name):
        ends = f"{model.name} ends in {last.name or 'itself'!r}, a {last.type}, but a Linear is wanted as its head"
        if head is not None and head.name == last.name:
            ends = f"{model.name} gives out something else than its last layer {head.name!r}, as where it runs twice"
        raise XaiwidgetsError(f"{ends}; name a layer, and a head is fitted on its features.")
    return head.name, model.twin.get_submodule(head.name)


def read_features(
    model: ImageModel, images: Images, layer: str = HEAD, *, outputs: bool = False, batch: int = 64
) -> Iterator[Step[Features]]:
    """Yield the features of the images seen so far after every batch.

    ``layer`` "head" means the input of the network's last linear layer; any other dotted path means that layer's
    output, averaged over its positions. They are kept in `RESULTS` by the network's weights, the layer and the images'
    contents, so that a second reading is one step. The first batch is read twice: raises `XaiwidgetsError` for a set
    that gives other images each time, for features that are no finite numbers, and for a layer that is not there.
    """
    reader = _Reader(model, layer, outputs=outputs)
    key = f"features {reader.key} {layer} {outputs} {images.key}"
    known: Features | None = RESULTS.get(key)
    if known is not None:
        yield Step(known, done=len(images), total=len(images))
        return
    _refuse_changing(images, batch)
    batches, rows, start = MicroBatches(batch), None, 0
    while start < len(images):
        part, stop = batches.run(lambda at: reader(images.batch(range(at.start, at.stop))), start, len(images))
        _refuse_unusable(part, layer, start, model)
        rows = rows or _room(part, len(images))
        for row, new in zip(rows, part, strict=True):
            row[start:stop, : new.shape[1]] = new
        start = stop
        value = Features(*(row[:start] for row in rows))
        if start == len(images):
            RESULTS.put(key, value, value.bytes)
        yield Step(value, done=start, total=len(images))


class _Reader:
    """Reads one batch: the features, and the outputs where they are wanted."""

    def __init__(self, model: ImageModel, layer: str, *, outputs: bool) -> None:
        self._model, self._outputs = model, outputs
        self._is_head = layer == HEAD
        self._layer = head_of(model)[0] if self._is_head else model.layer(layer).name
        self._layout = None if self._is_head else model.layer(layer).layout
        self._network = model.twin_for([self._layer])
        self.key = f"{fingerprint(model.module)} {model.module!r} {_identity_of(model)} {model.dtype} {model.device}"
        self.key += f" {self._tried()}"

    def _tried(self) -> str:
        """What it gives for two images of noise: a number that the forward pass uses may stand in no weight."""
        noise = torch.rand((2, *self._model.input_shape), generator=torch.Generator().manual_seed(0))
        contents = [part.cpu().contiguous().numpy().tobytes() for part in self(noise)]
        return hashlib.blake2b(b"".join(contents), digest_size=16).hexdigest()

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        read: list[Tensor] = []
        images = images.reshape(len(images), *self._model.input_shape)  # plain vectors come as squares

        def before(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            read.append(inputs[0])

        def after(_module: nn.Module, _inputs: object, output: object) -> None:
            read.append(self._layout.arrange(tensor_of(output)).mean(-1))

        with self._model.lock:
            module = self._network.get_submodule(self._layer)
            handle = module.register_forward_pre_hook(before) if self._is_head else module.register_forward_hook(after)
            try:
                answer = tensor_of(
                    self._network(self._model.normalized(images.to(self._model.device, self._model.dtype)))
                )
            finally:
                handle.remove()
        return (read[0], answer) if self._outputs else (read[0],)


def _room(part: tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
    """Rows for all images: of features and a one, and of outputs."""
    features, *outputs = part
    return (features.new_ones(count, features.shape[1] + 1), *(new.new_empty(count, new.shape[1]) for new in outputs))


_names: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()


def _identity_of(model: ImageModel) -> str:
    """What weights and layers do not tell: the forward pass and the normalisation, by what made them or the objects."""
    if model.source:
        return model.source
    named = [model.module, *([model.raw_normalize] if callable(model.raw_normalize) else [])]
    names = [_names.setdefault(entry, uuid.uuid4().hex) for entry in named]
    return " ".join([*names, "" if callable(model.raw_normalize) else repr(model.raw_normalize)])


def _is_output(model: ImageModel, name: str) -> bool:
    """Whether the network gives out what this layer gives out, tried with a few images of noise."""
    noise = torch.rand((2, *model.input_shape), generator=torch.Generator().manual_seed(0), dtype=model.dtype)
    read: list[Tensor] = []
    with model.lock, torch.no_grad():
        module = model.twin.get_submodule(name)
        handle = module.register_forward_hook(lambda _module, _inputs, output: read.append(output))
        try:
            answer = tensor_of(model.twin(model.normalized(noise.to(model.device))))
        finally:
            handle.remove()
    return len(read) == 1 and read[0].dim() == 2 and torch.equal(answer, read[0])  # noqa: PLR2004 - rows of numbers


def _refuse_changing(images: Images, batch: int) -> None:
    first = range(min(batch, len(images)))
    if not torch.equal(images.batch(first), images.batch(first)):
        message = (
            "The data set gave other images when it was read a second time; turn shuffling and augmentation off, so "
            "that image 0 is always the same."
        )
        raise XaiwidgetsError(message)


def _refuse_unusable(part: tuple[Tensor, ...], layer: str, start: int, model: ImageModel) -> None:
    for rows in part:
        wrong = (~rows.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
        if wrong:
            message = (
                f"{model.name} gives features that are no finite numbers for image {start + wrong[0]} "
                f"(layer {layer!r}); look for divisions by zero or overflow in the network."
            )
            raise XaiwidgetsError(message)
