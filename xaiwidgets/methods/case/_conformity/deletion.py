"""Covering ever more of the image: the most important regions first, beside random orders."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.case._conformity.maps import MEASURES
from xaiwidgets.methods.case._conformity.measure import Answers
from xaiwidgets.methods.case._conformity.ranks import order_of
from xaiwidgets.methods.case._conformity.regions import Level, tiles
from xaiwidgets.methods.case._conformity.result import ConformityMap

_POINTS = 20  # shares of the image at which the curves are looked at, besides 0


class Deletion:
    """The masks of every point of every order, and the curves as they get known."""

    def __init__(self, answer: ConformityMap, finest: Level, draws: int, seed: int) -> None:
        parts = finest if finest.labels is not None else tiles(finest.size, finest.shape)
        labels = parts.labels if parts.labels is not None else _labels_of(parts)
        order = order_of(_means(answer.importance.cpu(), labels))
        draw = torch.Generator().manual_seed(seed)
        orders = [order, *(torch.randperm(len(order), generator=draw) for _ in range(draws))]
        points = min(_POINTS, len(order))
        counts = [round(len(order) * point / points) for point in range(points + 1)]
        sizes = torch.bincount(labels.flatten(), minlength=len(order)).double()
        self._ranks, self._labels, self._counts = [each.argsort() for each in orders], labels, counts
        # Parts at the edge are smaller: the share is that of the order of importance, random ones have it on the mean.
        self._removed = torch.stack([sizes[order[:count]].sum() / labels.numel() for count in counts])
        self._curves = torch.full((len(orders), MEASURES, points + 1), torch.nan, dtype=torch.float64)
        self._curves[:, 0, 0], self._curves[:, 1, 0] = answer.conformity, answer.probability
        self._answer, self._known = answer, answer

    def __len__(self) -> int:
        """How many covered images there are: nothing covered is known, and all covered is the same in every order."""
        return len(self._curves) * (len(self._counts) - 2) + 1

    def masks(self, images: slice) -> Bool[Tensor, "image height width"]:
        """Some of the covered images, the order of importance first."""
        places = [self._place(image) for image in range(*images.indices(len(self)))]
        return torch.stack([self._ranks[order][self._labels] < self._counts[point] for order, point in places])

    def fill(self, start: int, found: Answers) -> ConformityMap:
        """Take over what is found of the images from ``start`` on; the answer with the curves so far."""
        predicted = self._answer.predicted
        both = torch.stack([found.shares[:, predicted], found.probabilities[:, predicted]], 1).cpu()
        for image, numbers in enumerate(both, start):
            order, point = self._place(image)
            if point == len(self._counts) - 1:
                self._curves[:, :, point] = numbers
            else:
                self._curves[order, :, point] = numbers
        curves, device = self._curves.clone(), self._answer.importance.device
        self._known = replace(
            self._answer, removed=self._removed.to(device), ordered=curves[0].to(device), random=curves[1:].to(device)
        )
        return self._known

    def _place(self, image: int) -> tuple[int, int]:
        """Order and point of an image; the last is that of the whole image covered."""
        inner = len(self._counts) - 2
        if image == len(self) - 1:
            return 0, len(self._counts) - 1
        return image // inner, 1 + image % inner


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size``."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _labels_of(parts: Level) -> Int[Tensor, "height width"]:
    labels = torch.zeros(parts.shape, dtype=torch.long)
    for part, (top, left, bottom, right) in enumerate(parts.boxes.tolist()):
        labels[top:bottom, left:right] = part
    return labels


def _means(numbers: Float[Tensor, "height width"], labels: Int[Tensor, "height width"]) -> Float[Tensor, "part"]:
    sums = torch.zeros(int(labels.max()) + 1, dtype=torch.float64).index_add_(0, labels.flatten(), numbers.flatten())
    return sums / torch.bincount(labels.flatten())
