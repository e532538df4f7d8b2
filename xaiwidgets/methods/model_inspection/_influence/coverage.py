"""Which parameters of a network the curvature can be told of, and why not of the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._influence.calls import Call, Recorder
from xaiwidgets.methods.model_inspection._influence.layer_gradients import Block, LayerGradients, Pass
from xaiwidgets.models import ImageModel
from xaiwidgets.models.layers import SURVEY_BATCH

_SAME = 1e-3  # of the largest number: rounding stays a hundred times below


@dataclass(frozen=True)
class Coverage:
    """The weights, with their biases, that are used by linear layers and convolutions alone; and the other parameters.

    ``uncovered`` are names with a reason: the module's type, and for a layer of a kind that is known what else is done
    with the parameter.
    """

    blocks: tuple[Block, ...]
    uncovered: tuple[str, ...]
    classes: int

    @classmethod
    def of(cls, gradients: LayerGradients) -> Self:
        """What a few images of noise show.

        Raises `XaiwidgetsError` for a network that gives no logits for several classes, and where nothing is covered.
        """
        model, network = gradients.model, gradients.network
        noise = torch.rand((SURVEY_BATCH, *model.input_shape), generator=torch.Generator().manual_seed(0))
        output, recorder = gradients.forward(noise)
        classes = _classes_of(model, output)
        reasons = dict(_other_uses(recorder, gradients.names.values()))
        blocks = [block for block in _candidates(recorder.calls, reasons) if block.weight not in reasons]
        mixed = _mixed(gradients, noise, blocks, recorder.calls)
        reasons |= {name: "images cannot be told apart" for block in mixed for name in block.names}
        blocks = [block for block in blocks if block not in mixed]
        uncovered = tuple(_words(network, name, reasons[name]) for name in gradients.names.values() if name in reasons)
        if not blocks:
            raise XaiwidgetsError(
                f"{model.name} has no linear layer or convolution whose gradients can be read "
                f"({', '.join(uncovered) or 'it has no parameters'}); choose another solver, which explains a head."
            )
        seen = gradients(noise, _some_classes, {block.weight for block in blocks})
        return cls(tuple(_sized(block, seen) for block in blocks), uncovered, classes)

    @property
    def covered(self) -> tuple[str, ...]:
        """The names of the parameters that are covered."""
        return tuple(name for block in self.blocks for name in block.names)


def _classes_of(model: ImageModel, output: Tensor | None) -> int:
    if output is None or output.dim() != 2 or len(output) != SURVEY_BATCH or output.shape[1] < 2:  # noqa: PLR2004 - rows of several
        shape = "no tensor" if output is None else f"an output of shape {tuple(output.shape)} for {SURVEY_BATCH} images"
        raise XaiwidgetsError(
            f"{model.name} gives {shape}; influence is on the loss of a class, so give a network with one number for "
            "each of two classes or more."
        )
    if bool((output >= 0).all()) and bool(((output.sum(1) - 1).abs() < _SAME).all()):
        raise XaiwidgetsError(
            f"{model.name} gives probabilities, but the loss is the cross-entropy of logits; give the network without "
            "its last softmax."
        )
    return output.shape[1]


def _other_uses(recorder: Recorder, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Parameters that take no part in a linear layer or convolution, or in something else as well."""
    used = {name for call in recorder.calls for name in (call.weight, call.bias)}
    for name in names:
        if name in recorder.others:
            yield name, f"used by {', '.join(sorted(recorder.others[name]))}"
        elif name not in used:
            yield name, "not used"


def _candidates(calls: list[Call], reasons: dict[str, str]) -> Iterator[Block]:
    """Each weight once; those that go with several biases are told among the reasons, and biases that are shared."""
    pairs = dict.fromkeys((call.weight, call.bias) for call in calls)
    for weight, bias in pairs:
        if sum(other == weight for other, _ in pairs) > 1:
            reasons |= {name: "used with several biases" for name in (weight, bias) if name}
    for weight, bias in pairs:
        if bias and sum(other == bias for _, other in pairs) > 1:
            reasons.setdefault(bias, "shared by several weights")
        if weight in reasons and bias:
            reasons.setdefault(bias, reasons[weight])
        yield Block(weight, None if bias in reasons else bias)


def _mixed(gradients: LayerGradients, noise: Tensor, blocks: list[Block], calls: list[Call]) -> list[Block]:
    """Those whose inputs or outputs for the first image are not the same with others beside it."""
    uneven = {call.weight for call in calls if not call.keeps_apart(len(noise))}
    even = [block for block in blocks if block.weight not in uneven]
    if not even:
        return blocks
    weights = {block.weight for block in even}
    together, alone = (gradients(images, _some_classes, weights) for images in (noise, noise[:1]))
    return [block for block in blocks if block.weight in uneven or not _same_factors(block, together, alone)]


def _same_factors(block: Block, together: Pass, alone: Pass) -> bool:
    pairs = zip(together.factors(block), alone.factors(block), strict=True)
    return all(
        one.shape[1:] == other.shape[1:] and bool((one[:1] - other).abs().max() <= _SAME * other.abs().max())
        for one, other in pairs
    )


def _sized(block: Block, seen: Pass) -> Block:
    inputs, outputs = seen.factors(block)
    _, groups, positions, width = inputs.shape
    return block._replace(groups=groups, positions=positions, inputs=width, outputs=outputs.shape[-1])


def _some_classes(outputs: Tensor) -> Tensor:
    """Another one for each image, so that gradients differ much."""
    return torch.arange(len(outputs), device=outputs.device) % outputs.shape[1]


def _words(network: nn.Module, name: str, reason: str) -> str:
    owner = network.get_submodule(name.rpartition(".")[0])
    layer = isinstance(owner, nn.Linear | nn.Conv2d)
    return f"{name} ({type(owner).__name__}{f', {reason}' if layer else ''})"
