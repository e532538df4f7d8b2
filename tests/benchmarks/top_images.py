"""What the search for top images costs, against the bare forward pass: ``python -m tests.benchmarks.top_images``.

10,000 CIFAR-10 test images (random ones where they are not at hand), in turns on the same batches. The bare pass is
the whole network on batches that lie ready as normalised floats; ours reads the bytes, stops at the layer and keeps
the nine best images of each of its units. Needs a quiet machine, as every ratio does.
"""

import platform
import statistics

import torch
from torch import nn

from tests.benchmarks.floor import seconds
from tests.benchmarks.table import Table, median_of_ratios
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, cifar10
from xaiwidgets.methods import TopImages
from xaiwidgets.methods.feature_analysis._scan import batch_of
from xaiwidgets.models import ImageModel

TURNS, COUNT = 5, 10_000


def lenet(first: int = 6, second: int = 16) -> nn.Module:
    """LeNet-5 for colour images of 32 pixels, or a wider one."""
    return nn.Sequential(
        nn.Conv2d(3, first, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(25 * second, 120),
        nn.ReLU(),
        nn.Linear(120, 10),
    )


def ten_thousand() -> ImageSet:
    """CIFAR-10's test images, or as many random ones."""
    try:
        return cifar10("test")
    except XaiwidgetsError:
        print("CIFAR-10 is not at hand: random images")
        return ImageSet(torch.randint(256, (COUNT, 3, 32, 32), dtype=torch.uint8))


def bare(model: ImageModel, batches: list[torch.Tensor]) -> None:
    """The network on every batch."""
    with torch.no_grad():
        for batch in batches:
            model.twin(batch)


def top(model: ImageModel, images: ImageSet, layer: str) -> None:
    """The best images of every unit."""
    for _ in TopImages(layer)(model, images):
        pass


def main() -> None:
    """Print the rates and their ratio for some networks and layers."""
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    images, table = ten_thousand(), Table()
    for name, network in (("LeNet-5", lenet()), ("LeNet-5, 32 and 64 channels", lenet(32, 64))):
        model = ImageModel(network, (3, 32, 32), ((0.5,) * 3, (0.25,) * 3), device="cpu")
        size = batch_of(model, 32, 32)
        starts = range(0, len(images), size)
        batches = [model.normalized(images.batch(slice(start, start + size))) for start in starts]
        for layer in ("0", "3", "4", "0, 3"):
            bare(model, batches), top(model, images, layer)
            turns = [
                (seconds(lambda: bare(model, batches)), seconds(lambda: top(model, images, layer)))  # noqa: B023
                for _ in range(TURNS)
            ]
            rate = len(images) / statistics.median(ours for _, ours in turns)
            table.row(f"{name}, layer {layer}", rate, "img/s")
            table.row("  share of the bare forward pass's rate", median_of_ratios(turns), "", ">= 0.8")


if __name__ == "__main__":
    main()
