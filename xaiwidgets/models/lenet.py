"""A small network for small images, trained on the Fashion-MNIST images that lie in the package."""

import json
from collections import OrderedDict
from importlib.resources import as_file, files

from torch import nn

CLASSES = 10
MEAN, STD = 0.2860, 0.3530  # of Fashion-MNIST's training images


class LeNet(nn.Sequential):
    """LeNet-5 (LeCun et al. 1998) with ReLUs and max pooling, for images of 1×28×28; 61,706 parameters."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, 6, 5, padding=2),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 16, 5),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(400, 120),
                relu3=nn.ReLU(),
                fc2=nn.Linear(120, 84),
                relu4=nn.ReLU(),
                fc3=nn.Linear(84, CLASSES),
            )
        )


def trained_lenet() -> tuple[LeNet, tuple[str, ...]]:
    """The network with the weights that ``python -m xaiwidgets.apps.train_lenet`` makes, and its classes' names."""
    from safetensors import safe_open

    network = LeNet()
    with as_file(files("xaiwidgets.models").joinpath("lenet.safetensors")) as path, safe_open(path, "pt") as weights:
        network.load_state_dict({name: weights.get_tensor(name) for name in weights.keys()})  # noqa: SIM118 - no mapping
        names = json.loads(weights.metadata()["class_names"])
    return network.eval(), tuple(names)
