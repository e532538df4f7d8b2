"""Which images of a set are meant."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError


def places_of(index: slice | Sequence[int] | Tensor, count: int) -> list[int]:
    """The places from 0 that an index means among ``count`` images; raises for one that is not there."""
    if isinstance(index, slice):
        return list(range(*index.indices(count)))
    index = _numbers(index, count)
    places = [int(place) for place in (index.tolist() if isinstance(index, Tensor) else index)]
    outside = [place for place in places if not -count <= place < count]
    if outside:
        raise XaiwidgetsError(f"Image {outside[0]} was asked for; there are {count}, 0 to {count - 1}.")
    return [place % count for place in places]


def _numbers(index: Any, count: int) -> Any:
    """Places as they are, those of a flag for each image, or a sentence for anything else."""
    try:
        given = np.asarray(index.cpu() if isinstance(index, Tensor) else index)
    except (TypeError, ValueError):
        given = np.empty(0, object)
    if given.dtype == bool and given.shape == (count,):
        return given.nonzero()[0]
    if given.size and (given.dtype.kind not in "iu" or given.ndim != 1):
        raise XaiwidgetsError(
            f"{index!r} was given to choose among {count} images; give a slice, places as whole numbers, or a flag for "
            "each image."
        )
    return given.tolist()


def slice_words(index: slice) -> str:
    """A slice as code has it, such as "[:100]"."""
    parts = ["" if value is None else str(value) for value in (index.start, index.stop, index.step)]
    return f"[{':'.join(parts[: 2 if index.step is None else 3])}]"
