"""Small networks that are really trained from scratch, on all images and on random halves of them."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn
from torch.nn import functional

import xaiwidgets as xw
from xaiwidgets.data import ImageSet
from xaiwidgets.models import ImageModel

SIDE, STEPS, RATE, WEIGHT_DECAY = 14, 150, 0.05, 1e-3
_CLASSES = [0, 2, 3, 4, 6]  # the upper garments, which are hard to tell apart, so that training images matter


class Retrained(NamedTuple):
    """A network for each seed, trained on all images, and losses of test images (subset, test), averaged over seeds."""

    train: ImageSet
    test: ImageSet
    models: list[ImageModel]
    left_out: Tensor
    losses: Tensor

    def datamodeling_score(self, effect: Tensor) -> float:
        """Spearman's ρ between summed effects and real losses over the subsets, the mean of the test images."""
        predicted = self.left_out.to(effect.dtype) @ effect.T
        pairs = zip(predicted.T, self.losses.T, strict=True)
        return float(np.mean([scipy.stats.spearmanr(one, other).statistic for one, other in pairs]))


def convnet(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2),
        nn.Tanh(),
        nn.Conv2d(6, 12, 3, stride=2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(48, len(_CLASSES)),
    )


@contextmanager
def one_thread():
    """Networks this small wait for the second thread longer than it helps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def retrained(images: int, tests: int, subsets: int, seeds: int, *, draw: int = 0) -> Retrained:
    """Train on all images and on random halves; every subset from the initial weights of every seed."""
    train, test = (_drawn(name, count, draw) for name, count in (("train", images), ("test", tests)))
    x, x_test = train.batch(slice(None)), test.batch(slice(None))
    mean, std = float(x.mean()), float(x.std())
    x, x_test = ((pixels - mean) / std for pixels in (x, x_test))
    draws = torch.Generator().manual_seed(100 + draw)
    halves = [torch.randperm(images, generator=draws)[: images // 2] for _ in range(subsets)]
    left_out, losses = torch.ones(subsets, images), torch.zeros(subsets, tests)
    with one_thread():
        full = [_trained(seed, x, train.labels) for seed in range(seeds)]
        for place, half in enumerate(halves):
            left_out[place, half] = 0
            for seed in range(seeds):
                network = _trained(seed, x[half], train.labels[half])
                with torch.no_grad():
                    losses[place] += functional.cross_entropy(network(x_test), test.labels, reduction="none") / seeds
    models = [ImageModel(network, (1, SIDE, SIDE), ((mean,), (std,)), device="cpu") for network in full]
    return Retrained(train, test, models, left_out, losses)


def _drawn(name: str, count: int, draw: int) -> ImageSet:
    images = xw.data.fashion_mnist_small(name)
    of_classes = torch.cat([(images.labels == label).nonzero().flatten() for label in _CLASSES])
    places = of_classes[torch.randperm(len(of_classes), generator=torch.Generator().manual_seed(draw))[:count]]
    labels = [_CLASSES.index(int(label)) for label in images.labels[places]]
    return ImageSet(functional.avg_pool2d(images.batch(places), 2), labels)


def _trained(seed: int, x: Tensor, y: Tensor) -> nn.Module:
    """Full batches, so that nothing but the images and the seed makes a difference; the rate falls at the end."""
    network = convnet(seed)
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=0.9, weight_decay=WEIGHT_DECAY, foreach=True)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (STEPS - step) / (0.3 * STEPS))
        optimizer.zero_grad()
        functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network
