"""The gradient of each image's loss by the weights of linear and convolutional layers."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xaiwidgets.methods.model_inspection._influence.calls import Call, Factors, Recorder
from xaiwidgets.models import ImageModel
from xaiwidgets.models.layers import tensor_of

Labelling = Callable[[Float[Tensor, "image class"]], Int[Tensor, "image"]]


class Block(NamedTuple):
    """A weight with its bias, by their names, and the sizes of its gradient's factors for one image."""

    weight: str
    bias: str | None = None
    groups: int = 0
    positions: int = 0
    inputs: int = 0
    outputs: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters."""
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    @property
    def size(self) -> int:
        """How many numbers the parameters are."""
        return self.groups * self.inputs * self.outputs


@dataclass(frozen=True, eq=False)
class Pass:
    """A batch that went through the network and back: what it gave out, and what each layer's gradients need."""

    outputs: Float[Tensor, "image class"]
    calls: Sequence[Call]
    gradients: Sequence[Tensor]

    def losses(self, labels: Int[Tensor, "image"]) -> Float[Tensor, "image"]:
        """The cross-entropy of each image with these labels, in nats."""
        return functional.cross_entropy(self.outputs, labels, reduction="none")

    def factors(self, block: Block) -> Factors:
        """The factors of a block's gradients; several uses of one weight are so many more positions."""
        parts = [
            call.factors(gradient, len(self.outputs), ones=block.bias is not None)
            for call, gradient in zip(self.calls, self.gradients, strict=True)
            if call.weight == block.weight
        ]
        return parts[0] if len(parts) == 1 else Factors(*(torch.cat(side, 2) for side in zip(*parts, strict=True)))


class LayerGradients:
    """Runs a network in evaluation mode and back; nothing of a run stays with the network."""

    def __init__(self, model: ImageModel) -> None:
        self.model, self.network = model, model.twin
        self.names = {id(parameter): name for name, parameter in self.network.named_parameters()}

    def __call__(
        self, images: Float[Tensor, "image ..."], labelling: Labelling, weights: Collection[str] | None = None
    ) -> Pass:
        """Go through with images in [0, 1], and back from their losses with the labels given to the outputs.

        ``weights`` are those whose calls are wanted, None for all.
        """
        with torch.enable_grad():
            outputs, recorder = self.forward(images)
            loss = functional.cross_entropy(outputs, labelling(outputs.detach()), reduction="sum")
            calls = [call for call in recorder.calls if weights is None or call.weight in weights]
            gradients = torch.autograd.grad(loss, [call.result for call in calls], materialize_grads=True)
        return Pass(outputs.detach(), calls, gradients)

    @torch.enable_grad()
    def forward(self, images: Float[Tensor, "image ..."]) -> tuple[Tensor | None, Recorder]:
        """The network's output for images in [0, 1], and what was done with its parameters on the way."""
        images = images.to(self.model.device, self.model.dtype).reshape(-1, *self.model.input_shape)
        recorder = Recorder(self.names)
        with self.model.lock:
            normalized = self.model.normalized(images)
            with recorder:
                return tensor_of(self.network(normalized)), recorder
