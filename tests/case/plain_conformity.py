"""Importance by leaving out written plainly: cover, run the network, ask scikit-learn for the neighbours."""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from xaiwidgets.models import Probe


def mean_fill(image):
    return image.mean((1, 2), keepdim=True).expand_as(image)


def read(model, layer, images):
    """A layer's output, averaged over positions; of "head" what goes into the last linear layer of the test network."""
    with torch.no_grad():
        if layer == "head":
            return model.module[:-1](model.normalized(images)).numpy()
        return Probe(model, [layer]).arranged(images, layer).mean(-1).numpy()


def shares_of(model, layers, train, covered, k, metric, own=None):
    """Of each image the shares of the neighbours' labels, over all layers."""
    classes = model(covered).shape[1]
    shares = np.zeros((len(covered), classes))
    labels, keep = train.labels.numpy(), np.ones(len(train), bool)
    if own is not None:
        keep[own] = False
    for layer in layers:
        rows = read(model, layer, train.batch(range(len(train))).to(model.dtype)).astype(float)
        index = NearestNeighbors(n_neighbors=k, algorithm="brute", metric={"l2": "euclidean"}.get(metric, metric))
        index.fit(rows[keep])
        found = index.kneighbors(read(model, layer, covered).astype(float), return_distance=False)
        for image, places in enumerate(found):
            shares[image] += np.bincount(labels[keep][places], minlength=classes) / k
    return shares / len(layers)


def plain(model, train, image, *, layers=("head",), k, metric, sizes, own=None):
    """Maps of conformity and probability, and a drop of conformity for each box, level after level."""
    _, height, width = image.shape
    fill, maps, tables = mean_fill(image), [], []
    whole = model(image[None]).softmax(1)[0]
    c = int(whole.argmax())
    conformity = shares_of(model, layers, train, image[None], k, metric, own)[0, c]
    for size in sizes:
        stride = max(1, size // 2)
        tops, lefts = ([*range(0, side - size, stride), side - size] for side in (height, width))
        boxes = [(top, left) for top in tops for left in lefts]
        covered = image.repeat(len(boxes), 1, 1, 1)
        for place, (top, left) in enumerate(boxes):
            covered[place, :, top : top + size, left : left + size] = fill[:, top : top + size, left : left + size]
        drops = conformity - shares_of(model, layers, train, covered, k, metric, own)[:, c]
        lost = (whole[c] - model(covered).softmax(1)[:, c]).numpy()
        total, count = np.zeros((2, height, width)), np.zeros((height, width))
        for (top, left), drop, less in zip(boxes, drops, lost, strict=True):
            total[:, top : top + size, left : left + size] += np.array([drop, less])[:, None, None]
            count[top : top + size, left : left + size] += 1
        maps.append(total / count)
        tables.append((boxes, drops, lost))
    return np.mean(maps, axis=0), tables, conformity, c
