"""The loop against the bare forward and backward pass, in turns."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

import torch

from tests.benchmarks.table import Table, median_of_ratios
from xaiwidgets.methods import ActivationMaximization
from xaiwidgets.models import ImageModel, load_model

LAYER, UNITS, TURNS = "_blocks.8", (1, 5, 9, 20, 33, 47, 3, 41), 24


class _Reached(Exception):  # noqa: N818 - no error
    """Ends the forward pass at the layer."""


def bare(model: ImageModel, parts: int) -> Callable[[], None]:
    """Forward and backward to the layer, in the model's own memory layout, of the network as its author wrote it.

    No transforms, no image to build, no step, and nothing folded.
    """
    reached: list[torch.Tensor] = []

    def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
        reached.append(output)
        raise _Reached

    twin = model.twin
    index = torch.tensor(UNITS)
    images = model.normalized(torch.rand(len(UNITS), 3, 224, 224)).contiguous(memory_format=torch.channels_last)
    size = len(UNITS) // parts

    def once() -> None:
        handle = twin.get_submodule(LAYER).register_forward_hook(hook)
        for start in range(0, len(UNITS), size):
            part = images[start : start + size].requires_grad_()
            with contextlib.suppress(_Reached):
                twin(part)
            objective = reached.pop()[torch.arange(size), index[start : start + size]].mean((1, 2)).sum()
            torch.autograd.grad(objective, part)
        handle.remove()

    return once


def whole_steps(model: ImageModel, steps: int = 4096) -> Iterator[None]:
    """Our loop, one yield for each whole step."""
    for step in ActivationMaximization(layer=LAYER, units=UNITS, steps=steps)(model):
        if step.done == int(step.done):
            yield


def seconds(function: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def measure(table: Table) -> None:
    """Print the floor, our loop, and their ratio."""
    model = load_model("efficientnet_lite0", device="cpu")
    loop, whole, halves = whole_steps(model), bare(model, 1), bare(model, 2)
    for _ in range(6):
        next(loop), whole(), halves()
    turns = [(seconds(lambda: next(loop)), seconds(whole), seconds(halves)) for _ in range(TURNS)]
    ours, floor, cut = (statistics.median(column) for column in zip(*turns, strict=True))
    table.row("floor: forward + backward, 8 images of 224 px", 1000 * floor, "ms")
    table.row("the same in two micro-batches of 4", 1000 * cut, "ms")
    table.row("headless loop, a step of 8 units of 224 px", 1000 * ours, "ms")
    table.row(
        "headless loop: share of the floor's speed", median_of_ratios([(f, o) for o, f, _ in turns]), "", ">= 0.88"
    )
    table.row(
        "the same against the faster of both floors", median_of_ratios([(min(f, c), o) for o, f, c in turns]), "", ""
    )
