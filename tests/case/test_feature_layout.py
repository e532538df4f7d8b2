"""Features on a plane: principal axes, t-SNE, and what a plane keeps of neighbourhoods."""

import importlib.util

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._plane import Kept, keeping, principal_plane
from xaiwidgets.methods._tsne import Layout, neighbor_layout, principal_layout


def clusters(count=240, kinds=6, size=20, spread=4.0, seed=0):
    """Points around a few middles, and to which middle each belongs."""
    drawn = torch.Generator().manual_seed(seed)
    kind = torch.arange(count) % kinds
    middles = spread * torch.randn(kinds, size, generator=drawn)
    return middles[kind] + torch.randn(count, size, generator=drawn), kind


def last(steps):
    *_, step = steps
    return step.value


def plain_share(features, places, k):
    """Of each point's k nearest, the share that is kept: a sort of all distances."""

    def near(points):
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        return distances.argsort(1)[:, :k]

    pairs = zip(near(np.asarray(features, float)), near(np.asarray(places, float)), strict=True)
    return np.mean([len(set(a) & set(b)) / k for a, b in pairs])


def test_the_principal_plane_is_scikit_learns():
    features, _ = clusters()
    mine = principal_plane(features).numpy()
    theirs = PCA(2, svd_solver="full").fit_transform(features.double().numpy())
    signs = np.sign((mine * theirs).sum(0))
    assert np.allclose(mine, theirs * signs, atol=1e-8)
    largest = np.abs(mine).argmax(0)
    assert (mine[largest, [0, 1]] > 0).all()


def test_one_feature_is_one_axis():
    places = principal_plane(torch.arange(5.0)[:, None])
    assert places.shape == (5, 2)
    assert (places[:, 1] == 0).all()


@pytest.mark.parametrize("k", [1, 5, 12])
def test_what_is_kept_is_the_plain_formula_and_scikit_learns(k):
    features, _ = clusters(count=90)
    places = principal_plane(features)
    kept = last(keeping(features, places, k))
    assert kept.neighbors == k
    assert kept.share == pytest.approx(plain_share(features, places, k))
    assert kept.trustworthiness == pytest.approx(trustworthiness(features.double(), places, n_neighbors=k), abs=1e-12)


def test_what_is_kept_does_not_depend_on_how_many_rows_are_seen_at_once(monkeypatch):
    features, _ = clusters(count=90)
    places = principal_plane(features)
    whole = last(keeping(features, places))
    monkeypatch.setattr("xaiwidgets.methods._plane._DISTANCES", 90 * 7)
    steps = list(keeping(features, places))
    assert [step.done for step in steps] == [*range(7, 90, 7), 90]
    assert steps[-1].value == whole


def test_everything_is_kept_of_a_plane_and_nothing_but_chance_of_noise():
    plane = torch.randn(300, 2, generator=torch.Generator().manual_seed(1))
    kept = last(keeping(plane, plane * 3 + 1))
    assert (kept.share, kept.trustworthiness) == (1.0, 1.0)
    drawn = last(keeping(plane, torch.randn(300, 2, generator=torch.Generator().manual_seed(2))))
    assert drawn.share == pytest.approx(drawn.chance, abs=0.015)
    assert drawn.trustworthiness == pytest.approx(0.5, abs=0.03)


def test_tsne_begins_at_pca_and_keeps_more():
    features, kind = clusters(size=30, kinds=8)
    steps = list(neighbor_layout(features))
    first, answer = steps[0].value, steps[-1].value
    assert torch.equal(first.places, principal_plane(features))
    plane = last(principal_layout(features))
    assert isinstance(answer.kept, Kept)
    assert answer.kept.share > plane.kept.share + 0.1
    assert answer.kept.trustworthiness > plane.kept.trustworthiness
    assert answer.kept.trustworthiness == pytest.approx(
        trustworthiness(features.double(), answer.places, n_neighbors=10), abs=1e-12
    )
    nearest = torch.cdist(answer.places, answer.places).fill_diagonal_(torch.inf).argmin(1)
    assert (kind[nearest] == kind).double().mean() > 0.98
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == steps[-1].total


def test_the_divergence_is_as_low_as_scikit_learns():
    from sklearn.manifold import TSNE

    features, _ = clusters(count=200, spread=1.0)
    places = last(neighbor_layout(features)).places.numpy()
    theirs = TSNE(perplexity=30, init="pca", method="exact", random_state=0).fit(features.double().numpy())
    reached = divergence(features, places)
    assert 0.1 < reached < 1.05 * divergence(features, theirs.embedding_)


def divergence(features, places, perplexity=30.0):
    """Equations 1 to 5 of the paper, each bandwidth by halving."""
    squares = torch.cdist(features.double(), features.double()).square().fill_diagonal_(torch.inf).numpy()
    rows = []
    for row in squares:
        low, high = 0.0, 100.0
        for _ in range(80):
            beta = (low + high) / 2
            share = np.exp(-beta * (row - row.min()))
            share /= share.sum()
            entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
            low, high = (beta, high) if entropy > np.log(perplexity) else (low, beta)
        rows.append(share)
    joint = (np.array(rows) + np.array(rows).T) / (2 * len(rows))
    near = 1 / (1 + torch.cdist(torch.tensor(places).double(), torch.tensor(places).double()).square().numpy())
    np.fill_diagonal(near, 0.0)
    near /= near.sum()
    there = joint > 0
    return (joint[there] * np.log(joint[there] / near[there])).sum()


def test_equal_seeds_give_equal_places_and_steps_are_not_written_over():
    features, _ = clusters(count=60)
    runs = [[step.value.places for step in neighbor_layout(features, seed=3)] for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))
    kept = [places.clone() for places in runs[0]]
    assert len({tuple(places[0].tolist()) for places in kept}) > 10
    other = last(neighbor_layout(features, seed=4)).places
    assert not torch.equal(other, runs[0][-1])


def test_of_many_points_a_sample_is_laid_out_and_the_rest_stands_beside_it():
    features, kind = clusters(count=400)
    answer = last(neighbor_layout(features, sample=150))
    assert isinstance(answer, Layout)
    assert (answer.sampled, len(answer.places)) == (150, 400)
    nearest = torch.cdist(answer.places, answer.places).fill_diagonal_(torch.inf).argmin(1)
    assert (kind[nearest] == kind).double().mean() > 0.98
    drawn = torch.randperm(400, generator=torch.Generator().manual_seed(0))[:150].sort().values
    rest = sorted(set(range(400)) - set(drawn.tolist()))
    near = torch.cdist(features[rest].double(), features[drawn].double()).topk(3, largest=False)
    weights = 1 / near.values
    weights /= weights.sum(1, keepdim=True)
    expected = (answer.places[drawn][near.indices] * weights[..., None]).sum(1)
    assert torch.allclose(answer.places[rest], expected, atol=1e-6)


def test_equal_points_part_and_nothing_breaks():
    features = torch.ones(40, 5)
    features[20:] = 2.0
    answer = last(neighbor_layout(features))
    assert answer.places.isfinite().all()
    assert torch.cdist(answer.places[:20], answer.places[20:]).min() > 0


def test_features_are_left_as_they_are():
    features, _ = clusters(count=40)
    before = features.clone()
    last(neighbor_layout(features))
    assert torch.equal(features, before)


def test_too_few_points_are_refused_in_words():
    with pytest.raises(XaiwidgetsError, match="7 points were given; t-SNE needs at least 8"):
        next(neighbor_layout(torch.randn(7, 3)))
    with pytest.raises(XaiwidgetsError, match="3 points were given; at least 4 are needed"):
        next(keeping(torch.randn(3, 3), torch.randn(3, 2)))


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(
        XaiwidgetsError, match=r"openTSNE, which is not installed; run: pip install 'xaiwidgets\[app\]'"
    ):
        next(neighbor_layout(torch.randn(20, 3)))
