"""Random draws that belong to an image, wherever in a batch it stands."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def generators_for(seed: int, units: Sequence[int]) -> list[torch.Generator]:
    """One source of random draws for each image.

    It is seeded by (seed, unit, occurrence), never by its place in the batch.
    """
    seen: Counter[int] = Counter()
    generators = []
    for unit in units:
        state = np.random.SeedSequence([seed, unit, seen[unit]]).generate_state(2, np.uint32)
        seen[unit] += 1
        generators.append(torch.Generator().manual_seed(int(state[0]) << 31 | int(state[1]) >> 1))
    return generators


def same_unit(units: Sequence[int]) -> Tensor:
    """1 where two different images are of the same unit, else 0."""
    index = torch.tensor(units)
    same = (index[:, None] == index).double()
    return same.fill_diagonal_(0)
