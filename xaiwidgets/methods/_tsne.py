"""Features laid out on a plane by t-SNE, a little better with every step."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.methods._neighbors.search import L2, ExactSearch
from xaiwidgets.methods._plane import Kept, keeping, principal_plane

PCA, TSNE = "PCA", "t-SNE"

SAMPLE = 5000
"""Points that are laid out; where there are more, the rest stand at those of them that are nearest."""

_PERPLEXITY = 30.0
_PHASES = ((250, 12.0), (500, 1.0))  # iterations and exaggeration
_MOMENTUM = 0.8
_POINTS_A_STEP = 6000  # points times iterations: about a tenth of a second on one core
_AT_ONCE = 256  # rows whose nearest are looked up in one step
_BESIDE = 3  # laid-out points that a further point stands between
_FEWEST = 8


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the points lie so far; units have no meaning, and with t-SNE axes and far distances have none either.

    ``sampled`` of the points were laid out, the others stand between the laid-out ones that are nearest to them.
    ``kept`` says how much of the sampled points' neighbourhoods is to be seen, once it was looked at.
    """

    places: Float[Tensor, "image 2"]
    method: str
    sampled: int
    kept: Kept | None = None


def principal_layout(features: Float[Tensor, "image feature"], seed: int = 0) -> Iterator[Step[Layout]]:
    """Yield the plane of the two principal axes, and then what it keeps of the neighbourhoods (of a seeded sample)."""
    layout = Layout(principal_plane(features), PCA, len(features))
    yield Step(layout, done=0.5, total=1.0)
    sample = _sample(len(features), seed).to(features.device)
    yield from _checked(layout, features[sample], sample, 0.5)


def neighbor_layout(
    features: Float[Tensor, "image feature"], seed: int = 0, sample: int = SAMPLE
) -> Iterator[Step[Layout]]:
    """Yield the principal plane, and then ever better places by t-SNE (van der Maaten and Hinton 2008).

    The Kullback-Leibler divergence of equations 4 and 5 is lowered with the Barnes-Hut approximation (van der Maaten
    2014) by the library openTSNE. Perplexity is 30, over each point's 90 nearest by Euclidean distance, which are found
    exactly. There are 250 iterations with an exaggeration of 12 and 500 without, at momentum 0.8 and a learning rate of
    the number of points over the exaggeration (Belkina et al. 2019). It starts from the principal plane, scaled to a
    spread of 1e-4, to which ``seed`` adds a hundredth of noise so that equal points part. Equal arguments give equal
    places to the bit.

    Where there are more points than ``sample``, so many drawn with ``seed`` are laid out, and each other point stands
    at the mean of its 3 nearest of them, weighted by their inverse distance. The last steps say what is kept.

    Raises `XaiwidgetsError` where openTSNE is not installed, and for fewer than 8 points.
    """
    refuse_without_tsne()
    if len(features) < _FEWEST:
        raise XaiwidgetsError(f"{len(features)} points were given; t-SNE needs at least {_FEWEST}.")
    plane = principal_plane(features)
    chosen = _sample(len(features), seed, sample).to(features.device)
    layout = Layout(plane, TSNE, len(chosen))
    yield Step(layout, done=0.0, total=1.0)
    search = ExactSearch(features[chosen], L2)
    beside = yield from _beside(search, features, chosen, layout)
    start = plane[chosen]
    noise = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed), dtype=start.dtype)
    start = start + 0.01 * start[:, 0].std() * noise.to(start.device)
    perplexity = min(_PERPLEXITY, (len(chosen) - 1) / 3)
    near = yield from _neighbors(search, features[chosen], round(3 * perplexity), layout)
    for places, progress in _refined(start.cpu(), near, perplexity):
        layout = replace(layout, places=_all_places(places.to(plane.device), beside))
        yield Step(layout, done=0.15 + 0.75 * progress, total=1.0)
    yield from _checked(layout, features[chosen], chosen, 0.9)


def refuse_without_tsne() -> None:
    """Raise `XaiwidgetsError` where the library is not installed."""
    if importlib.util.find_spec("openTSNE") is None:
        raise XaiwidgetsError("t-SNE comes with openTSNE, which is not installed; run: pip install 'xaiwidgets[app]'")


def _sample(count: int, seed: int, most: int = SAMPLE) -> Int[Tensor, "sampled"]:
    if count <= most:
        return torch.arange(count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:most].sort().values


def _checked(layout: Layout, features: Tensor, sample: Tensor, begun: float) -> Iterator[Step[Layout]]:
    """Yield the layout with what it keeps."""
    for step in keeping(features, layout.places[sample]):
        found = replace(layout, kept=step.value) if step.done == step.total else layout
        yield Step(found, done=begun + (1.0 - begun) * step.progress, total=1.0)
    yield Step(found, done=1.0, total=1.0)


Weighted = tuple[Int[Tensor, "image beside"], Float[Tensor, "image beside"]]


def _beside(search: ExactSearch, features: Tensor, chosen: Tensor, layout: Layout) -> Iterator[Step[Layout]]:
    """Find which laid-out points each point stands between, and by which weights; one that is laid out, by itself."""
    places, weights = [], []
    for start in range(0, len(features), _AT_ONCE) if len(chosen) < len(features) else ():
        found = search.nearest(features[start : start + _AT_ONCE], _BESIDE)
        near = 1.0 / found.distances.clamp_min(1e-9 * float(found.distances.max()) + 1e-30)
        places.append(found.indices)
        weights.append(near / near.sum(1, keepdim=True))
        yield Step(layout, done=0.1 * min(1.0, (start + _AT_ONCE) / len(features)), total=1.0)
    if not places:
        return torch.arange(len(features), device=features.device)[:, None], features.new_ones(
            len(features), 1
        ).double()
    indices, shares = torch.cat(places), torch.cat(weights)
    indices[chosen] = torch.arange(len(chosen), device=chosen.device)[:, None]
    return indices, shares


def _all_places(places: Float[Tensor, "sampled 2"], beside: Weighted) -> Float[Tensor, "image 2"]:
    indices, weights = beside
    return (places[indices] * weights[:, :, None]).sum(1)


def _neighbors(search: ExactSearch, rows: Tensor, count: int, layout: Layout) -> Iterator[Step[Layout]]:
    """Find the nearest others of each point that is laid out."""
    indices, distances = [], []
    for start in range(0, len(rows), _AT_ONCE):
        own = torch.arange(start, min(start + _AT_ONCE, len(rows)), device=rows.device)
        found = search.nearest(rows[own], count, own)
        indices.append(found.indices.cpu())
        distances.append(found.distances.cpu())
        yield Step(layout, done=0.1 + 0.05 * min(1.0, (start + _AT_ONCE) / len(rows)), total=1.0)
    return torch.cat(indices), torch.cat(distances)


def _refined(start: Tensor, near: tuple[Tensor, Tensor], perplexity: float) -> Iterator[tuple[Tensor, float]]:
    """Give places after every few iterations, and the share of the iterations that is done."""
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    index = PrecomputedNeighbors(*(part.numpy() for part in near))
    affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=1)
    spread = float(start[:, 0].std()) or 1.0
    embedding = TSNEEmbedding(
        (1e-4 / spread * start).numpy(), affinities, negative_gradient_method=_gradient, n_jobs=1, random_state=0
    )
    at_once, done, total = min(10, max(1, _POINTS_A_STEP // len(start))), 0, sum(count for count, _ in _PHASES)
    for count, exaggeration in _PHASES:
        for begun in range(0, count, at_once):
            steps = min(at_once, count - begun)
            rate = len(start) / exaggeration
            embedding.optimize(steps, True, exaggeration=exaggeration, momentum=_MOMENTUM, learning_rate=rate)
            done += steps
            yield torch.tensor(embedding.tolist(), dtype=torch.float64), done / total


def _gradient(*arguments: object, should_eval_error: bool = False, **options: object) -> tuple[float, object]:
    """The library's own gradient, without the pass over all points by which it tells the divergence after each call."""
    from openTSNE.tsne import kl_divergence_bh

    return (0.0, None) if should_eval_error else kl_divergence_bh(*arguments, **options)
