from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier

import xaiwidgets as xw
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import SetCover
from xaiwidgets.methods.case._set_cover.tally import same_labels
from xaiwidgets.models.features import read_features

WIDGET = "xw.CoverExplorer(xw.load_model('lenet'), xw.data.fashion_mnist_small('train').subset(range(0, 4000, 8)))"
SHORT = True


def example():
    """A tiny call for the contract suite: two batches and three classes."""
    images = torch.rand(70, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return SetCover(count=4), (image_model("lenet"), ImageSet(images, torch.arange(70) % 3))


def blobs(rows=60, seed=0):
    """Three classes that overlap, in five numbers."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % 3
    return torch.randn(rows, 5, generator=draw).double() + 2 * torch.eye(3, 5)[labels], labels


def radius_of(distances, epsilon):
    """The distance below which so many percent of the pairs are."""
    pairs = np.sort(distances[np.triu_indices(len(distances), 1)])
    return pairs[round(epsilon / 100 * (len(pairs) - 1))]


def within_of(distances, radius):
    """The balls as a matrix; the radius is one of the distances, and belongs to its ball."""
    return distances <= radius * (1 + 1e-9)


def objective(within, labels, chosen, weight, cost):
    """Bien and Tibshirani's, from its definition."""
    own = labels[:, None] == labels
    uncovered = sum(not any(within[j, i] and own[j, i] for j in chosen) for i in range(len(labels)))
    wrong = sum(within[j, i] and not own[j, i] for j in chosen for i in range(len(labels)))
    return uncovered + weight * wrong + cost * len(chosen)


def plain(within, labels, count, weight, cost):
    """The greedy choice, each time with the objective from scratch for every row."""
    chosen, values = [], [float(len(labels))]
    while len(chosen) < count:
        found = [(objective(within, labels, [*chosen, row], weight, cost), row) for row in range(len(labels))]
        best = min(found)
        if best[0] >= values[-1]:
            break
        chosen.append(best[1])
        values.append(best[0])
    return chosen, values[1:]


@pytest.fixture(scope="module")
def fashion():
    """An answer about every other packaged image, the distances and the images."""
    images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 2))
    model = xw.load_model("lenet")
    features = last(read_features(model, images)).values.double().numpy()
    return last(SetCover()(model, images)), pairwise_distances(features), features, images


@pytest.mark.parametrize(("epsilon", "weight", "cost"), [(5, 1, 0), (20, 1, 0), (20, 0.3, 1.5), (10, 0, 0), (2, 1, 1)])
def test_it_chooses_what_the_plain_search_chooses(epsilon, weight, cost):
    features, labels = blobs()
    value = last(SetCover(count=7, epsilon=epsilon, wrong_weight=weight, cost=cost)(None, (features, labels)))
    distances = pairwise_distances(features)
    assert value.radius == pytest.approx(radius_of(distances, epsilon))
    within = within_of(distances, value.radius)
    chosen, values = plain(within, labels.numpy(), 7, weight, cost)
    assert value.prototypes.tolist() == chosen
    np.testing.assert_allclose(value.objective, values, atol=1e-9)
    assert value.exhausted == (len(plain(within, labels.numpy(), 8, weight, cost)[0]) == len(chosen))


def test_of_real_images_it_covers_what_it_says(fashion):
    """The radius is a distance of the first 1,000 rows; the gains are kept up to date over pieces of rows."""
    value, distances, _, images = fashion
    labels, within = images.labels.numpy(), within_of(distances, value.radius)
    own = labels[:, None] == labels
    covered, chosen = np.zeros(len(labels), bool), value.prototypes.tolist()
    for place, row in enumerate(chosen):
        gain = ((within & own) & ~covered).sum(1) - (within & ~own).sum(1)
        assert row == int(np.argmax(gain))
        fresh = within[row] & own[row] & ~covered
        assert sorted(value.members(place).tolist()) == np.flatnonzero(fresh).tolist()
        np.testing.assert_allclose(value.distance[value.members(place)], np.sort(distances[row, fresh]), atol=1e-5)
        assert (int(value.newly[place]), int(value.wrongly[place])) == (fresh.sum(), (within & ~own)[row].sum())
        covered |= fresh
        assert float(value.covered[place]) == pytest.approx(covered.mean())
        assert float(value.wrong[place]) == pytest.approx((within & ~own)[chosen[: place + 1]].any(0).mean())
    assert sorted(value.uncovered.tolist()) == np.flatnonzero(~covered).tolist()
    gap = ((within & own) & ~covered).sum(1)
    np.testing.assert_array_equal(value.gap, gap)
    assert (np.diff(gap[value.uncovered]) <= 0).all()
    np.testing.assert_array_equal(value.wrong_balls, (within & ~own)[chosen].sum(0))
    assert value.wrongly_covered.tolist() == np.flatnonzero((within & ~own)[chosen].any(0)).tolist()
    for label in range(10):
        assert value.covered_of(label) == pytest.approx(covered[labels == label].mean())


def test_the_ball_size_is_a_share_of_all_pairs(fashion):
    value, distances, _, images = fashion
    share = (distances[np.triu_indices(len(distances), 1)] <= value.radius).mean()
    assert share == pytest.approx(0.05, abs=0.005)
    assert (distances <= value.radius).mean() == pytest.approx(0.05, abs=0.005)
    larger = last(SetCover(epsilon=10, count=1)(xw.load_model("lenet"), images))
    assert larger.radius > value.radius


def test_it_covers_more_and_less_wrongly_than_random_images_of_the_same_classes(fashion):
    value, distances, features, images = fashion
    assert float(value.covered[-1]) > float(value.random_covered[:, -1].max())
    assert float(value.wrong[-1]) < float(value.random_wrong[:, -1].mean())
    assert value.accuracy > float(value.random_accuracy.max())
    rows = same_labels(images.labels, value.prototypes, 3)
    assert len(set(rows.tolist())) == len(rows)
    assert torch.equal(images.labels[rows], images.labels[value.prototypes])
    within, own = within_of(distances, value.radius)[rows], (images.labels[rows][:, None] == images.labels).numpy()
    assert float(value.random_covered[3, 6]) == pytest.approx((within & own)[:7].any(0).mean())
    assert float(value.random_wrong[3, -1]) == pytest.approx((within & ~own).any(0).mean())
    for chosen, found in [(value.prototypes, value.accuracy), (rows, float(value.random_accuracy[3]))]:
        others = np.setdiff1d(np.arange(len(features)), chosen)
        nearest = KNeighborsClassifier(1).fit(features[chosen], images.labels[chosen])
        assert found == pytest.approx(nearest.score(features[others], images.labels[others]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("epsilon", [5, 15, 30])
def test_greedy_covers_nearly_what_the_best_set_of_the_same_size_covers(seed, epsilon):
    features, labels = blobs(18, seed)
    for size in (2, 3, 4):
        value = last(SetCover(epsilon=epsilon, count=size, wrong_weight=0)(None, (features, labels)))
        holds = within_of(pairwise_distances(features), value.radius) & (labels[:, None] == labels).numpy()
        best = max(holds[list(rows)].any(0).mean() for rows in combinations(range(18), size))
        assert float(value.covered[-1]) >= (1 - 1 / np.e) * best


def test_groups_that_lie_apart_are_covered_by_one_ball_each():
    draw = torch.Generator().manual_seed(0)
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor([40, 30, 20, 10]))
    features = 50 * torch.eye(4)[labels] + 0.1 * torch.randn(100, 4, generator=draw)
    value = last(SetCover(epsilon=29.25, count=9)(None, (features, labels)))  # 29.3 % of the pairs are within groups
    assert labels[value.prototypes].tolist() == [0, 1, 2, 3]
    assert value.exhausted
    assert float(value.covered[-1]) == 1
    assert len(value.wrongly_covered) == 0
    assert len(value.uncovered) == 0
    assert value.accuracy == 1


def test_where_every_ball_is_wrong_nothing_is_chosen():
    features, labels = blobs(30)
    value = last(SetCover(epsilon=50, cost=100.0, count=3)(None, (features, labels)))
    assert len(value.prototypes) == 0
    assert value.exhausted
    assert len(value.uncovered) == 30
    assert np.isnan(value.accuracy)
    assert value.stage == "done"
    assert len(value.random_covered) == 0
    assert bool((value.nearest == -1).all())


def test_equal_rows_are_covered_together_and_taken_in_their_order():
    features = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))[torch.arange(30) % 5] * 10
    value = last(SetCover(epsilon=1, count=9)(None, (features, torch.arange(30) % 5)))
    assert value.radius == 0
    assert value.prototypes.tolist() == [0, 1, 2, 3, 4]
    assert float(value.covered[-1]) == 1
    alone = last(SetCover(count=1)(None, (torch.rand(1, 3), torch.tensor([4]))))
    assert alone.prototypes.tolist() == [0]


@pytest.mark.parametrize(
    "change", [{"count": 9}, {"count": 2}, {"epsilon": 20.0}, {"wrong_weight": 0.0}, {"cost": 3.0}]
)
@pytest.mark.parametrize(
    "stage", ["counting what is near", "choosing prototypes", "comparing with random rows", "done"]
)
def test_what_is_changed_on_the_way_gives_what_it_gives_from_the_start(change, stage):
    features, labels = blobs(300, 3)
    method = SetCover(count=5)
    RESULTS.clear()  # what was counted is not counted again
    steps = method(None, (features, labels))
    next(step for step in steps if step.value.stage == stage)
    *_, end = steps.send(change), *steps
    alone = last(method.replace(**change)(None, (features, labels)))
    assert end.value.stage == "done"
    assert end.value.exhausted == alone.exhausted
    for name in ("prototypes", "newly", "objective", "covered_by", "wrong_balls", "gap", "nearest", "random_covered"):
        assert torch.equal(getattr(end.value, name), getattr(alone, name)), name
    assert end.progress == 1


def test_what_does_not_fit_is_refused_in_words():
    model, images = image_model("lenet"), ImageSet(torch.rand(20, 1, 28, 28))
    labelled = images.with_labels(range(20))
    rows = torch.rand(30, 3)
    cases = [
        (SetCover(), (model, images), "The images have no labels, and a ball covers images of its class"),
        (SetCover(count=21), (model, labelled), "count=21 was given for 20 examples; give at most as many"),
        (SetCover(), (None, rows), r"give two tensors: \(features, labels\)"),
        (SetCover(), (None, (rows, -torch.ones(30).long())), "Row 0 has the label -1; give whole numbers from 0"),
        (SetCover("99"), (model, labelled), "no layer '99'; nearest: '9'"),
    ]
    for method, arguments, words in cases:
        with pytest.raises(XaiwidgetsError, match=words):
            last(method(*arguments))
    with pytest.raises(InvalidSettingError, match=r"epsilon=60 was given; give a number from 0\.1 to 50"):
        SetCover(epsilon=60)
