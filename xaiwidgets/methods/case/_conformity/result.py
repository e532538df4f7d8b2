"""How much each region of an image supports its prediction, and what is checked beside it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.case._conformity.maps import Maps
from xaiwidgets.methods.case._conformity.ranks import rank_correlation


@dataclass(frozen=True, eq=False)
class ConformityMap:
    """What the conformity of one prediction, and its softmax probability, lose when regions of the image are covered.

    ``importance`` and ``probability_importance`` are maps over the image, in [−1, 1]: how much lower the number is
    without a region that holds the pixel, the mean over the regions of each level, then over the levels. Positive:
    what is there supports the prediction; negative: it speaks against it. NaN where no region was covered yet.

    ``conformity`` and ``probability`` are the whole image's, of the class ``predicted``. Each row of ``levels``,
    ``boxes`` (top, left, bottom, right; of a super-pixel the box around it), ``conformities``, ``probabilities``,
    ``label_shares`` and ``neighbors`` is a region and what is found without it; regions of equal ``levels`` have about
    the same size, the coarsest first. ``segments`` holds for each level the region of each pixel, counted within the
    level; it is empty where regions are patches. ``whole_shares`` and ``whole_neighbors`` are the whole image's.

    ``ordered`` and ``random`` are conformity (measure 0) and probability (measure 1) after the share ``removed`` of the
    image is covered: disjoint regions in the order of ``importance``, and in random orders.
    """

    importance: Float[Tensor, "height width"]
    probability_importance: Float[Tensor, "height width"]
    levels: Int[Tensor, "region"]
    boxes: Int[Tensor, "region 4"]
    conformities: Float[Tensor, "region"]
    probabilities: Float[Tensor, "region"]
    label_shares: Float[Tensor, "region class"]
    neighbors: Int[Tensor, "region layer neighbor"]
    segments: Int[Tensor, "level height width"]
    whole_shares: Float[Tensor, "class"]
    whole_neighbors: Int[Tensor, "layer neighbor"]
    removed: Float[Tensor, "point"]
    ordered: Float[Tensor, "measure point"]
    random: Float[Tensor, "draw measure point"]
    sizes: tuple[int, ...]
    """Of each level the side of its patches in pixels, or how many super-pixels it has."""
    layers: tuple[str, ...]
    metric: str
    rows: int
    predicted: int = -1
    conformity: float = float("nan")
    probability: float = float("nan")
    stage: str = ""

    @property
    def drops(self) -> Float[Tensor, "region"]:
        """The importance of each region: the conformity of the whole image minus that without the region."""
        return self.conformity - self.conformities

    @property
    def probability_drops(self) -> Float[Tensor, "region"]:
        """The same of the softmax probability."""
        return self.probability - self.probabilities

    @property
    def finest(self) -> int:
        """The finest level that is complete, −1 before the first is."""
        known = ~self.conformities.isnan()
        complete = [level for level in range(len(self.sizes)) if bool(known[self.levels == level].all())]
        return max(complete, default=-1) if len(self.levels) else -1

    def correlation(self, level: int) -> float:
        """Spearman's rank correlation of both drops over the regions of a level; NaN where either is constant."""
        at = (self.levels == self._checked(level)) & ~self.conformities.isnan()
        return rank_correlation(self.drops[at], self.probability_drops[at])

    @property
    def gains(self) -> Float[Tensor, "measure"]:
        """By how much random orders stay above the order of importance, on the mean over the shares removed.

        Positive: the regions ranked first matter more than others; 0 is what a random ranking gets.
        """
        return (self.random.mean(0) - self.ordered).mean(1)

    def top(self, level: int | None = None) -> int:
        """The region whose drop is largest, −1 while none is known; of equal ones the smallest, then the first."""
        drops = self.drops.nan_to_num(-torch.inf)
        if level is not None:
            drops = drops.masked_fill(self.levels != self._checked(level), -torch.inf)
        if not len(drops) or bool(drops.max().isinf()):
            return -1
        best = (drops == drops.max()).nonzero().flatten()
        return int(best[self.levels[best].argmax()])

    def level_maps(self, level: int) -> Float[Tensor, "measure height width"]:
        """Both maps as one level alone gives them."""
        level = self._checked(level)
        maps = Maps(self.importance.shape, 1, self.importance.device)
        for region in (self.levels == level).nonzero().flatten().tolist():
            drop = self.drops[region], self.probability_drops[region]
            if not bool(drop[0].isnan()):
                maps.add(0, self.mask(region) if len(self.segments) else self.boxes[region].tolist(), drop)
        return maps.values()

    def mask(self, region: int) -> Tensor:
        """Where a region is: True (height, width)."""
        if len(self.segments):
            level = int(self.levels[region])
            return self.segments[level] == region - int((self.levels < level).sum())
        mask = torch.zeros(self.importance.shape, dtype=torch.bool, device=self.importance.device)
        top, left, bottom, right = self.boxes[region].tolist()
        mask[top:bottom, left:right] = True
        return mask

    def region_at(self, row: int, column: int, level: int | None = None) -> int:
        """The region that holds a pixel in a level, the finest complete one unless told; the nearest middle counts.

        −1 where nothing is known of it.
        """
        level = self.finest if level is None else self._checked(level)
        if len(self.segments) and level >= 0:
            found = int(self.segments[level, row, column]) + int((self.levels < level).sum())
            return -1 if bool(self.conformities[found].isnan()) else found
        top, left, bottom, right = self.boxes.unbind(1)
        holds = (self.levels == level) & (top <= row) & (row < bottom) & (left <= column) & (column < right)
        known = (holds & ~self.conformities.isnan()).nonzero().flatten()
        if not len(known):
            return -1
        middle = self.boxes[known].double().view(-1, 2, 2).mean(1)
        at = torch.tensor([row + 0.5, column + 0.5], dtype=torch.float64, device=middle.device)
        return int(known[(middle - at).square().sum(1).argmin()])

    def _checked(self, level: int) -> int:
        if not 0 <= level < len(self.sizes):
            raise XaiwidgetsError(f"Level {level} was asked for; there are {len(self.sizes)}, from 0, the coarsest.")
        return level
