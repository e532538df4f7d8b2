"""What is suspected of the labels."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.methods.model_inspection._label_errors.ranks import order, ranks, recall_curve, wrong_labels

RANKINGS = ("combined", "left_out_loss", "disagreement", "self_influence", "loss")
"""The scores by which labels can be ranked."""


@dataclass(frozen=True, eq=False)
class SuspectedLabels:
    """Five scores for each label, higher for more suspicious; NaN where it is not known (yet).

    ``left_out_loss`` is the loss of the example, in nats, at the head's parameters without it (one Newton step away);
    ``loss`` is that with it; ``self_influence`` is what removing it adds to its own loss, to first order;
    ``disagreement`` is the share of its nearest examples (``nearest``) whose label differs. ``combined`` is the mean of
    its ranks by ``left_out_loss`` and ``disagreement``, turned so that 1 is the first in both and 0 the last in both;
    equal scores share their mean rank. A head too large for an exact inverse has no ``left_out_loss``; then ``loss``
    takes its place in ``combined``.

    ``suggested`` is the class other than the label with the largest sum of the head's probability and the share of
    the nearest examples; −1 while it is not known. ``fitted`` is the share of the labels that are the head's first
    class. ``stage`` says what the answer rests on so far, ``reason`` which computation the head got and why,
    ``stationarity`` is the norm of the objective's gradient at the head's optimum.
    """

    combined: Float[Tensor, "train"]
    left_out_loss: Float[Tensor, "train"]
    disagreement: Float[Tensor, "train"]
    self_influence: Float[Tensor, "train"]
    loss: Float[Tensor, "train"]
    labels: Int[Tensor, "train"]
    suggested: Int[Tensor, "train"]
    nearest: Int[Tensor, "seen neighbor"]
    classes: int
    damping: float
    stage: str
    reason: str = ""
    fitted: float = float("nan")
    stationarity: float = float("nan")

    @property
    def rankings(self) -> tuple[str, ...]:
        """The scores that are known."""
        return tuple(name for name in RANKINGS if not getattr(self, name).isnan().all())

    def score(self, by: str = "combined") -> Float[Tensor, "train"]:
        """One of the five; raises with the nearest name for another."""
        if by not in RANKINGS:
            raise XaiwidgetsError(f"There is no ranking {by!r}; {nearest(by, RANKINGS)}.")
        return getattr(self, by)

    def order(self, by: str = "combined") -> Int[Tensor, "train"]:
        """The examples, the most suspicious label first; of equal scores the first."""
        return order(self.score(by))

    def ranks(self, by: str = "combined") -> Float[Tensor, "train"]:
        """The rank of each label, 1 for the most suspicious; equal scores share their mean rank."""
        return ranks(self.score(by))

    def recall(self, truth: object, share: float = 0.1, by: str = "combined") -> float:
        """The share of the wrong labels that are found where the first ``share`` of a ranking is inspected.

        ``truth`` are the true labels. In random order it is ``share`` (in the mean). Raises `XaiwidgetsError` for a
        truth of another length, and where no label is wrong.
        """
        if not 0 <= share <= 1:
            raise XaiwidgetsError(f"share={share!r} was given; give the share to be inspected, from 0 to 1.")
        return float(self.recall_curve(truth, by)[round(share * len(self.labels))])

    def recall_curve(self, truth: object, by: str = "combined") -> Float[Tensor, "inspected"]:
        """The share of the wrong labels that are found after inspecting 0, 1, 2, … of a ranking; see `recall`."""
        return recall_curve(self.order(by), wrong_labels(self.labels, truth))
