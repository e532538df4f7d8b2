"""The pieces against plain loops and against what others wrote."""

import itertools

import numpy as np
import pytest
import scipy.stats
import sklearn.cluster
import torch

import xaiwidgets as xw
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._failures.attributes import (
    Attributes,
    Means,
    Near,
    Top,
    attributes_of,
)
from xaiwidgets.methods.model_inspection._failures.clusters import confusions, k_means, pair_of
from xaiwidgets.methods.model_inspection._failures.modes import halves
from xaiwidgets.methods.model_inspection._failures.pictures import BATCH, PictureReader, picture_numbers
from xaiwidgets.methods.model_inspection._failures.rates import Rates, sign_test, wilson
from xaiwidgets.methods.model_inspection._failures.rules import Condition, Rule
from xaiwidgets.methods.model_inspection._failures.search import Wish, candidates, find_rule, table_of, thresholds
from xaiwidgets.methods.model_inspection._failures.selective import Selective
from xaiwidgets.models.features import read_features


def fashion_features():
    *_, step = read_features(xw.load_model("lenet"), xw.data.fashion_mnist_small("test"))
    return step.value.values


def blobs(seed=0):
    draw = torch.Generator().manual_seed(seed)
    middles = torch.tensor([[0.0, 0], [8, 0], [0, 8], [8, 8]])
    sizes = [40, 30, 20, 10]
    of = torch.repeat_interleave(torch.arange(4), torch.tensor(sizes))
    return middles[of] + torch.randn(100, 2, generator=draw), of


@pytest.mark.parametrize("count", [2, 5, 12])
def test_k_means_is_as_good_as_scikit_learns(count):
    points = fashion_features()[::4]
    found = list(k_means(points, count, seed=0))
    other = sklearn.cluster.KMeans(count, n_init=20, random_state=0).fit(points.double().numpy())
    assert found[-1].inertia <= 1.01 * other.inertia_
    assert [one.inertia for one in found] == sorted((one.inertia for one in found), reverse=True)
    squares = ((points.double()[:, None] - found[-1].centres[None]) ** 2).sum(2)
    assert torch.equal(squares.argmin(1), found[-1].of)
    assert float(squares.min(1).values.sum()) == pytest.approx(found[-1].inertia)
    for cluster in range(count):
        np.testing.assert_allclose(
            points[found[-1].of == cluster].double().mean(0), found[-1].centres[cluster], atol=1e-9
        )


def test_planted_clusters_come_back_the_largest_first():
    points, of = blobs()
    *_, found = k_means(points, 4, seed=3)
    assert torch.equal(found.of, of)
    again = list(k_means(points, 4, seed=3))[-1]
    assert torch.equal(found.centres, again.centres)


def test_fewer_different_points_make_fewer_clusters():
    points = torch.tensor([[0.0], [0.0], [5.0], [5.0], [5.0]])
    *_, found = k_means(points, 4, seed=0)
    assert found.centres.tolist() == [[5.0], [0.0]]
    assert found.of.tolist() == [1, 1, 0, 0, 0]
    assert found.inertia == 0


@pytest.mark.parametrize(("wrong", "covered"), [(0, 1), (0, 40), (3, 7), (17, 40), (40, 40), (1, 1), (250, 9000)])
def test_intervals_are_wilsons(wrong, covered):
    low, high = wilson(torch.tensor(wrong), torch.tensor(covered)).tolist()
    other = scipy.stats.binomtest(wrong, covered).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((other.low, other.high), abs=1e-12)
    z, p, n = scipy.stats.norm.ppf(0.975), wrong / covered, covered
    middle, half = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert low == pytest.approx((middle - half) / (1 + z**2 / n), abs=1e-12)
    assert high == pytest.approx((middle + half) / (1 + z**2 / n), abs=1e-12)


def test_an_interval_of_nothing_is_everything():
    assert wilson(torch.tensor([0]), torch.tensor([0])).tolist() == [[0, 1]]
    nothing = Rates.of(torch.zeros(2, 5, dtype=torch.bool), torch.zeros(5, dtype=torch.bool))
    assert nothing.lift.tolist() == nothing.precision.tolist() == nothing.recall.tolist() == [0, 0]


@pytest.mark.parametrize(("one", "other"), [(0, 0), (3, 9), (9, 3), (50, 50), (0, 12)])
def test_the_sign_test_is_the_binomial_one(one, other):
    expected = scipy.stats.binomtest(one, one + other).pvalue if one + other else 1
    assert sign_test(one, other) == pytest.approx(expected, rel=1e-9)


def test_wilson_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(0)
    wrong = torch.tensor(draw.binomial(60, 0.15, 20_000))
    low, high = wilson(wrong, torch.full_like(wrong, 60)).T
    assert float(((low <= 0.15) & (high >= 0.15)).double().mean()) == pytest.approx(0.95, abs=0.015)


def plain_numbers(image):
    """The numbers of one picture, pixel by pixel."""
    channels, height, width = image.shape
    light = [[sum(image[c, y, x] for c in range(channels)) / channels for x in range(width)] for y in range(height)]
    flat = [value for row in light for value in row]
    mean = sum(flat) / len(flat)
    contrast = (sum((value - mean) ** 2 for value in flat) / len(flat)) ** 0.5
    edge = [light[y][x] for y in range(height) for x in range(width) if y in {0, height - 1} or x in {0, width - 1}]
    middle = sorted(edge)[(len(edge) - 1) // 2]
    filled = sum(abs(value - middle) > 0.1 for value in flat) / len(flat)
    steps = [abs(light[y + 1][x] - light[y][x]) for y in range(height - 1) for x in range(width)]
    steps += [abs(light[y][x + 1] - light[y][x]) for y in range(height) for x in range(width - 1)]
    sharp = sum(steps) / len(steps) / contrast if contrast >= 1e-3 else 0
    spans = [max(image[:, y, x]) - min(image[:, y, x]) for y in range(height) for x in range(width)]
    return [mean, contrast, filled, sharp, *([sum(spans) / len(spans)] if channels == 3 else [])]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_told_as_pixel_after_pixel_tells(channels):
    images = torch.rand(4, channels, 5, 7, generator=torch.Generator().manual_seed(channels))
    images[1] = 0.25
    images[2, :, 1:-1, 2:4] = 0.9
    np.testing.assert_allclose(
        picture_numbers(images), [plain_numbers(image.double().numpy()) for image in images], rtol=1e-6
    )


def test_pictures_have_the_numbers_that_people_see():
    images = torch.zeros(3, 1, 10, 10)
    images[0, :, 2:7, 2:6] = 1
    images[1] = 1
    images[2, :, :, ::2] = 1
    brightness, contrast, filled, sharpness = picture_numbers(images).T.tolist()
    assert brightness == [0.2, 1, 0.5]
    assert contrast == pytest.approx([0.4, 0, 0.5])
    assert filled[:2] == [0.2, 0]
    assert sharpness[2] > 2 * sharpness[0] > sharpness[1] == 0


def test_pictures_are_read_once(monkeypatch):
    read = []

    class Watched(ImageSet):
        def batch(self, index):
            read.append(len(index))
            return super().batch(index)

    images = Watched(torch.rand(150, 1, 4, 4, generator=torch.Generator().manual_seed(9)))
    reader = PictureReader(images)
    parts = [reader.upto(count) for count in (64, 128, 150)]
    assert read == [BATCH, BATCH, 22]
    assert torch.equal(parts[2][:64], parts[0])
    assert torch.equal(PictureReader(images).upto(100), parts[2][:100])
    assert read == [BATCH, BATCH, 22]


def table(seed=0, rows=300):
    """Attributes at random, with an answer that depends on two of them."""
    draw = torch.Generator().manual_seed(seed)
    numbers = torch.rand(rows, 3, generator=draw, dtype=torch.double)
    classes = torch.randint(4, (rows, 3), generator=draw)
    wrong = (numbers[:, 1] < 0.3) & (classes[:, 0] == 2) & (torch.rand(rows, generator=draw) < 0.8)
    wrong |= torch.rand(rows, generator=draw) < 0.02
    return Attributes(("confidence", "brightness", "contrast"), numbers, classes), wrong


def f_of(covered, wrong, beta):
    tp, fp, fn = (covered & wrong).sum(), (covered & ~wrong).sum(), (~covered & wrong).sum()
    return (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_search_finds_the_best_condition_and_pair(seed, beta):
    attributes, wrong = table(seed)
    tried = list(candidates(attributes, attributes[wrong], Wish(2, beta)))
    holds = [one.holds(attributes).numpy() for one in tried]
    np.testing.assert_array_equal(table_of(tried, attributes), holds)
    for length in (1, 2):
        rule = find_rule(attributes, wrong, ~wrong, Wish(length, beta))
        sets = itertools.combinations_with_replacement(holds, length)
        best = max(f_of(np.logical_and.reduce(one), wrong.numpy(), beta) for one in sets)
        score = f_of(rule.holds(attributes).numpy(), wrong.numpy(), beta)
        assert score == pytest.approx(best) if length == 1 else score >= best / 1.1


def test_a_planted_rule_is_found_in_its_words():
    attributes, wrong = table()
    rule = find_rule(attributes, wrong, ~wrong, Wish(3, 1.0))
    assert rule.words(["a", "b", "c", "d"]).startswith("predicted c, brightness under 0.")
    assert rule.attributes in {("predicted", "brightness"), ("brightness", "predicted")}


def test_other_groups_count_neither_for_nor_against():
    attributes, wrong = table()
    sought = wrong & (attributes.classes[:, 0] == 2)
    rule = find_rule(attributes, sought, ~wrong, Wish(2, 1.0))
    kept = sought | ~wrong
    assert find_rule(attributes[kept], sought[kept], ~wrong[kept], Wish(2, 1.0)).attributes == rule.attributes


def test_a_rule_is_said_as_it_is_computed():
    attributes = Attributes(
        ("brightness",), torch.tensor([[0.1], [0.2], [0.3], [0.4]]).double(), torch.zeros(4, 3).long()
    )
    both = Rule((Condition("brightness", low=0.2), Condition("predicted", label=0), Condition("brightness", high=0.4)))
    assert both.words(["hat"]) == "predicted hat, brightness at least 0.2 and under 0.4"
    assert both.holds(attributes).tolist() == [False, True, True, False]
    assert Rule().words(["hat"]) == "no rule"
    assert not Rule().holds(attributes).any()


def test_thresholds_have_no_more_digits_than_they_need():
    column = torch.linspace(0, 1, 1001, dtype=torch.double)
    found = thresholds(column, column[:300])
    assert found == [round(value, 2) for value in found]
    assert {0.1, 0.2, 0.3, 0.9} <= set(found)
    near_one = 1 - column * 1e-3
    found = thresholds(near_one, near_one)
    assert len(found) >= 9
    assert min(found) > float(near_one.min())
    assert thresholds(torch.ones(5).double(), torch.ones(2).double()) == []
    assert thresholds(torch.rand(5).double(), torch.rand(0).double()) == []


def test_attributes_are_those_of_each_answer():
    features = fashion_features()[::10]
    labels = xw.data.fashion_mnist_small("test").labels[::10].clone()
    means = Means.of(features, labels.clamp(max=8), 10)  # no image of class 9
    probabilities = torch.rand(100, 10, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    near = Near.joined(Means(means.values, 2.0).nearest(features))
    found = attributes_of(Top(*probabilities.topk(2, dim=1)), near, (("light",), torch.rand(100, 1).double()))
    plain = features.double().numpy()
    middles = {c: plain[labels.clamp(max=8).numpy() == c].mean(0) for c in range(9)}
    away = np.array([[np.linalg.norm(row - middles[c]) for c in range(9)] for row in plain])
    np.testing.assert_array_equal(found.column("nearest to"), away.argmin(1))
    np.testing.assert_allclose(found.column("distance"), away.min(1) / 2, rtol=1e-9)
    order = np.argsort(-probabilities.numpy(), axis=1)
    np.testing.assert_array_equal(found.column("predicted"), order[:, 0])
    np.testing.assert_array_equal(found.column("runner-up"), order[:, 1])
    lead = np.take_along_axis(probabilities.numpy(), order[:, :2], 1)
    np.testing.assert_allclose(found.column("margin"), lead[:, 0] - lead[:, 1])


def test_what_is_kept_is_counted_image_by_image():
    draw = torch.Generator().manual_seed(3)
    covered = torch.rand(3, 50, generator=draw) < 0.2
    wrong = torch.rand(50, generator=draw) < 0.3
    confidence = torch.rand(50, generator=draw)
    found = Selective.of(covered, wrong, confidence)
    for rules in range(4):
        kept = [i for i in range(50) if not any(covered[r, i] for r in range(rules))]
        assert float(found.kept[rules]) == pytest.approx(len(kept) / 50)
        assert float(found.accuracy[rules]) == pytest.approx(sum(not wrong[i] for i in kept) / len(kept))
        sure = sorted(range(50), key=lambda i: -float(confidence[i]))[: len(kept)]
        assert float(found.confident_accuracy[rules]) == pytest.approx(sum(not wrong[i] for i in sure) / len(sure))
        assert float(found.confident_curve[50 - len(kept)]) == float(found.confident_accuracy[rules])
    flagged, dropped = set(range(50)) - set(kept), set(range(50)) - set(sure)
    assert found.only_flagged == sum(bool(wrong[i]) for i in flagged - dropped)
    assert found.only_unsure == sum(bool(wrong[i]) for i in dropped - flagged)


def test_each_half_has_half_of_the_errors():
    wrong = torch.arange(101) < 21
    held_out = halves(wrong, seed=4)
    assert int((held_out & wrong).sum()) == 10
    assert int((held_out & ~wrong).sum()) == 40
    assert not torch.equal(held_out, halves(wrong, seed=5))
    assert torch.equal(held_out, halves(wrong, seed=4))


def test_pairs_are_found_again():
    labels, predicted = torch.tensor([1, 1, 2, 1, 0]), torch.tensor([2, 2, 0, 0, 2])
    pairs = confusions(labels, predicted, 2)
    assert pairs.tolist() == [[1, 2], [0, 2]]
    assert pair_of(labels, predicted, pairs).tolist() == [0, 0, -1, -1, 1]
    assert pair_of(labels, predicted, pairs[:0]).tolist() == [-1] * 5
