"""Images whose class is decided by a small pattern at a random place, and a network that has learnt it."""

import torch
from torch import nn

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel

SIDE, PATTERN = 20, 4
PATTERNS = torch.tensor(
    [
        [[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]],
        [[1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0]],
        [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]],
    ]
).float()


def planted(count, seed):
    """Noise around grey with one pattern, or with none, which is the last class; and where the pattern's corner is.

    Without that class one of the others would be what the network answers where nothing is, and lose nothing.
    """
    draw = torch.Generator().manual_seed(seed)
    images = 0.5 + 0.15 * (torch.rand(count, 1, SIDE, SIDE, generator=draw) - 0.5)
    labels = torch.randint(len(PATTERNS) + 1, (count,), generator=draw)
    corners = torch.randint(SIDE - PATTERN + 1, (count, 2), generator=draw)
    for image, label, (top, left) in zip(images, labels, corners.tolist(), strict=True):
        if label < len(PATTERNS):
            image[0, top : top + PATTERN, left : left + PATTERN] = PATTERNS[label]
    return ImageSet(images, labels), corners


def trained(images):
    """A small network with one view of each place, trained until it knows the patterns."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, PATTERN), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, len(PATTERNS) + 1)
    )
    x, y = images.batch(range(len(images))), images.labels
    weights = list(network.parameters())
    speeds = [torch.zeros_like(weight) for weight in weights]
    for _ in range(40):  # plain momentum: torch.optim takes seconds to import
        gradients = torch.autograd.grad(nn.functional.cross_entropy(network(x), y), weights)
        for weight, speed, gradient in zip(weights, speeds, gradients, strict=True):
            weight.data -= 0.3 * speed.mul_(0.9).add_(gradient)
    return ImageModel(network.eval(), (1, SIDE, SIDE))
