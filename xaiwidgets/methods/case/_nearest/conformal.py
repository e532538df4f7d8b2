"""How much the labels of the neighbours support each class: the numbers of deep k-nearest neighbours."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Support(NamedTuple):
    """For each query its p-value for every class, and what follows from them."""

    p_values: Float[Tensor, "query class"]
    predictions: Int[Tensor, "query"]
    credibility: Float[Tensor, "query"]
    confidence: Float[Tensor, "query"]


class Calibration(NamedTuple):
    """The nonconformity of each calibration example with its own label, and what tells right predictions there."""

    alphas: Int[Tensor, "example"]
    conformity_auroc: float
    softmax_auroc: float
    accuracy: float


def auroc(score: Float[Tensor, "example"], positive: Bool[Tensor, "example"]) -> float:
    """The chance that of a positive and another example the positive has the larger score; equal ones count half.

    NaN where there are no examples of both kinds, or a score is not known.
    """
    count, total = int(positive.sum()), len(positive)
    if count in {0, total} or bool(score.isnan().any()):
        return float("nan")
    _, place, sizes = score.unique(return_inverse=True, return_counts=True)
    last = sizes.cumsum(0)
    ranks = (last - (sizes - 1) / 2).double()[place]  # equal scores share their mean rank
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (total - count)))


def label_counts(labels: Int[Tensor, "layer query neighbor"], classes: int) -> Int[Tensor, "query class"]:
    """How many of the neighbours, over all layers, have each label."""
    together = labels.permute(1, 0, 2).flatten(1)
    counts = torch.zeros((len(together), classes), dtype=torch.long, device=labels.device)
    return counts.scatter_add_(1, together, torch.ones_like(together))


def nonconformity(labels: Int[Tensor, "layer query neighbor"], classes: int) -> Int[Tensor, "query class"]:
    """α(x, j): how many of the neighbours, over all layers, have another label than j."""
    return labels.shape[0] * labels.shape[2] - label_counts(labels, classes)


def support(alpha: Int[Tensor, "query class"], calibration: Int[Tensor, "example"]) -> Support:
    """p_j = (1 + #{a in the calibration ≥ α(x, j)}) / (n + 1), the class with the largest, and how it stands out.

    p falls where α rises, so the prediction is the class with the smallest α, the first of equal ones.
    """
    known = calibration.sort().values
    p = (1 + len(known) - torch.searchsorted(known, alpha.contiguous())).double() / (len(known) + 1)
    best = torch.nn.functional.pad(p, (0, 1)).topk(2, dim=1).values  # a single class has no second
    return Support(p, alpha.argmin(1), best[:, 0], 1 - best[:, 1])
