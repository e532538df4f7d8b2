"""Random other units of a layer, to compare an effect with what any unit does."""

import math
from collections.abc import Collection

import numpy as np


def control_sets(units: Collection[int], size: int, count: int, total: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """``count`` different sets of ``size`` of the ``total`` units, none in ``units``; fewer where there are no more.

    The layer's units are put into a random order and taken in turn, then into another one. So the draws depend on the
    seed alone, as far as they do not meet ``units``.
    """
    others = total - len(set(units))
    count = min(count, math.comb(others, size))
    generator = np.random.default_rng(seed)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < count:
        order = [unit for unit in generator.permutation(total).tolist() if unit not in units]
        for start in range(0, others - size + 1, size):
            found.setdefault(tuple(sorted(order[start : start + size])))
    return tuple(found)[:count]
