"""What the removal of units did to the answers of a network, counted for the images with each concept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Removed(NamedTuple):
    """What one removal did to each image of a batch.

    ``change`` is that of the true class's probability, ``right`` says whether the answer is the true class after the
    removal, ``answer`` is the class that is answered then. ``by_class`` is the change of every class's probability,
    summed over the images with each concept; None where it is not kept.
    """

    change: Float[Tensor, "image"]
    right: Bool[Tensor, "image"]
    answer: Int[Tensor, "image"]
    by_class: Float[Tensor, "concept class"] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """Sums over the images that have a concept, or over those that have not, for each removal (a row) and concept.

    ``images`` counts these images, ``right`` those that were answered rightly before the removal. Of these ``lost``
    were answered wrongly after it; ``gained`` were wrong before and right after. ``change_sum`` and ``square_sum`` are
    sums of the change of the true class's probability and of its square. What no image tells of is NaN.
    """

    images: Int[Tensor, "concept"]
    right: Int[Tensor, "concept"]
    lost: Int[Tensor, "row concept"]
    gained: Int[Tensor, "row concept"]
    change_sum: Float[Tensor, "row concept"]
    square_sum: Float[Tensor, "row concept"]

    @property
    def accuracy_before(self) -> Float[Tensor, "concept"]:
        """The share of right answers with all units, in [0, 1]."""
        return self.right / self.images.double()

    @property
    def accuracy(self) -> Float[Tensor, "row concept"]:
        """The share of right answers after each removal, in [0, 1]."""
        return (self.right - self.lost + self.gained) / self.images.double()

    @property
    def score_change(self) -> Float[Tensor, "row concept"]:
        """The mean change of the true class's probability, in [−1, 1]; below zero where the removal does harm."""
        return self.change_sum / self.images.double()

    @property
    def standard_error(self) -> Float[Tensor, "row concept"]:
        """That of ``score_change``, of at least two images."""
        count = self.images.double()
        variance = (self.square_sum - self.change_sum**2 / count).clamp(min=0) / (count - 1)
        return torch.where(count > 1, (variance / count).sqrt(), torch.nan)

    @property
    def p_value(self) -> Float[Tensor, "row concept"]:
        """How often chance alone would part ``lost`` and ``gained`` as far: an exact sign test of both sides."""
        return sign_test(self.lost, self.gained)

    @staticmethod
    def empty(rows: int, concepts: int, device: torch.device) -> "Effects":
        """Nothing counted yet."""
        whole, real = ({"dtype": kind, "device": device} for kind in (torch.int64, torch.double))
        return Effects(
            images=torch.zeros(concepts, **whole),
            right=torch.zeros(concepts, **whole),
            lost=torch.zeros((rows, concepts), **whole),
            gained=torch.zeros((rows, concepts), **whole),
            change_sum=torch.zeros((rows, concepts), **real),
            square_sum=torch.zeros((rows, concepts), **real),
        )

    def after(
        self, removed: Sequence[Removed], right: Bool[Tensor, "image"], member: Bool[Tensor, "image concept"]
    ) -> "Effects":
        """With the images of a batch that are a ``member``; ``right`` says which were answered rightly before."""
        after, change = torch.stack([one.right for one in removed]), torch.stack([one.change for one in removed])
        counted, weight = member.double(), change.double()

        def count(flags: Tensor) -> Tensor:
            return (flags.double() @ counted).long()  # sums of ones are exact

        return Effects(
            images=self.images + member.sum(0),
            right=self.right + count(right),
            lost=self.lost + count(right & ~after),
            gained=self.gained + count(~right & after),
            change_sum=self.change_sum + weight @ counted,
            square_sum=self.square_sum + weight**2 @ counted,
        )

    def rows(self, rows: slice) -> "Effects":
        """Those of some of the removals."""
        parts = {field.name: getattr(self, field.name) for field in fields(Effects)}
        return Effects(**{name: part[rows] if part.dim() > 1 else part for name, part in parts.items()})


def sign_test(lost: Int[Tensor, "*place"], gained: Int[Tensor, "*place"]) -> Float[Tensor, "*place"]:
    """The exact two-sided p-value of ``lost`` against ``gained``, were both equally likely: 1 where there are none."""
    pairs = torch.stack([lost + gained, torch.minimum(lost, gained)], -1).flatten(0, -2)
    distinct, place = torch.unique(pairs, dim=0, return_inverse=True)  # most are the same few
    values = torch.tensor([_two_sided(count, fewer) for count, fewer in distinct.tolist()], dtype=torch.double)
    return values.to(lost.device)[place].view(lost.shape)


def _two_sided(count: int, fewer: int) -> float:
    """Twice the probability of at most ``fewer`` heads in ``count`` throws, at most 1."""
    heads = torch.arange(fewer + 1, dtype=torch.double)
    ways = math.lgamma(count + 1) - torch.lgamma(heads + 1) - torch.lgamma(count - heads + 1)
    return min(1.0, 2 * float((ways - count * math.log(2)).logsumexp(0).exp()))
