"""Images whose class is a small pattern at a random place, and networks for them."""

import torch
from torch import nn

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel

SIDE, PATTERN = 16, 2
PATTERNS = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 1], [0, 0]]]).float()  # one pixel alone tells nothing


def planted(count, seed, classes=3):
    """Noise with one of a few patterns of 2×2 pixels in each image, and the places of the patterns."""
    draw = torch.Generator().manual_seed(seed)
    images, labels = 0.2 * torch.rand(count, 1, SIDE, SIDE, generator=draw), torch.arange(count) % classes
    places = torch.randint(0, SIDE - PATTERN + 1, (count, 2), generator=draw)
    for image, label, (y, x) in zip(images, labels, places.tolist(), strict=True):
        image[0, y : y + PATTERN, x : x + PATTERN] = PATTERNS[label]
    return ImageSet(images, labels), places


def network(channels=24, classes=3, side=SIDE, dtype=torch.float32):
    """Random weights: the frozen layer '2' is a map of half the size."""
    torch.manual_seed(0)
    half = (side + 1) // 2
    layers = [nn.Conv2d(1, channels, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1), nn.Flatten()]
    module = nn.Sequential(*layers, nn.Linear(channels * half * half, classes))
    return ImageModel(module.to(dtype), (1, side, side))


def covered(boxes, places):
    """Whether each box holds the whole pattern."""
    top, left, bottom, right = boxes.unbind(-1)
    y, x = places.unbind(-1)
    return (top <= y) & (left <= x) & (bottom >= y + PATTERN) & (right >= x + PATTERN)
