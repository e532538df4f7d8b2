"""Which training examples are searched, and which are set aside to calibrate."""

import operator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError

if TYPE_CHECKING:
    from xaiwidgets.methods.case.nearest_neighbors import NearestNeighbors


class Kept(NamedTuple):
    """Places in the training set: of those that are searched, in order, and of those set aside; None for all, none."""

    searched: Tensor | None
    aside: Tensor | None
    total: int

    @classmethod
    def of(cls, labels: Int[Tensor, "train"], settings: "NearestNeighbors", *, given: bool) -> Self:
        """What the settings ask for; nothing is set aside where a calibration set is given."""
        rows, count = len(labels), 0 if given else settings.calibration
        if count and count >= rows:
            raise XaiwidgetsError(f"calibration={count} was given for {rows} training examples; leave some to search.")
        if settings.k > rows - count:
            raise XaiwidgetsError(
                f"k={settings.k} neighbours were asked for among {rows - count} training examples; give at most "
                f"{rows - count}."
            )
        if not count:
            return cls(None, None, rows)
        order = torch.randperm(rows, generator=torch.Generator().manual_seed(settings.seed)).to(labels.device)
        return cls(order[count:].sort().values, order[:count].sort().values, rows)

    @property
    def count(self) -> int:
        """How many are searched."""
        return self.total if self.searched is None else len(self.searched)

    def rows(self, features: Tensor) -> Tensor:
        """Those of the rows so far that are searched."""
        if self.searched is None:
            return features
        return features[self.searched[self.searched < len(features)]]

    def labels(self, labels: Tensor) -> Tensor:
        """The labels of those that are searched."""
        return labels if self.searched is None else labels[self.searched]

    def named(self, found: Tensor) -> Tensor:
        """Places among the searched as places in the training set."""
        return found if self.searched is None else self.searched[found]

    def places(self, named: Tensor | None, queries: int, k: int) -> Int[Tensor, "query"]:
        """The place among the searched of each query that is a training example, −1 of any other."""
        if named is None:
            return torch.full((queries,), -1)
        if k >= self.count:
            raise XaiwidgetsError(
                f"k={k} neighbours were asked for of one of {self.count} training examples, which is none of its own; "
                f"give at most {self.count - 1}."
            )
        if self.searched is None:
            return named
        among = torch.full((self.total,), -1)
        among[self.searched.cpu()] = torch.arange(len(self.searched))
        return among[named]


def named_rows(query: Any, rows: int) -> Tensor | None:
    """The places in the training set that a query names, None for a query that is something else."""
    if isinstance(query, Tensor):
        whole = not query.is_floating_point() and query.dtype not in {torch.bool, torch.uint8}
        given = query.flatten().tolist() if whole and query.dim() <= 1 else None
    elif isinstance(query, list | tuple | range) and len(query):
        given = list(query) if all(hasattr(place, "__index__") for place in query) else None
    else:
        given = [query] if hasattr(query, "__index__") and not getattr(query, "shape", ()) else None
    if given is None:
        return None
    if not given:
        raise XaiwidgetsError("No query was given; give at least one.")
    places = [operator.index(place) for place in given]
    outside = [place for place in places if not 0 <= place < rows]
    if outside:
        raise XaiwidgetsError(
            f"Training example {outside[0]} was named as a query; there are {rows:,}, 0 to {rows - 1:,}."
        )
    return torch.tensor(places)
