"""Ranks, and what the rankings find."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError


def ranks(scores: Float[Tensor, "row"]) -> Float[Tensor, "row"]:
    """1 for the highest score; equal scores share the mean of their ranks, unknown ones (NaN) come last."""
    known = scores.double().nan_to_num(-torch.inf)
    ordered = known.sort().values
    below, upto = (torch.searchsorted(ordered, known, right=right) for right in (False, True))
    return len(known) - (below + upto - 1) / 2


def order(scores: Float[Tensor, "row"]) -> Int[Tensor, "row"]:
    """The rows from the highest score to the lowest; of equal ones the first, unknown ones (NaN) last."""
    return scores.nan_to_num(-torch.inf).argsort(descending=True, stable=True)


def combined(first: Float[Tensor, "row"], second: Float[Tensor, "row"]) -> Float[Tensor, "row"]:
    """The mean of both ranks, turned so that 1 is first in both and 0 last in both.

    While one of the two is wholly unknown (NaN) it is that of the other alone.
    """
    known = [scores for scores in (first, second) if not scores.isnan().all()]
    if not known:
        return torch.full_like(first, torch.nan)
    mean = torch.stack([ranks(scores) for scores in known]).mean(0)
    score = 1 - (mean - 1) / max(1, len(first) - 1)
    unread = torch.stack([scores.isnan() for scores in known]).all(0)
    return score.masked_fill(unread, torch.nan).to(first.dtype)


def wrong_labels(labels: Int[Tensor, "row"], truth: object) -> Bool[Tensor, "row"]:
    """Where the labels differ from the true ones; raises for a truth of another length, and where nothing is wrong."""
    given = torch.as_tensor(truth)
    if given.shape != labels.shape or given.is_floating_point():
        raise XaiwidgetsError(
            f"True labels of shape {tuple(given.shape)} ({given.dtype}) were given for {len(labels)} labels; give one "
            "whole number for each."
        )
    wrong = labels != given.to(labels.device)
    if not wrong.any():
        raise XaiwidgetsError("Every label equals the true one, so that there is nothing to find.")
    return wrong


def recall_curve(order: Int[Tensor, "row"], wrong: Bool[Tensor, "row"]) -> Float[Tensor, "inspected"]:
    """The share of the wrong labels among the first 0, 1, 2, … rows of an order."""
    found = wrong[order].double().cumsum(0) / wrong.sum()
    return torch.nn.functional.pad(found, (1, 0))
