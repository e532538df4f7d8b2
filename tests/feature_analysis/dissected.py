"""Sets of concepts and a dissection counted by hand, in double precision, pixel by pixel."""

import numpy as np
import torch
from torch import nn

from xaiwidgets.data import ConceptSet
from xaiwidgets.models import ImageModel

NAMES = {"color": ["red", "green", "blue"], "shape": ["disc", "bar"]}


def some_concepts(count=40, size=(24, 20), labels=(12, 10), seed=0):
    """Random images and masks; every third image has no label of shapes, so that the denominators differ."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 3, *size, generator=generator)
    masks = {
        name: torch.randint(0, len(known) + 1, (count, *labels), generator=generator) for name, known in NAMES.items()
    }
    masks["shape"][::3] = 0
    return ConceptSet.from_arrays(images, masks, NAMES)


def convolution(units=5, seed=0, **options):
    """One convolution and a ReLU."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, units, 3, **{"stride": 2, "padding": 1} | options), nn.ReLU())
    return ImageModel(network, (3, 24, 20))


def activations(model, concepts):
    """(image, unit, row, column), in double precision."""
    network = nn.Sequential(*model.module).double()
    with torch.no_grad():
        found = network(concepts.batch(slice(None)).images.double()).numpy()
    network.float()
    return found


def upsampled(maps, shape, rows, columns):
    """Bilinear interpolation of (row, column) maps whose positions stand at ``rows`` and ``columns``, in [0, 1]."""
    at = [(np.arange(n) + 0.5) / n for n in shape]
    down = np.apply_along_axis(lambda line: np.interp(at[0], rows, line), 2, maps)
    return np.apply_along_axis(lambda line: np.interp(at[1], columns, line), 3, down)


def dissected(up, thresholds, concepts, denominator):
    """|M ∩ L|, |M|, |L| and IoU, from the definition."""
    batch = concepts.batch(slice(None))
    category = [concepts.categories.index(name) for _, name in concepts.concepts]
    masks = up > np.asarray(thresholds, float)[None, :, None, None]
    labels = np.stack([(batch.layers == i + 1).any(1).numpy() for i in range(len(category))], 1)
    labels |= batch.whole.numpy()[:, :, None, None]
    both = np.array(
        [[(masks[:, u] & labels[:, c]).sum() for c in range(labels.shape[1])] for u in range(masks.shape[1])]
    )
    size = np.zeros_like(both)
    for c, which in enumerate(category):
        of_category = labels[:, [i for i, other in enumerate(category) if other == which]].any(1)
        for u in range(masks.shape[1]):
            here = {
                "original": of_category.any((1, 2)),
                "lite": (masks[:, u] & of_category).any((1, 2)),
                "all": np.ones(len(masks), bool),
            }[denominator]
            size[u, c] = masks[here, u].sum()
    area = labels.sum((0, 2, 3))
    union = size + area - both
    return both, size, area, both / np.maximum(union, 1)


def steps_of(method, *arguments, **named):
    """All steps of a run."""
    return list(method(*arguments, **named))


def same(one, other):
    """Whether two dissections counted the same, to the bit."""
    return (
        torch.equal(one.threshold, other.threshold)
        and torch.equal(one.iou, other.iou)
        and torch.equal(one.counts.intersection, other.counts.intersection)
        and torch.equal(one.counts.touching, other.counts.touching)
        and torch.equal(one.top.ids, other.top.ids)
        and torch.equal(one.interval.nan_to_num(), other.interval.nan_to_num())
    )
