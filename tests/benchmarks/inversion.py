"""What inversion reaches, layer by layer, and what a step costs: ``python -m tests.benchmarks.inversion``.

The table is that of 8 photographs of 224 pixels on EfficientNet-Lite0 with the default settings but one start, which
takes half an hour on two cores. The speed needs a quiet machine: the ratio compares alternating turns.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from contextlib import suppress

import torch
from scipy.stats import spearmanr

from tests.benchmarks.floor import seconds
from tests.benchmarks.table import Table, median_of_ratios
from xaiwidgets.core import last
from xaiwidgets.data import photographs
from xaiwidgets.methods import Inversion
from xaiwidgets.methods.feature_analysis._sweep import layers_by_depth
from xaiwidgets.models import ImageModel, load_model

LAYER, COUNT, TURNS = "_blocks.8", 8, 24


class _Reached(Exception):  # noqa: N818 - no error
    """Ends the forward pass at the layer."""


def bare(model: ImageModel, parts: int) -> Callable[[], None]:
    """Forward and backward to the layer, in the model's own memory layout, of the network as its author wrote it.

    The loss is the distance of the features; no prior, no image to build, no step, and nothing folded.
    """
    reached: list[torch.Tensor] = []

    def hook(_module: object, _inputs: object, output: torch.Tensor) -> None:
        reached.append(output)
        raise _Reached

    twin = model.twin
    images = model.normalized(photographs()[:COUNT]).contiguous(memory_format=torch.channels_last)
    wanted = torch.zeros(())

    def once() -> None:
        handle = twin.get_submodule(LAYER).register_forward_hook(hook)
        for part in images.chunk(parts):
            part.requires_grad_()
            with suppress(_Reached):
                twin(part)
            torch.autograd.grad((reached.pop() - wanted).square().sum(), part)
        handle.remove()

    return once


def whole_steps(model: ImageModel) -> Iterator[None]:
    """Our loop, one yield for each whole step."""
    for step in Inversion(LAYER, starts=1, steps=4096)(model, photographs()[:COUNT]):
        if step.done and step.done == int(step.done):
            yield


def speed(table: Table, model: ImageModel) -> None:
    """Print the floor, our loop, and their ratio."""
    loop, whole, halves = whole_steps(model), bare(model, 1), bare(model, 2)
    for _ in range(6):
        next(loop), whole(), halves()
    turns = [(seconds(lambda: next(loop)), seconds(whole), seconds(halves)) for _ in range(TURNS)]
    ours, floor, cut = (1000 * statistics.median(column) for column in zip(*turns, strict=True))
    table.row("floor: forward + backward, 8 images of 224 px", floor, "ms")
    table.row("the same in two micro-batches of 4", cut, "ms")
    table.row("inversion, a step of 8 images of 224 px", ours, "ms")
    table.row("share of the floor's speed", median_of_ratios([(f, o) for o, f, _ in turns]), "", ">= 0.85")
    table.row("the same against the faster of both floors", median_of_ratios([(min(f, c), o) for o, f, c in turns]), "")


def errors(model: ImageModel, layers: int, count: int, steps: int) -> None:
    """Print the three errors of features and that of images for layers by depth, and how the last follows depth."""
    names, given, by_depth = layers_by_depth(model, layers), photographs()[:count], []
    print(f"{'layer':14} {'(a)':>7} {'largest':>8} {'wanted':>7} {'(b)':>7} {'(c)':>7} {'image':>7}")
    for place, layer in enumerate(names):
        value = last(Inversion(layer, starts=1, steps=steps)(model, given))
        a, b, c, image = (
            float(error.mean())
            for error in (
                value.feature_error,
                value.feature_error_pairs,
                value.feature_distance_pairs,
                value.image_error,
            )
        )
        wanted, worst = (0.05 if place < len(names) / 3 else 0.1), float(value.feature_error.max())
        print(f"{layer:14} {a:7.4f} {worst:8.4f} <= {wanted:4} {b:7.4f} {c:7.4f} {image:7.4f}", flush=True)
        by_depth.append(image)
    rank = spearmanr(range(len(names)), by_depth).statistic
    print(f"image error follows depth: Spearman {rank:.3f}, wanted >= 0.9")


def main() -> None:
    """Print the speed, then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--images", type=int, default=COUNT)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--no-errors", action="store_true")
    chosen = parser.parse_args()
    model = load_model("efficientnet_lite0", device="cpu")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    if not chosen.no_speed:
        speed(Table(), model)
    if not chosen.no_errors:
        errors(model, chosen.layers, chosen.images, chosen.steps)


if __name__ == "__main__":
    main()
