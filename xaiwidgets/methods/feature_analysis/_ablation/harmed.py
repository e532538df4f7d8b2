"""The images that the removal of units harms most."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.feature_analysis._ablation.effects import Removed


@dataclass(frozen=True, kw_only=True, eq=False)
class Harmed:
    """In a row for each removal: the images whose true class lost most probability, the largest loss first.

    ``ids`` are the images' places in the set that they were taken from first, ``changes`` those of the probability, all
    below zero, ``classes`` the true classes and ``answers`` what is answered after the removal. Of equal changes the
    smaller id comes first. Where fewer images were harmed than there are places they are −1, 0, −1, −1.
    """

    ids: Int[Tensor, "row place"]
    changes: Float[Tensor, "row place"]
    classes: Int[Tensor, "row place"]
    answers: Int[Tensor, "row place"]

    @staticmethod
    def empty(rows: int, places: int, device: torch.device) -> "Harmed":
        """No image yet."""
        none = torch.full((rows, places), -1, device=device)
        return Harmed(ids=none, changes=none.new_zeros(none.shape, dtype=torch.double), classes=none, answers=none)

    def after(self, removed: Sequence[Removed], ids: Int[Tensor, "image"], classes: Int[Tensor, "image"]) -> "Harmed":
        """With the images of a batch; a removal for each row."""
        change = torch.stack([one.change for one in removed])
        harmed = change < 0
        news = (
            ids.where(harmed, -1),
            change.where(harmed, 0),
            classes.where(harmed, -1),
            torch.stack([one.answer for one in removed]).where(harmed, -1),
        )
        known = (self.ids, self.changes, self.classes, self.answers)
        both = [torch.cat(pair, 1) for pair in zip(known, news, strict=True)]
        by_id = both[0].argsort(dim=1, stable=True)
        order = by_id.gather(1, both[1].gather(1, by_id).argsort(dim=1, stable=True))[:, : self.ids.shape[1]]
        best = [part.gather(1, order) for part in both]
        return Harmed(ids=best[0], changes=best[1], classes=best[2], answers=best[3])
