"""Networks and images with answers that are sure and wrong, planted."""

import torch
from torch import Tensor, nn

from xaiwidgets.data import ImageSet, fashion_mnist_small
from xaiwidgets.models import ImageModel, load_model

COAT, BAG = 4, 8


class Bright(nn.Module):
    """Three classes by the brightness of three pixels: the logits are those pixels, sharpened."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.head = nn.Linear(16, classes)
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.zero_()
            self.head.weight[range(classes), range(classes)] = 8.0

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))


def bright(classes: int = 3) -> ImageModel:
    return ImageModel(Bright(classes), (1, 4, 4))


def spots(count: int = 60, wrong: int = 12, seed: int = 0) -> ImageSet:
    """Images of three classes; the last ``wrong`` have a mark in a corner and a label that is never answered."""
    draw = torch.Generator().manual_seed(seed)
    images = 0.2 * torch.rand(count, 16, generator=draw)
    labels = torch.arange(count) % 3
    images[range(count), labels] = 0.6 + 0.4 * torch.rand(count, generator=draw)
    if wrong:
        images[-wrong:, 15] = 1.0
        labels[-wrong:] = (labels[-wrong:] + 1) % 3
    return ImageSet(images.reshape(-1, 1, 4, 4), labels)


def lying_coats(count: int = 40) -> ImageSet:
    """The test images that the packaged network answers rightly, and coats that lie on their side: "Bag", it says."""
    images = fashion_mnist_small("test")
    pictures, labels = images.batch(slice(None)), images.labels
    right = load_model("lenet")(pictures).argmax(1).cpu() == labels
    coats = (labels == COAT).nonzero().flatten()[:count]
    right[coats] = False
    turned = pictures[coats].rot90(1, (2, 3))
    return ImageSet(torch.cat([pictures[right], turned]), torch.cat([labels[right], labels[coats]]), images.class_names)
