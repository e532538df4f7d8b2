"""Which concepts units detect, how many, and how sure that is."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.feature_analysis._dissection.tally import Tally

# Student's t at 97.5 % for 1 to 19 degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_T = (*_T, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)


def best_concepts(iou: Float[Tensor, "unit concept"]) -> Int[Tensor, "unit"]:
    """The concept of the largest IoU of each unit, the first of equal ones; -1 for a unit that overlaps none."""
    return torch.where(iou.amax(1) > 0, iou.argmax(1), -1)


def unique_detectors(
    iou: Float[Tensor, "unit concept"], category: Int[Tensor, "concept"], threshold: float
) -> tuple[int, int]:
    """How many concepts are detected, under both meanings that are in use.

    The first counts the concepts that are the best of some unit, each unit having one label. The second counts for each
    category the concepts that are the category's best of some unit, and sums: a unit may count in several categories,
    so that it is never smaller. A detector has an IoU above the threshold.
    """

    def distinct(columns: Tensor) -> int:
        part = iou[:, columns]
        detects = part.amax(1) > threshold
        return len(part.argmax(1)[detects].unique())

    of_category = [(category == which).nonzero()[:, 0] for which in category.unique()]
    return distinct(torch.arange(iou.shape[1], device=iou.device)), sum(map(distinct, of_category))


def detectors_by_concept(
    best: Int[Tensor, "unit"], detects: Bool[Tensor, "unit"], concepts: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """How many units have each concept as their label and detect it, most first; concepts without one are left out."""
    count = torch.bincount(best[detects], minlength=len(concepts)).tolist()
    order = sorted(range(len(concepts)), key=lambda i: (-count[i], i))
    return {concepts[i]: count[i] for i in order if count[i]}


def jackknife(
    tally: Tally, best: Int[Tensor, "unit"], category: Int[Tensor, "concept"], denominator: str
) -> tuple[Float[Tensor, "unit 2"], Float[Tensor, "unit"]]:
    """The 95 % interval of the IoU of each unit's label, and the share of recounts in which the label stays the same.

    The blocks of images are left out one by one (Quenouille 1956; Tukey 1958): the variance is (B − 1)/B Σ (θ₋ᵦ − θ̄)²,
    the interval θ ± t σ with B − 1 degrees of freedom, cut to [0, 1]. Thresholds are not estimated anew. NaN where
    fewer than two blocks have images, and for a unit without a label.
    """
    count, units = int((tally.images > 0).sum()), len(best)
    nothing = torch.full((units,), torch.nan, dtype=torch.double, device=best.device)
    if count < 2:  # noqa: PLR2004 - a variance needs two
        return torch.stack([nothing, nothing], 1), nothing
    whole = tally.whole().iou(category, denominator)[0]
    at, has = best.clamp(min=0)[:, None], best >= 0
    left_out, same = [], torch.zeros_like(nothing)
    for part in tally.without_each():
        iou = part.iou(category, denominator)[0]
        left_out.append(iou.gather(1, at)[:, 0])
        same += best_concepts(iou) == best
    values = torch.stack(left_out)
    error = ((count - 1) / count * (values - values.mean(0)).square().sum(0)).sqrt() * _T[count - 2]
    middle = whole.gather(1, at)[:, 0]
    ends = torch.stack([middle - error, middle + error], 1).clamp(0, 1)
    return torch.where(has[:, None], ends, torch.nan), torch.where(has, same / count, torch.nan)
