"""A network whose units are planted colours, images of these colours, and the names of what an ablation counts."""

import torch
from torch import nn

from xaiwidgets.data import ConceptSet
from xaiwidgets.models import ImageModel

COUNTS = ("images", "right", "lost", "gained")


def colour_network():
    """A unit for each channel of the image, their means, and known weights: units 0 and 3 both speak for red."""
    detect, head = nn.Conv2d(4, 5, 1).double(), nn.Linear(5, 3).double()
    with torch.no_grad():
        detect.weight.zero_()
        detect.bias.zero_()
        for unit in range(4):
            detect.weight[unit, unit] = 1
        detect.bias[4] = -1  # dead behind the ReLU
        head.weight.copy_(10 * torch.tensor([[1.0, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]))
        head.bias.copy_(torch.tensor([0.0, 0.1, 0.2], dtype=torch.float64))
    network = nn.Sequential(detect, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    return ImageModel(network, (4, 6, 6), None, ["Red", "Green", "Blue"])


def colours():
    """Eight images of each colour; every fourth red one is bright in the fourth channel too; some have a spot."""
    label = torch.arange(24) % 3
    images = torch.zeros(24, 4, 6, 6)
    images[torch.arange(24), label] = 1
    images[0:24:12, 3] = 1  # images 0 and 12, which are red
    spot = torch.zeros(24, 6, 6, dtype=torch.int64)
    spot[::2, 2, 3] = 1
    masks = {"color": (label + 1)[:, None, None].expand(-1, 6, 6), "thing": spot}
    return ConceptSet.from_arrays(images, masks, {"color": ["red", "GREEN", "blue"], "thing": ["spot"]})
