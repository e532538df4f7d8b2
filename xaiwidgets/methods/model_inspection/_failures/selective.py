"""What is gained by not answering: accuracy on what is kept, by rules and by confidence."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.model_inspection._failures.rates import sign_test, wilson


@dataclass(frozen=True, eq=False)
class Selective:
    """The first 0, 1, 2, … rules flag ``dropped`` images, and ``missed`` of the ``errors`` errors are not flagged.

    ``by_confidence`` is how many errors are missed where as many images, those of the least confidence, are dropped
    instead; of equal confidence the first. ``curve`` tells it of every number of images dropped.
    """

    images: int
    errors: int
    dropped: Int[Tensor, "point"]
    missed: Int[Tensor, "point"]
    by_confidence: Int[Tensor, "point"]
    curve: Int[Tensor, "dropped"]
    only_flagged: int
    """Errors that all rules flag, and that the least confidence does not."""
    only_unsure: int
    """Errors that the least confidence drops, and that no rule flags."""

    @staticmethod
    def of(
        covered: Bool[Tensor, "rule image"], wrong: Bool[Tensor, "image"], confidence: Float[Tensor, "image"]
    ) -> "Selective":
        """Of rules in their order."""
        none = covered.new_zeros(1, len(wrong))
        flagged = torch.cat([none, covered.int().cumsum(0) > 0])
        unsure = confidence.argsort(stable=True)
        errors = int(wrong.sum())
        caught = torch.cat([wrong.new_zeros(1, dtype=torch.int64), wrong[unsure].cumsum(0)])
        dropped = flagged.sum(1)
        least = torch.zeros_like(wrong)
        least[unsure[: int(dropped[-1])]] = True
        return Selective(
            images=len(wrong),
            errors=errors,
            dropped=dropped,
            missed=(wrong & ~flagged).sum(1),
            by_confidence=errors - caught[dropped],
            curve=errors - caught,
            only_flagged=int((wrong & flagged[-1] & ~least).sum()),
            only_unsure=int((wrong & least & ~flagged[-1]).sum()),
        )

    @property
    def kept(self) -> Float[Tensor, "point"]:
        """The share of answers that is kept."""
        return 1 - self.dropped.double() / max(1, self.images)

    @property
    def accuracy(self) -> Float[Tensor, "point"]:
        """The share of right answers among those kept; 1 where none is kept."""
        return self._right(self.missed, self.dropped)

    @property
    def confident_accuracy(self) -> Float[Tensor, "point"]:
        """The same where confidence decides."""
        return self._right(self.by_confidence, self.dropped)

    @property
    def interval(self) -> Float[Tensor, "point 2"]:
        """The 95 % interval of each `accuracy`."""
        return wilson(self.images - self.dropped - self.missed, self.images - self.dropped)

    @property
    def confident_curve(self) -> Float[Tensor, "dropped"]:
        """The accuracy on what is kept for 0, 1, 2, … of the least confident dropped."""
        return self._right(self.curve, torch.arange(len(self.curve)).to(self.curve))

    @property
    def p_value(self) -> float:
        """How likely so unequal numbers of errors found by one of the two alone are by chance."""
        return sign_test(self.only_flagged, self.only_unsure)

    def _right(self, missed: Tensor, dropped: Tensor) -> Tensor:
        kept = self.images - dropped
        return 1 - missed.double() / kept.clamp(min=1)
