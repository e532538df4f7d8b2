"""Exact search: what a sort of all distances in double precision gives, whatever the blocks, ties included."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from xaiwidgets.methods._neighbors import search
from xaiwidgets.methods._neighbors.library import LibrarySearch
from xaiwidgets.methods._neighbors.search import METRICS, ExactSearch


def noise(rows, features, seed=0):
    return torch.randn(rows, features, generator=torch.Generator().manual_seed(seed))


def all_distances(queries, rows, metric):
    """Every distance, written out in double precision."""
    x, y = queries.double().numpy(), rows.double().numpy()
    if metric == "l2":
        return np.stack([np.sqrt(((y - one) ** 2).sum(1)) for one in x])
    x, y = (of / np.linalg.norm(of, axis=1, keepdims=True) for of in (x, y))
    return np.stack([((y - one) ** 2).sum(1) / 2 for one in x])


@pytest.fixture(scope="module")
def many():
    """50,000 rows of 512 features as a network may have them, some of them twice; half of the queries are rows."""
    rows = noise(50_000, 512).relu_()
    rows[49_000:49_100] = rows[:100]
    rows[30_000:30_050] = rows[7]
    return rows, torch.cat([noise(8, 512, 1).relu_(), rows[:8]])


@pytest.mark.parametrize("metric", METRICS)
def test_among_many_rows_it_is_the_sort_of_all_distances(many, metric):
    rows, queries = many
    found = ExactSearch(rows, metric).nearest(queries, 75)
    expected = all_distances(queries, rows, metric)
    order = np.argsort(np.round(expected, 12), axis=1, kind="stable")[:, :75]
    assert np.array_equal(found.indices.numpy(), order)
    np.testing.assert_allclose(found.distances.numpy(), np.take_along_axis(expected, order, 1), atol=1e-13, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_the_sets_are_those_of_scikit_learn(many, metric):
    rows, queries = many[0][:20_000].double(), many[1].double()
    kind = NearestNeighbors(algorithm="brute", metric={"l2": "euclidean"}.get(metric, metric))
    expected = kind.fit(rows.numpy()).kneighbors(queries[:8].numpy(), 75, return_distance=False)
    found = ExactSearch(rows.float(), metric).nearest(queries[:8].float(), 75).indices
    assert [set(row) for row in found.tolist()] == [set(row) for row in expected.tolist()]


@pytest.mark.parametrize("metric", METRICS)
def test_of_equally_far_rows_the_first_come_first(metric):
    """All rows are one of three directions, so that nearly everything is tied far beyond what is proposed."""
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]).repeat(700, 1)
    found = ExactSearch(rows, metric).nearest(torch.tensor([[1.0, 0.0]]), 20)
    assert found.indices.tolist() == [list(range(0, 60, 3))]
    assert found.distances.abs().max() < 1e-12
    assert ExactSearch(rows, metric).nearest(torch.tensor([[0.0, 1.0]]), 705).indices[0, 698:].tolist() == [
        2095,
        2098,
        2,
        5,
        8,
        11,
        14,
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_a_far_away_origin_costs_no_neighbour(metric):
    """Norms of 10,000 with distances of 1: single precision alone tells nothing here."""
    rows = noise(3000, 16) + 10_000 / 4
    queries = noise(5, 16, 1) + 10_000 / 4
    expected = all_distances(queries, rows, metric)
    found = ExactSearch(rows, metric).nearest(queries, 10)
    np.testing.assert_allclose(found.distances.numpy(), np.sort(expected, 1)[:, :10], rtol=1e-6, atol=1e-15)
    naive = (queries @ rows.T - rows.square().sum(1) / 2).topk(10).indices
    assert not torch.equal(naive, found.indices)


@pytest.mark.parametrize("metric", METRICS)
def test_the_size_of_a_block_changes_nothing(metric, monkeypatch):
    rows, queries = noise(4000, 24).round_(decimals=1), noise(30, 24, 1).round_(decimals=1)
    whole = ExactSearch(rows, metric).nearest(queries, 15)
    monkeypatch.setattr(search, "_SCORES", 900)
    for part in (queries.split(1), queries.split(7), (queries,)):
        found = [ExactSearch(rows, metric).nearest(some, 15) for some in part]
        assert torch.equal(torch.cat([one.indices for one in found]), whole.indices)
        assert torch.equal(torch.cat([one.distances for one in found]), whole.distances)


@pytest.mark.parametrize("metric", METRICS)
def test_one_row_can_be_left_out_for_each_query_and_its_copies_stay(metric):
    rows = torch.cat([noise(50, 6), noise(50, 6)])
    found = ExactSearch(rows, metric).nearest(rows[:3], 4, torch.tensor([0, -1, 2]))
    assert found.indices[:, 0].tolist() == [50, 1, 52]
    assert found.indices[1, 1] == 51
    assert not (found.indices[[0, 2]] == torch.tensor([[0], [2]])).any()


def test_all_rows_can_be_asked_for():
    rows = noise(40, 6)
    found = ExactSearch(rows, "l2").nearest(rows[:2], 40)
    assert found.indices.sort().values.tolist() == [list(range(40))] * 2


def test_a_row_of_zeros_is_one_away_by_the_cosine():
    rows = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    found = ExactSearch(rows, "cosine").nearest(torch.tensor([[2.0, 0.0], [0.0, 0.0]]), 3)
    assert found.indices.tolist() == [[1, 0, 2], [0, 1, 2]]
    assert found.distances.tolist() == [[0, 1, 2], [1, 1, 1]]


@pytest.mark.parametrize("metric", METRICS)
def test_a_copy_in_half_of_the_memory_proposes_nearly_all(many, metric):
    rows, queries = many
    exact = ExactSearch(rows, metric).nearest(queries, 75).indices
    found = ExactSearch(rows, metric, "bfloat16").nearest(queries, 75)
    recall = float((exact[:, :, None] == found.indices[:, None]).any(2).double().mean())
    assert recall >= 0.999
    assert torch.equal(found.distances, found.distances.sort(dim=1).values)


@pytest.mark.parametrize("metric", METRICS)
def test_a_library_finds_as_many_as_it_says(metric):
    centres = noise(40, 32, 2)
    rows = (centres.repeat(100, 1) + 0.3 * noise(4000, 32)).contiguous()
    exact = ExactSearch(rows, metric)
    found = LibrarySearch(exact)
    true = exact.nearest(rows[:200], 10).indices
    recall = float((true[:, :, None] == found.nearest(rows[:200], 10).indices[:, None]).any(2).double().mean())
    assert recall >= 0.95
    assert abs(recall - found.recall) <= 0.05
    assert f"{found.recall:.1%}" in found.words


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", [1e25, 1e-24])
def test_numbers_whose_squares_are_none_in_single_precision_have_neighbours_too(metric, size):
    rows, queries = noise(500, 8).double() * size, noise(4, 8, 1).double() * size
    plain = ExactSearch(rows / size, metric).nearest(queries / size, 6)
    found = ExactSearch(rows, metric).nearest(queries, 6)
    assert torch.equal(found.indices, plain.indices)
