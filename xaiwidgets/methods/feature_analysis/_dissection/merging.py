"""Parts of a dissection put together."""

from dataclasses import replace

import torch

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis._dissection.result import Dissection


def merged(one: Dissection, other: Dissection) -> Dissection:
    """See `Dissection.merge`."""
    progress = one.progress.merge(other.progress)
    both = {"total": one.total + other.total, "top": one.top.joined(other.top)}
    same = one.levels == other.levels and torch.equal(one.thresholds, other.thresholds.to(one.thresholds))
    if same and not one.provisional and not other.provisional:
        tallies = tuple(a + b for a, b in zip(one.tallies, other.tallies, strict=True))
        return replace(one, tallies=tallies, progress=progress, **both).rescored()
    if progress.histogram is None or one.quantile != other.quantile:
        raise XaiwidgetsError(
            "Parts counted with different thresholds cannot be merged; count both with the same ones, thresholds= the "
            "threshold of their merged first passes."
        )
    thresholds, errors = (part.to(one.thresholds) for part in progress.histogram.thresholds([one.quantile]))
    return replace(
        one,
        levels=(one.quantile,),
        thresholds=thresholds,
        rank_error=errors[0],
        tallies=(one.counts.emptied(),),
        progress=progress.uncounted(),
        provisional=True,  # nothing is counted with these thresholds yet
        **both,
    ).rescored()
