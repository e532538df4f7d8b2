"""Nearest rows in several layers: exact, or by an index library where exact search would take too long."""

import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._neighbors.library import LibrarySearch, has_library
from xaiwidgets.methods._neighbors.search import COSINE, ExactSearch, Nearest

if TYPE_CHECKING:
    from xaiwidgets.methods.case.nearest_neighbors import NearestNeighbors

_LONG = 0.2  # seconds of a block, after which the next ones are smaller
_WORK = 2e9  # multiplications of a block of queries: a tenth of a second on a few cores


class LayersSearch:
    """The rows of each layer, ready to be searched; `reason` says how and why."""

    def __init__(
        self, settings: "NearestNeighbors", layers: Sequence[str], rows: Sequence[Tensor], keys: Sequence[str] = ()
    ) -> None:
        self._settings, self._layers = settings, tuple(layers)
        self._searches: list[ExactSearch | LibrarySearch] = [
            ExactSearch(known, settings.metric, settings.storage, key)
            for known, key in zip(rows, keys or [""] * len(rows), strict=True)
        ]
        if settings.metric == COSINE:
            for layer, search in zip(layers, self._searches, strict=True):
                refuse_zeros(search.rows[search.smallest], f"training example {search.smallest} in layer {layer!r}")
        if settings.index == "faiss":
            self._searches = [LibrarySearch(exact) for exact in self._searches]
        self.reason = "; ".join(search.words for search in self._searches) if settings.index == "faiss" else ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """How each layer is searched by now."""
        return tuple("exact" if isinstance(search, ExactSearch) else "faiss" for search in self._searches)

    def nearest(self, queries: Sequence[Tensor], k: int, exclude: Tensor | None) -> Generator[float, None, Nearest]:
        """Yield the share that is searched, and return places and distances (layer, query, neighbour)."""
        count, found = len(queries[0]), []
        for place, rows in enumerate(queries):
            if self._settings.metric == COSINE:
                refuse_zeros(rows, f"query {{}} in layer {self._layers[place]!r}")
            parts = []
            start, step = 0, max(1, int(_WORK / max(1, self._searches[place].rows.numel())))
            while start < count:
                stop, began = min(start + step, count), time.perf_counter()
                out = None if exclude is None else exclude[start:stop]
                parts.append(self._searches[place].nearest(rows[start:stop], k, out))
                seconds = time.perf_counter() - began
                if start == 0:
                    self._judge(place, seconds * count / stop)
                if seconds > _LONG:  # many rows were as near as the k-th
                    step = max(1, step // 2)
                start = stop
                yield (place + stop / count) / len(queries)
            found.append(Nearest(*(torch.cat(tensors) for tensors in zip(*parts, strict=True))))
        return Nearest(*(torch.stack(tensors) for tensors in zip(*found, strict=True)))

    def _judge(self, place: int, seconds: float) -> None:
        """Turn to the library for the rest where exact search is measured to be too slow."""
        search, said = self._searches[place], ""
        if self._settings.index == "faiss" or isinstance(search, LibrarySearch):
            return
        if self._settings.index == "exact" or seconds <= self._settings.patience:
            said = f"exact search among {len(search):,} rows"
        elif has_library():
            self._searches[place] = LibrarySearch(search)
            said = f"{self._searches[place].words}; exact search would take about {seconds:,.0f} s"
        else:
            said = (
                f"exact search, about {seconds:,.0f} s: with an index library it would be faster "
                "(pip install faiss-cpu)"
            )
        if said not in self.reason:
            self.reason = "; ".join(filter(None, [self.reason, said]))


def refuse_zeros(rows: Tensor, what: str) -> None:
    """Raise for a vector of zeros, which has no direction."""
    zeros = (rows == 0).all(-1).flatten().nonzero().flatten().tolist()
    if zeros:
        raise XaiwidgetsError(
            f"The features of {what.format(zeros[0])} are all zero, and a vector of zeros has no cosine; choose "
            "metric='l2', or another layer."
        )
