"""How often the images under a rule are answered wrongly, and how sure that is."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Z = 1.959963984540054
"""Standard errors on either side of a 95 % interval."""


@dataclass(frozen=True, eq=False)
class Rates:
    """Of ``images`` images with ``errors`` errors: how many each rule covers, and how many of these are errors."""

    covered: Int[Tensor, "rule"]
    wrong: Int[Tensor, "rule"]
    images: int
    errors: int

    @staticmethod
    def of(covered: Bool[Tensor, "rule image"], wrong: Bool[Tensor, "image"]) -> "Rates":
        """Those of rules on some images."""
        return Rates(covered.sum(1), (covered & wrong).sum(1), len(wrong), int(wrong.sum()))

    @property
    def base(self) -> float:
        """The share of errors among all images; 0 where there are no images."""
        return self.errors / max(1, self.images)

    @property
    def precision(self) -> Float[Tensor, "rule"]:
        """The share of errors under each rule; 0 where it covers nothing."""
        return self.wrong.double() / self.covered.clamp(min=1)

    @property
    def recall(self) -> Float[Tensor, "rule"]:
        """The share of all errors that is under each rule; 0 where there are none."""
        return self.wrong.double() / max(1, self.errors)

    @property
    def lift(self) -> Float[Tensor, "rule"]:
        """How many times as frequent errors are under each rule as overall; 0 where there are none."""
        return self.precision / self.base if self.errors else torch.zeros_like(self.precision)

    @property
    def interval(self) -> Float[Tensor, "rule 2"]:
        """The 95 % interval of each precision."""
        return wilson(self.wrong, self.covered)


def wilson(wrong: Int[Tensor, "..."], covered: Int[Tensor, "..."]) -> Float[Tensor, "... 2"]:
    """The 95 % interval of a share (Wilson 1927), which holds for small counts too; (0, 1) where nothing is counted.

    With p = k/n its ends are (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    """
    n = covered.double()
    p, room = wrong.double() / n.clamp(min=1), Z * Z / n.clamp(min=1)
    middle = p + room / 2
    half = Z * (p * (1 - p) / n.clamp(min=1) + room / (4 * n.clamp(min=1))).sqrt()
    ends = torch.stack([middle - half, middle + half], -1) / (1 + room)[..., None]
    # At no and at all errors rounding must not move the end that is known.
    ends = torch.stack([ends[..., 0].where(wrong > 0, 0), ends[..., 1].where(wrong < covered, 1)], -1)
    return ends.where(covered[..., None] > 0, ends.new_tensor([0.0, 1.0]))


def sign_test(one: int, other: int) -> float:
    """The exact two-sided p-value of ``one`` against ``other`` where each case is as likely to be either."""
    count = one + other
    tail = sum(math.comb(count, k) for k in range(min(one, other) + 1))
    return min(1.0, tail * 2 / 2**count)
