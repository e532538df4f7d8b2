"""A network that looks at images, and what has to be known to show it one."""

import math
import threading
from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.models.folding import fold, foldable_pairs, gives_the_same
from xaiwidgets.models.layers import SURVEY_BATCH, Layer, survey_layers
from xaiwidgets.models.memory import is_out_of_memory, keep_freed_memory
from xaiwidgets.models.twin import refuse_unready, state_key, structural_twin

Normalize = tuple[Sequence[float], Sequence[float]] | Callable[[Tensor], Tensor] | None


class ImageModel:
    """A `torch.nn.Module` with the shape and the normalisation of the images it wants.

    ``input_shape`` is (channel, height, width), or (feature,) for a network of plain vectors. ``normalize`` takes
    images in [0, 1] to what the network was trained on: ``(mean, std)`` per channel, a differentiable callable, or None
    for none. ``class_names`` name the outputs. ``device`` is where the work is done: a GPU when there is one, else the
    CPU.

    The module is never touched: work runs on a structural twin that follows its weights (see `twin`). Raises
    `XaiwidgetsError` where the module cannot be run on such images.
    """

    def __init__(
        self,
        module: nn.Module,
        input_shape: Sequence[int],
        normalize: Normalize = None,
        class_names: Sequence[str] | None = None,
        *,
        device: str | torch.device | None = None,
        name: str | None = None,
    ) -> None:
        refuse_unready(module)
        self.module = module
        self.input_shape = _checked_shape(input_shape)
        self.device = usable_device(device)
        self.dtype = _working_precision(module)
        self.class_names = None if class_names is None else tuple(class_names)
        self.name = name or type(module).__name__
        self.lock = threading.RLock()
        self.source = ""  # the expression that made it, for code that can be run again
        self.raw_normalize = normalize
        self._normalize = _normalizer(normalize, self)
        self._twin: tuple[object, nn.Module] | None = None
        self._folded: tuple[object, nn.Module] | None = None
        self._pairs: dict[str, str] | None = None
        self._layers: dict[str, Layer] | None = None
        if self.device.type == "cpu":
            keep_freed_memory()

    @property
    def twin(self) -> nn.Module:
        """The network that the work runs on, made anew when the user's weights have changed."""
        with self.lock:
            key = state_key(self.module)
            if self._twin is None or self._twin[0] != key:
                self._twin = (key, self._new_twin())
                self._layers = self._pairs = None  # the module may have got other layers
            return self._twin[1]

    def twin_for(self, layers: Iterable[str]) -> nn.Module:
        """The fastest network that gives the outputs of these layers.

        It is the one with batch normalisation folded, if none is folded itself.
        """
        with self.lock:
            plain, key = self.twin, self._twin[0]
            if self._pairs is None:
                self._pairs = foldable_pairs(plain, self._survey_images())
            if not self._pairs or not set(layers).isdisjoint(self._pairs.values()):
                return plain
            if self._folded is None or self._folded[0] != key:
                folded = fold(self._new_twin(), self._pairs)
                same = gives_the_same(folded, plain, self._survey_images())
                self._folded = (key, folded if same else plain)
            return self._folded[1]

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the picture that it looks at.

        For plain vectors it is a grey square where their length is one, else a single row.
        """
        if len(self.input_shape) > 1:
            return self.input_shape
        side = math.isqrt(self.input_shape[0])
        return (1, side, side) if side * side == self.input_shape[0] else (1, 1, self.input_shape[0])

    def normalized(self, images: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
        """Images in [0, 1] as the network wants them, differentiable."""
        return self._normalize(images)

    def __call__(self, images: Float[Tensor, "batch ..."]) -> Tensor:
        """The network's output for images in [0, 1], on the model's device, without gradients."""
        with self.lock, torch.no_grad():
            return self.twin(self.normalized(images.to(self.device, self.dtype)))

    def layers(self) -> dict[str, Layer]:
        """Every layer by its dotted path, in the order of the module tree; the network itself is ``""``."""
        with self.lock:
            twin = self.twin
            if self._layers is None:
                self._layers = self._survey(twin)
            return self._layers

    def layer(self, name: str) -> Layer:
        """One layer that has units; raises with the nearest names, or with the reason it has none."""
        layers = self.layers()
        if name not in layers:
            usable = [known for known, layer in layers.items() if layer.layout and known]
            message = f"{self.name} has no layer {name!r}; {nearest(str(name), usable)}. model.layers() lists all."
            raise XaiwidgetsError(message)
        if layers[name].layout is None:
            message = f"Layer {name!r} of {self.name} cannot be read: {layers[name].problem}. Choose another layer."
            raise XaiwidgetsError(message)
        return layers[name]

    def accepts(self, height: int, width: int) -> bool:
        """Whether the network runs on images of this size, tried with one."""
        with self.lock, torch.no_grad():
            try:
                self.twin(
                    self.normalized(
                        torch.full((1, self.input_shape[0], height, width), 0.5, device=self.device, dtype=self.dtype)
                    )
                )
            except Exception as error:
                return is_out_of_memory(error)
            return True

    def _new_twin(self) -> nn.Module:
        convolutional = any(isinstance(child, nn.Conv2d) for child in self.module.modules())
        return structural_twin(self.module, self.device, self.dtype, channels_last=convolutional)

    def _survey_images(self) -> Tensor:
        """A few images of noise around grey, always the same, as the network wants them."""
        noise = torch.rand(
            (SURVEY_BATCH, *self.input_shape), generator=torch.Generator().manual_seed(0), dtype=self.dtype
        )
        return self.normalized(noise.to(self.device))

    def _survey(self, twin: nn.Module) -> dict[str, Layer]:
        try:
            return survey_layers(twin, self._survey_images())
        except XaiwidgetsError:
            raise
        except Exception as error:
            message = (
                f"{self.name} fails on images of shape {self.input_shape}: {error}. Give the shape it was made for: "
                "ImageModel(module, input_shape=(channels, height, width))."
            )
            raise XaiwidgetsError(message) from error

    def __repr__(self) -> str:
        """The name, the input and the device in one line."""
        return f"ImageModel({self.name}, input {'×'.join(map(str, self.input_shape))}, {self.device})"


def default_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_device(device: str | torch.device | None) -> torch.device:
    """The device with its index, the default one for None; raises where there is no such device."""
    try:
        found = default_device() if device is None else torch.device(device)
        if found.type == "cuda" and found.index is None:
            found = torch.device("cuda", torch.cuda.current_device())
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        message = (
            f"device={str(device)!r} was given, which cannot be used here ({error}); "
            f"this machine has {', '.join(known)}."
        )
        raise XaiwidgetsError(message) from None
    return found


def _working_precision(module: nn.Module) -> torch.dtype:
    """Double stays double (for tests and checks); everything else, half precision included, works in single."""
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    return torch.float64 if first is not None and first.dtype == torch.float64 else torch.float32


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    entries = tuple(int(size) for size in shape) if isinstance(shape, Sequence) else ()
    if len(entries) not in {1, 3} or min(entries) < 1:
        message = f"input_shape={shape!r} was given; give (channels, height, width), or (features,) for plain vectors."
        raise XaiwidgetsError(message)
    return entries


def _normalizer(normalize: Normalize, model: ImageModel) -> Callable[[Tensor], Tensor]:
    if normalize is None:
        return lambda images: images
    if callable(normalize):
        return normalize
    trailing = (1,) * (len(model.input_shape) - 1)
    try:
        mean, std = (torch.as_tensor(entry, dtype=model.dtype).reshape(-1, *trailing) for entry in normalize)
        torch.broadcast_to(mean, model.input_shape), torch.broadcast_to(std, model.input_shape)
    except (TypeError, ValueError, RuntimeError):
        message = (
            f"normalize={normalize!r} was given; give (mean, std) with one number for each of the "
            f"{model.input_shape[0]} channels, a callable, or None."
        )
        raise XaiwidgetsError(message) from None
    scale, shift = (1 / std).to(model.device), (-mean / std).to(model.device)
    return lambda images: torch.addcmul(shift, images, scale)
