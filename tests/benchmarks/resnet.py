"""A network of the size of ResNet-18 (He et al. 2016), with random weights: only its speed counts."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inside, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways."""
        inner = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(inner + self.shortcut(x))


def resnet18() -> nn.Module:
    """Stem, four stages of two blocks, and a head of 1,000 classes."""
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    stages, inside = [], 64
    for place, width in enumerate((64, 128, 256, 512)):
        stages.append(nn.Sequential(Block(inside, width, 1 if place == 0 else 2), Block(width, width, 1)))
        inside = width
    parts = {"stem": stem, **{f"layer{i + 1}": stage for i, stage in enumerate(stages)}}
    parts |= {"pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "fc": nn.Linear(512, 1000)}
    network = nn.Sequential()
    for name, part in parts.items():
        network.add_module(name, part)
    return network.eval()
