"""Images that are drawn from given ones: their free numbers, what is shown to the network, and the step."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._adam import Adam
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._color import colors_for, decorrelate
from xaiwidgets.methods.feature_analysis._parameterization import Fourier, Parameterization, Pixel
from xaiwidgets.models import ImageModel, MicroBatches, Probe

T = TypeVar("T")

NOTED = 8  # the history holds the first steps, and every eighth
_CPU_PIXELS = 4 * 224 * 224  # of one micro-batch: more gains no speed on a CPU and makes a step too long to stop


def noted(step: int, steps: int) -> bool:
    """Whether the history holds what was seen after so many steps."""
    return step in {0, 1, 2, 4, steps} or step % NOTED == 0


class Drawing:
    """Images being drawn, as many as ``given`` or a multiple: tensors only, so that it may live across steps."""

    def __init__(self, model: ImageModel, layer: str, given: Float[Tensor, "image channel height width"]) -> None:
        self.probe, self.layer, self.given = Probe(model, [layer]), layer, given
        self.sequence_first = self.probe.layers[layer].layout.kind == "tokens, sequence first"
        self.view = view_of(given, model)
        self.batches = MicroBatches(1 << 16 if model.device.type != "cpu" else _CPU_PIXELS // self.view.pixels)

    def begin(self, parameterization: Parameterization, free: Tensor, memory: tuple[float, float]) -> None:
        """Start from these free numbers, with so much memory of Adam's."""
        self.parameterization, self.free = parameterization, free.detach().clone().requires_grad_()
        self.adam = Adam(self.free, memory)
        self._decode()

    def over_rows(self, function: Callable[[slice], T], count: int, found: list[T]) -> Iterator[float]:
        """Put the function's results for one micro-batch after another into ``found``; yields the share done."""
        start = 0
        while start < count:
            part, start = self.batches.run(function, start, count)
            found.append(part)
            yield start / count

    def features(self, seen: Tensor) -> Float[Tensor, "image feature"]:
        """All numbers of the layer for each image, a class token's too; ``seen`` is as the network is shown it."""
        output = self.probe(seen)[self.layer]
        return (output.transpose(0, 1) if self.sequence_first else output).flatten(1)

    def gradient(self, total: Tensor, images: Tensor) -> Tensor:
        """∂total/∂images; raises where the layer has none to give."""
        if not total.requires_grad:
            message = f"Layer {self.layer!r} does not depend on the image by a gradient; choose a layer that does."
            raise XaiwidgetsError(message)
        (gradient,) = torch.autograd.grad(total, images, allow_unused=True, materialize_grads=True)
        return gradient

    @torch.enable_grad()
    def climb(self, push: Tensor, rate: float) -> None:
        """One step of Adam on the free numbers, along ``push`` in the images."""
        (gradient,) = torch.autograd.grad(self.images, self.free, push)
        self.adam.climb(self.free, gradient, rate)
        self._decode()

    def refuse_blocked(self, push: Tensor) -> None:
        """Raise where no image has any gradient."""
        if not bool(push.any()):
            message = (
                f"Layer {self.layer!r} answers every image near the start alike: there is no gradient to follow. "
                "Choose another layer, or another seed."
            )
            raise XaiwidgetsError(message)

    def refuse_unfinite(self, numbers: Tensor, step: int) -> None:
        """Raise where an error or an objective is no number."""
        if not bool(torch.isfinite(numbers).all()):
            image = int((~torch.isfinite(numbers)).reshape(-1, numbers.shape[-1]).any(0).nonzero()[0])
            message = (
                f"Layer {self.layer!r} gave a value that is not a finite number for image {image} at step {step}; "
                "check the weights and the normalisation, or lower the learning rate."
            )
            raise XaiwidgetsError(message)

    @torch.enable_grad()
    def _decode(self) -> None:
        self.images = self.parameterization.decode(self.free)


def view_of(images: Tensor, model: ImageModel) -> View:
    """A view whose picture has the size of these images, on which the network is known to run."""
    view = View(model, None)
    view.canvas = view.seen = tuple(images.shape[2:])
    return view


def parameterization_for(
    choice: str, colors: str, images: Float[Tensor, "image channel height width"]
) -> Fourier | Pixel:
    """The parameterisation by its name, for images of this shape."""
    matrix = colors_for(colors, images.shape[1], None)
    matrix = None if matrix is None else matrix.to(images)
    return {"fourier": Fourier, "pixel": Pixel}[choice](tuple(images.shape[1:]), matrix, images.device, images.dtype)


def noise(
    parameterization: Fourier | Pixel, generators: Sequence[torch.Generator], images: int
) -> Float[Tensor, "row ..."]:
    """Random free numbers, one draw from each generator: all images have the same, whichever they come with.

    The rows are the images of the first generator, then those of the second, and so on.
    """
    return parameterization.start(generators).repeat_interleave(images, dim=0)


def encoded(parameterization: Fourier | Pixel, images: Float[Tensor, "image channel height width"]) -> Tensor:
    """The free numbers of given images: the inverse of `decode`, black and white kept a little apart from 0 and 1."""
    plain = decorrelate(images.clamp(1e-3, 1 - 1e-3).logit(), parameterization.colors)
    if isinstance(parameterization, Pixel):
        return plain
    return torch.view_as_real(torch.fft.rfft2(4 * plain) / parameterization.scale)
