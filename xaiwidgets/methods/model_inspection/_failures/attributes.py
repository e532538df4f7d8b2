"""A table of named attributes of images and of the network's answers to them: the words that rules are made of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

PREDICTED, RUNNER_UP, NEAREST = "predicted", "runner-up", "nearest to"
KINDS = (PREDICTED, RUNNER_UP, NEAREST)
CONFIDENCE, MARGIN, DISTANCE = "confidence", "margin", "distance"
_WORK = 1 << 25  # differences that are taken at once: a step of some tens of milliseconds


@dataclass(frozen=True, eq=False)
class Attributes:
    """A row for each image: ``numbers`` under ``names``, and ``classes`` of three kinds.

    The kinds are the predicted class, the runner-up, and the class whose mean features are nearest. "confidence" is the
    largest probability and "margin" its lead over the second, both in [0, 1]; "distance" is that to the nearest class
    mean in units of the median over the images that the means are of. The others are those of `picture_numbers`.
    """

    names: tuple[str, ...]
    numbers: Float[Tensor, "image number"]
    classes: Int[Tensor, "image kind"]

    def __getitem__(self, rows: Tensor) -> "Attributes":
        """Some of the images."""
        return Attributes(self.names, self.numbers[rows], self.classes[rows])

    def __len__(self) -> int:
        """How many images."""
        return len(self.numbers)

    def column(self, name: str) -> Tensor:
        """One attribute of every image."""
        if name in KINDS:
            return self.classes[:, KINDS.index(name)]
        return self.numbers[:, self.names.index(name)]


@dataclass(frozen=True, eq=False)
class Means:
    """The mean features of each class, infinite for a class without images, and what distances are measured in."""

    values: Float[Tensor, "class feature"]
    typical: float

    @staticmethod
    def of(features: Float[Tensor, "image feature"], labels: Int[Tensor, "image"], classes: int) -> "Means":
        """Those of labelled images; a sum for each class, which is the same to the bit on every run of a GPU too."""
        values = torch.full((classes, features.shape[1]), torch.inf, dtype=torch.double, device=features.device)
        for label in labels.unique().tolist():
            values[label] = features[labels == label].double().mean(0)
        return Means(values, 1.0)

    def nearest(self, features: Float[Tensor, "image feature"]) -> Iterator["Near"]:
        """Yield the class whose mean is nearest to each image, and its distance, for one block of images at a time."""
        for block in features.split(max(1, _WORK // self.values.numel())):
            found = distances(block.double(), self.values).div(self.typical).min(1)
            yield Near(found.indices, found.values)


class Near(NamedTuple):
    """The class whose mean is nearest to each image, and the distance to it."""

    label: Int[Tensor, "image"]
    distance: Float[Tensor, "image"]

    @staticmethod
    def joined(parts: Iterable["Near"]) -> "Near":
        """Several blocks as one."""
        return Near(*map(torch.cat, zip(*parts, strict=True)))

    def scaled(self, unit: float) -> "Near":
        """In other units."""
        return Near(self.label, self.distance / unit)


def distances(points: Float[Tensor, "point feature"], centres: Float[Tensor, "centre feature"]) -> Tensor:
    """Euclidean distances (point, centre); exact rather than by the expansion of the square, which loses digits."""
    return torch.cdist(points, centres, compute_mode="donot_use_mm_for_euclid_dist")


class Top(NamedTuple):
    """The two largest probabilities of each image, and their classes."""

    values: Float[Tensor, "image 2"]
    classes: Int[Tensor, "image 2"]


def attributes_of(
    top: Top,
    near: Near,
    pictures: tuple[tuple[str, ...], Float[Tensor, "image number"]],
) -> Attributes:
    """The table of some images."""
    confidence, margin = top.values[:, 0], top.values[:, 0] - top.values[:, 1]
    names, seen = pictures
    return Attributes(
        (CONFIDENCE, MARGIN, DISTANCE, *names),
        torch.cat([torch.stack([confidence, margin, near.distance], 1), seen.to(confidence.device)], 1),
        torch.cat([top.classes, near.label[:, None]], 1),
    )
