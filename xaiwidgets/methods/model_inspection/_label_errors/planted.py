"""Labels that are made wrong on purpose: the control of a search for wrong ones."""

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError


def flipped(labels: Int[Tensor, "row"], share: float, seed: int) -> Int[Tensor, "row"]:
    """The labels with a share of them, at least one, changed to another of the labels that are there, all alike."""
    there = labels.unique()
    if len(there) < 2 or not 0 < share <= 1:  # noqa: PLR2004 - one to change to
        raise XaiwidgetsError(
            f"share={share!r} was given to flip labels, of which {len(there)} differ; give a share above 0 and at most "
            "1, and labels of at least two classes."
        )
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(labels), generator=generator)[: max(1, round(share * len(labels)))].to(labels.device)
    turns = torch.randint(1, len(there), (len(chosen),), generator=generator).to(labels.device)
    places = (torch.searchsorted(there, labels[chosen]) + turns) % len(there)
    changed = labels.clone()
    changed[chosen] = there[places]
    return changed
