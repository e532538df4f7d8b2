"""Nearest rows by faiss, a library of indices: nearly all of them, in a fraction of the time."""

import importlib.util

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._neighbors.differences import distances_of, rank
from xaiwidgets.methods._neighbors.search import COSINE, ExactSearch, Nearest

_TRIED, _TRIED_K = 32, 10  # rows whose true neighbours are looked up to tell how many are found
_ROWS_A_LIST = 40  # at least: fewer do not tell where a list's middle is
_PROPOSED = 3  # times as many as are wanted are proposed, and the distances of these computed anew


def has_library() -> bool:
    """Whether faiss is installed."""
    return importlib.util.find_spec("faiss") is not None


class LibrarySearch:
    """The rows of an `ExactSearch` in inverted lists, an eighth of which are looked at; `recall` is measured.

    The lists propose three times as many rows as are wanted, whose distances are then computed in double precision.
    """

    def __init__(self, exact: ExactSearch) -> None:
        if not has_library():
            raise XaiwidgetsError("index='faiss' was given, but faiss is not installed; pip install faiss-cpu.")
        self.rows, self.metric, self._exact = exact.rows, exact.metric, exact
        self._build()
        tried = torch.linspace(0, len(self.rows) - 1, min(_TRIED, len(self.rows)), device=self.rows.device).long()
        k = min(_TRIED_K, len(self.rows) - 1)
        true = exact.nearest(self.rows[tried], k, tried).indices
        found = self.nearest(self.rows[tried], k, tried).indices
        self.recall = float((true[:, :, None] == found[:, None]).any(2).double().mean())
        self.words = f"faiss, {self._looked_at} of {self._lists} lists: finds {self.recall:.1%} of the true neighbours"

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def nearest(self, queries: Tensor, k: int, exclude: Tensor | None = None) -> Nearest:
        """As `ExactSearch.nearest`; a row that its lists do not propose is missed, unless they hold fewer than k."""
        count = min(len(self), _PROPOSED * k + 1)
        proposed = torch.from_numpy(self._index.search(self._vectors(queries), count)[1]).to(queries.device)
        missing = proposed < 0  # where lists ran out
        places = proposed.clamp_min(0).where(~missing, len(self)).sort(dim=1).values
        absent = places == len(self)
        places = places.clamp_max(len(self) - 1)
        distances = distances_of(queries, self.rows, places, self.metric).masked_fill(absent, torch.inf)
        if exclude is not None:
            distances = distances.masked_fill(places == exclude[:, None], torch.inf)
        order = rank(distances, self.metric)[:, :k]
        found = Nearest(places.gather(1, order), distances.gather(1, order))
        few = found.distances.isinf().any(1).nonzero().flatten()  # the lists that were looked at held fewer
        if len(few):
            again = self._exact.nearest(queries[few], k, None if exclude is None else exclude[few])
            found.indices[few], found.distances[few] = again.indices, again.distances
        return found

    def _build(self) -> None:
        import faiss

        self._lists = max(1, min(round(4 * len(self.rows) ** 0.5), len(self.rows) // _ROWS_A_LIST))
        self._looked_at = max(1, self._lists // 8)
        flat = faiss.IndexFlatL2(self.rows.shape[1])
        self._index = faiss.IndexIVFFlat(flat, self.rows.shape[1], self._lists)
        vectors = self._vectors(self.rows)
        self._index.cp.seed = 0
        self._index.train(vectors)
        self._index.add(vectors)
        self._index.nprobe = self._looked_at

    def _vectors(self, rows: Tensor) -> object:
        """What the lists hold: the rows, of length one where the cosine is meant."""
        rows = torch.nn.functional.normalize(rows.float(), dim=1) if self.metric == COSINE else rows.float()
        return rows.cpu().contiguous().numpy()
