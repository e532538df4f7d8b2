"""A network that fails where it is known, and images on which it does."""

import torch
from torch import nn

from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel

NAMES = ("apple", "bread", "cheese")
DARK = 0.3


class FailsInTheDark(nn.Module):
    """Sees which third of the image is textured, but takes an apple below a brightness of 0.3 for bread."""

    def __init__(self, dark: float = DARK) -> None:
        super().__init__()
        self.dark = dark
        self.head = nn.Linear(3, 3)
        with torch.no_grad():
            self.head.weight.copy_(3 * torch.eye(3))
            self.head.bias.zero_()

    def forward(self, x):
        texture = torch.stack([part.flatten(1).std(1) for part in x.chunk(3, dim=3)], 1)
        seen = nn.functional.one_hot(texture.argmax(1), 3)
        fooled = (seen[:, 0] == 1) & (x.flatten(1).mean(1) < self.dark)
        seen = torch.where(fooled[:, None], torch.tensor([0, 1, 0]), seen)
        return self.head(seen * (1 + texture.amax(1, keepdim=True)))


def planted_model(**options):
    return ImageModel(FailsInTheDark(**options), (1, 6, 9), None, NAMES)


def planted_images(count, seed):
    """Apples and cheese in the dark and in the light; bread in the light only, so that dark "bread" is an apple."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    level = torch.rand(count, generator=draw) * 0.8 + 0.1
    level = level.where(labels != 1, 0.45 + level / 2)
    strength = torch.rand(count, generator=draw) * 0.08 + 0.02  # of the texture: contrast says nothing of brightness
    board = torch.arange(6)[:, None] + torch.arange(9)
    sign = torch.where(board % 2 == 0, 1.0, -1.0)
    third = (torch.arange(9) // 3)[None, None] == labels[:, None, None]
    images = level[:, None, None] + strength[:, None, None] * sign * third
    return ImageSet(images[:, None], labels, NAMES)
