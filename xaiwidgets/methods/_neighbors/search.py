"""The nearest rows of an index: a matrix product proposes, differences in double precision decide."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods._neighbors.differences import distances_of, rank
from xaiwidgets.methods._neighbors.products import products
from xaiwidgets.models.memory import keep_freed_memory

COSINE, L2 = "cosine", "l2"
METRICS = (COSINE, L2)
STORAGES = ("float32", "bfloat16")

_SCORES = 1 << 23  # scores of a product that are held at once
_SPARE = 8  # rows that are proposed beyond those wanted
_BFLOAT_SPARE = 64  # more where the proposals are coarse
_ROUNDING = {"highest": 2.0**-24, "high": 2.0**-11, "medium": 2.0**-8}
"""Of a product in single precision, by what torch was allowed: TF32 and bfloat16 are coarser."""

_FARTHEST = 2.0**40  # magnitudes whose squares single precision holds with ease


class Nearest(NamedTuple):
    """For each query (in each layer) the places of the nearest rows, the nearest first, and how far they are."""

    indices: Int[Tensor, "*layer query neighbor"]
    distances: Float[Tensor, "*layer query neighbor"]


class ExactSearch:
    """The k nearest rows of each query, the same that a sort of all distances in double precision gives.

    Distances are Euclidean, or 1 − cosine; a row of zeros has the distance 1 to every other. Of rows that are equally
    far those with the lowest places come first; distances that differ by less than one part in 2⁴⁰ are equal, so that
    rounding does not decide between equal rows.

    A product in single precision proposes k + 8 rows. The distances of these are computed anew from differences in
    double precision. Where the error bound of the product, n·2⁻²⁴ times the norms for n features (more where torch may
    round its factors to TF32 or bfloat16), leaves room for a row
    that was not proposed, all rows within that bound are looked at. ``storage`` "bfloat16" holds the proposing copy in
    half of the memory and proposes more, without that guarantee. Where ``key`` tells the rows, their norms are kept.
    """

    def __init__(
        self, rows: Float[Tensor, "row feature"], metric: str = COSINE, storage: str = "float32", key: str = ""
    ) -> None:
        if rows.device.type == "cpu":
            keep_freed_memory()  # each search asks for the same room again
        self.rows, self.metric = rows, metric
        self._coarse = storage == "bfloat16"
        self._unit = _unit_of(rows)
        scaled = rows if self._unit == 1 else rows * self._unit
        self._scanned = scaled.bfloat16() if self._coarse else scaled.float()
        squares = _squares(self._scanned, key and f"squares {storage} {key}")
        self._largest, self.smallest = float(squares.max().sqrt()), int(squares.argmin())
        self._scale = (
            squares.sqrt().clamp_min(torch.finfo(squares.dtype).tiny).reciprocal() if metric == COSINE else None
        )
        self._half = squares / 2 if metric == L2 else None

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def nearest(
        self, queries: Float[Tensor, "query feature"], k: int, exclude: Int[Tensor, "query"] | None = None
    ) -> Nearest:
        """The k nearest of the rows; ``exclude`` names for each query one row that is no neighbour, −1 for none."""
        proposed = self._propose(queries, min(len(self), k + (_BFLOAT_SPARE if self._coarse else _SPARE)), exclude)
        found = self._decide(queries, proposed.indices, k, exclude)
        if self._coarse or proposed.indices.shape[1] == len(self):
            return found
        reach = self._reach(queries, found.distances[:, -1])
        doubtful = (proposed.scores[:, -1] <= reach).nonzero().flatten()
        for query in doubtful.tolist():
            one = slice(query, query + 1)
            out = None if exclude is None else exclude[one]
            within = (self._scores(queries[one], 0, len(self), out) <= reach[one, None]).nonzero()[None, :, 1]
            again = self._decide(queries[one], within, k, out)
            found.indices[one], found.distances[one] = again.indices, again.distances
        return found

    def _propose(self, queries: Tensor, count: int, exclude: Tensor | None) -> "_Proposed":
        """The rows with the lowest scores, block after block of the index."""
        step, best = max(count, _SCORES // len(queries)), None
        for start in range(0, len(self), step):
            scores = self._scores(queries, start, start + step, exclude)
            lowest = scores.topk(min(count, scores.shape[1]), dim=1, largest=False)
            new = _Proposed(lowest.values, lowest.indices + start)
            best = new if best is None else best.merged(new, count)
        return best

    def _scores(self, queries: Tensor, start: int, stop: int, exclude: Tensor | None) -> Tensor:
        """What orders rows as their distance does: |y|²/2 − x·y, or −x·y/|y|."""
        stop = min(stop, len(self))
        scores = products((queries * self._unit).float(), self._scanned[start:stop])
        if self._half is not None:
            torch.sub(self._half[start:stop], scores, out=scores)
        else:
            scores.mul_(-self._scale[start:stop])
        if exclude is not None:
            here = ((exclude >= start) & (exclude < stop)).nonzero().flatten()
            scores[here, exclude[here] - start] = torch.inf
        return scores

    def _decide(self, queries: Tensor, proposed: Tensor, k: int, exclude: Tensor | None) -> Nearest:
        """The k nearest of the proposed rows; they are put in order of place: of equal ones the first is kept."""
        places = proposed.sort(dim=1).values
        distances = distances_of(queries, self.rows, places, self.metric)
        if exclude is not None:
            distances = distances.masked_fill(places == exclude[:, None], torch.inf)
        order = rank(distances, self.metric)[:, :k]
        return Nearest(places.gather(1, order), distances.gather(1, order))

    def _reach(self, queries: Tensor, farthest: Tensor) -> Tensor:
        """The largest score that a row as far as the k-th can have got, rounding errors included."""
        norms = queries.double().norm(dim=1) * self._unit
        bound = (queries.shape[1] + 16) * 2.0**-24 + 4 * (_ROUNDING[torch.get_float32_matmul_precision()] - 2.0**-24)
        if self.metric == COSINE:
            return ((farthest - 1 + 2.0**-39) * norms + bound * norms).float()
        half = ((farthest * self._unit).square() * (1 + 2.0**-38) - norms.square()) / 2
        return (half + bound * (norms + self._largest).square()).float()


class _Proposed(NamedTuple):
    """Scores from the lowest up, and whose they are."""

    scores: Float[Tensor, "query proposed"]
    indices: Int[Tensor, "query proposed"]

    def merged(self, other: "_Proposed", count: int) -> "_Proposed":
        """The lowest of both."""
        scores, indices = torch.cat([self.scores, other.scores], 1), torch.cat([self.indices, other.indices], 1)
        lowest = scores.topk(min(count, scores.shape[1]), dim=1, largest=False)
        return _Proposed(lowest.values, indices.gather(1, lowest.indices))


def _unit_of(rows: Tensor) -> float:
    """The power of two that brings very large or very small numbers to where their squares are numbers too; else 1."""
    peak = float(rows.abs().max())
    return 1.0 if _FARTHEST**-1 < peak < _FARTHEST or not peak else 2.0 ** -math.frexp(peak)[1]


def _squares(rows: Tensor, key: str) -> Tensor:
    """The squared norms of rows, block after block."""
    known = RESULTS.get(key) if key else None
    if known is None:
        known = torch.cat([part.float().square().sum(1) for part in rows.split(1 << 14)])
        if key:
            RESULTS.put(key, known, known.numel() * known.element_size())
    return known
