"""Trains the LeNet that lies in the package, on the Fashion-MNIST images that lie in the package.

    python -m xaiwidgets.apps.train_lenet [FILE]

It prints the accuracy on the packaged test images and writes the weights to FILE, in safetensors. It works in double
precision, so that another machine's order of summation changes nothing that single precision, in which the weights are
stored, could show.
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from xaiwidgets.data import ImageSet, fashion_mnist_small
from xaiwidgets.models.lenet import MEAN, STD, LeNet

EPOCHS, BATCH, RATE, DECAY, SEED = 12, 50, 2e-3, 1e-3, 0


def train(images: ImageSet, epochs: int = EPOCHS) -> LeNet:
    """A LeNet trained on labelled images of 1×28×28, in double precision."""
    generator = torch.Generator().manual_seed(SEED)
    network = _drawn(LeNet().double(), generator)
    pixels, labels = (images.batch(slice(None)).double() - MEAN) / STD, images.labels
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            seen = _flipped(pixels[rows], generator)
            loss = nn.functional.cross_entropy(network(seen), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.float().eval()


@torch.no_grad()
def accuracy(network: nn.Module, images: ImageSet) -> float:
    """The share of images whose class is the network's first."""
    seen = (images.batch(slice(None)) - MEAN) / STD
    return (network(seen).argmax(1) == images.labels).double().mean().item()


def _drawn(network: LeNet, generator: torch.Generator) -> LeNet:
    """He et al. 2015's normal weights and no biases, from our own source of random numbers."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.zero_()
            else:
                deviation = math.sqrt(2 / parameter[0].numel())
                parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return network


def _flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the images from left to right."""
    flip = torch.rand(len(images), generator=generator) < 0.5  # noqa: PLR2004
    return torch.where(flip[:, None, None, None], images.flip(3), images)


def main(arguments: list[str]) -> None:
    """Train, tell the accuracy, and write the weights where a file was named."""
    images = fashion_mnist_small("train")
    network = train(images)
    print(f"accuracy on the packaged test images: {accuracy(network, fashion_mnist_small('test')):.3f}")
    if arguments:
        save_file(network.state_dict(), Path(arguments[0]), {"class_names": json.dumps(images.class_names)})


if __name__ == "__main__":
    main(sys.argv[1:])
