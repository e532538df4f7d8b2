"""Scikit-learn's handwritten digits, and a small convolutional network trained on some of them."""

import functools

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel

LAYERS = ("1", "3", "5", "7")
TRAINED, CALIBRATED = 1000, 400


@functools.cache
def digits() -> tuple[ImageSet, ImageSet, ImageSet]:
    """Digits to train on, to calibrate with and to ask about, in an order that a seed draws."""
    known = load_digits()
    order = torch.randperm(len(known.target), generator=torch.Generator().manual_seed(0))
    images = ImageSet(torch.tensor(known.images, dtype=torch.float32)[order, None] / 16, known.target[order])
    return images[:TRAINED], images[TRAINED : TRAINED + CALIBRATED], images[TRAINED + CALIBRATED :]


@functools.cache
def trained() -> ImageModel:
    """A network that answers 98 % of the unseen digits rightly."""
    images = digits()[0]
    pixels = images.batch(slice(None))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 10)),
        )
        optimizer = torch.optim.Adam(network.parameters(), 2e-3)
        for _ in range(10):
            for rows in torch.randperm(TRAINED).split(50):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(pixels[rows]), images.labels[rows]).backward()
                optimizer.step()
    return ImageModel(network.eval(), (1, 8, 8), device="cpu")


def shifted(pixels: Tensor) -> dict[str, Tensor]:
    """What no training image looks like: turned, inverted, noisy, and with its pixels in another order."""
    draw = torch.Generator().manual_seed(0)
    order = torch.randperm(pixels[0].numel(), generator=draw)
    return {
        "rotated": pixels.rot90(1, (2, 3)),
        "inverted": 1 - pixels,
        "noisy": (pixels + 0.5 * torch.randn(pixels.shape, generator=draw)).clamp(0, 1),
        "shuffled": pixels.flatten(1)[:, order].view_as(pixels),
    }
