"""What is found of each region as a run goes on, and the answer so far."""

from dataclasses import replace

import torch
from torch import Tensor

from xaiwidgets.methods.case._conformity.inputs import Inputs
from xaiwidgets.methods.case._conformity.maps import MEASURES, Maps
from xaiwidgets.methods.case._conformity.measure import Answers
from xaiwidgets.methods.case._conformity.regions import PATCHES, Level
from xaiwidgets.methods.case._conformity.result import ConformityMap


class Tables:
    """A row for each region of every level; `fill` writes rows, and `answer` hands out copies."""

    def __init__(self, blank: ConformityMap, levels: list[Level], whole: Answers) -> None:
        self._levels, device = levels, whole.shares.device
        self._predicted = int(whole.probabilities[0].argmax())
        count, shares = sum(len(level) for level in levels), whole.shares[0]
        self._shares = torch.full((count, len(shares)), torch.nan, dtype=torch.float64, device=device)
        self._probabilities = torch.full((count,), torch.nan, dtype=torch.float64, device=device)
        self._neighbors = torch.full((count, *whole.neighbors.shape[1:]), -1, device=device)
        self._maps = Maps(levels[0].shape, len(levels), device)
        self._starts = [sum(len(before) for before in levels[:place]) for place in range(len(levels))]
        numbers = [place for place, level in enumerate(levels) for _ in range(len(level))]
        self._blank = replace(
            blank,
            levels=torch.tensor(numbers, device=device),
            boxes=torch.cat([level.boxes for level in levels]).to(device),
            segments=_segments(levels, device),
            conformities=self._probabilities,
            probabilities=self._probabilities,
            label_shares=self._shares,
            neighbors=self._neighbors,
            whole_shares=shares,
            whole_neighbors=whole.neighbors[0],
            sizes=tuple(level.size for level in levels),
            predicted=self._predicted,
            conformity=float(shares[self._predicted]),
            probability=float(whole.probabilities[0, self._predicted]),
        )

    def fill(self, level: int, regions: list[int], found: Answers) -> None:
        """Write down what is found without some regions of a level."""
        at = [self._starts[level] + region for region in regions]
        self._shares[at], self._neighbors[at] = found.shares, found.neighbors
        self._probabilities[at] = found.probabilities[:, self._predicted]
        blank = self._blank
        for place, region in enumerate(regions):
            drop = (
                blank.conformity - found.shares[place, self._predicted],
                blank.probability - found.probabilities[place, self._predicted],
            )
            self._maps.add(level, self._levels[level].where(region), drop)

    def copied(self, level: int, region: int, source: tuple[int, int]) -> None:
        """The same of a region that was covered in an earlier level."""
        at = self._starts[source[0]] + source[1]
        one = torch.zeros((1, self._shares.shape[1]), dtype=torch.float64, device=self._shares.device)
        one[0, self._predicted] = self._probabilities[at]
        self.fill(level, [region], Answers(one, self._shares[[at]], self._neighbors[[at]]))

    def answer(self, stage: str) -> ConformityMap:
        """The answer so far."""
        importance, probability_importance = self._maps.values()
        return replace(
            self._blank,
            importance=importance,
            probability_importance=probability_importance,
            conformities=self._shares[:, self._predicted].clone(),
            probabilities=self._probabilities.clone(),
            label_shares=self._shares.clone(),
            neighbors=self._neighbors.clone(),
            stage=stage,
        )


def blank_answer(inputs: Inputs, metric: str, stage: str) -> ConformityMap:
    """An answer of which nothing is known."""
    device, shape = inputs.model.device, inputs.image.shape[1:]
    unknown, none = torch.full(shape, torch.nan, dtype=torch.float64, device=device), torch.zeros(0, device=device)
    numbers, places = none.double(), none.long()
    return ConformityMap(
        importance=unknown,
        probability_importance=unknown,
        levels=places,
        boxes=places.view(0, 4),
        conformities=numbers,
        probabilities=numbers,
        label_shares=numbers.view(0, 0),
        neighbors=places.view(0, 0, 0),
        segments=places.new_zeros((0, *shape)),
        whole_shares=numbers,
        whole_neighbors=places.view(0, 0),
        removed=numbers,
        ordered=numbers.view(MEASURES, 0),
        random=numbers.view(0, MEASURES, 0),
        sizes=(),
        layers=inputs.layers,
        metric=metric,
        rows=len(inputs.labels),
        stage=stage,
    )


def _segments(levels: list[Level], device: torch.device) -> Tensor:
    if levels[0].labels is None:
        return torch.zeros((0, *levels[0].shape), dtype=torch.long, device=device)
    return torch.stack([level.labels for level in levels]).to(device)


def size_words(regions: str, size: int) -> str:
    """A level in words."""
    return f"patches of {size} px" if regions == PATCHES else f"{size} super-pixels"
