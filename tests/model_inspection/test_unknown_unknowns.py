import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

import xaiwidgets as xw
from tests.model_inspection.planted_unknowns import BAG, COAT, bright, lying_coats, spots
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import UnknownUnknowns
from xaiwidgets.methods.model_inspection._unknowns import chance
from xaiwidgets.methods.model_inspection._unknowns.partitions import partitioned, scaled
from xaiwidgets.methods.model_inspection._unknowns.policies import UCB1, EpsilonGreedy, GuidedSearch, baselines
from xaiwidgets.models import ImageModel

WIDGET = "xw.BlindSpotFinder(xw.load_model('lenet'), budget=60)"
SHORT = True


def example():
    return UnknownUnknowns(budget=12, partitions=5), (bright(), spots())


def searched(images, model=None, **settings):
    return last(UnknownUnknowns(**settings)(bright() if model is None else model, images))


def paper_choice(partition, pulls, exploration):
    """The arm that the paper's equations choose, each sum written out; ``pulls`` are (arm, utility) in their order."""
    arms = sorted(set(partition))
    size = {arm: partition.count(arm) for arm in arms}
    if len(pulls) < len(arms):
        return arms[len(pulls)]

    def left_after(arm, count):
        return size[arm] - sum(1 for pulled, _ in pulls[:count] if pulled == arm)

    def discount(arm, j):
        return np.float64(left_after(arm, len(pulls))) / left_after(arm, j + 1)

    open_arms = [arm for arm in arms if left_after(arm, len(pulls))]
    asked = {arm: [j for j, (pulled, _) in enumerate(pulls) if pulled == arm] for arm in open_arms}
    counts = {arm: sum(discount(arm, j) for j in asked[arm]) for arm in open_arms}

    def index(arm):
        mean = sum(discount(arm, j) * pulls[j][1] for j in asked[arm]) / counts[arm]
        return mean + exploration * np.sqrt(2 * np.log(sum(counts.values())) / counts[arm])

    best = max(map(index, open_arms))
    return next(arm for arm in open_arms if index(arm) >= best - 1e-12)


@pytest.mark.parametrize("exploration", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("cost", [0.0, 0.2, 1.0])
def test_each_choice_is_that_of_the_papers_equations(exploration, cost):
    value = searched(spots(wrong=20), budget=60, partitions=6, exploration=exploration, cost=cost)
    partition = value.partition.tolist()
    arms, utility = value.partition[value.places].tolist(), (value.wrong.double() - cost).tolist()
    pulls = []
    for arm, reward in zip(arms, utility, strict=True):
        assert arm == paper_choice(partition, pulls, exploration)
        pulls.append((arm, reward))
    np.testing.assert_allclose(value.utility, np.cumsum(utility), atol=1e-12)


def test_the_cost_changes_no_choice():
    queried = [searched(spots(), budget=40, cost=cost).queried.tolist() for cost in (0.0, 0.2, 1.0)]
    assert queried[0] == queried[1] == queried[2]


def test_ucb1_is_its_formula_and_epsilon_greedy_explores_as_often_as_told():
    partition = torch.arange(4000) % 4  # no arm runs out of images
    plain, greedy = UCB1(partition, 0), EpsilonGreedy(partition, 0, 0.3)
    draw = np.random.default_rng(0)
    asked, found, others = np.zeros(4), np.zeros(4), 0
    for t in range(404):
        plain.choose(0.7)
        greedy.choose(0.7)
        if t >= 4:
            bound = found / asked + 0.7 * np.sqrt(2 * np.log(t) / asked)
            assert bound[plain.arm] == pytest.approx(bound.max(), abs=1e-12)
            others += greedy.arm != 2
        wrong = bool(draw.random() < 0.2 + 0.2 * plain.arm)
        asked[plain.arm] += 1
        found[plain.arm] += wrong
        plain.learn(wrong=wrong)
        greedy.learn(wrong=greedy.arm == 2)
    assert scipy.stats.binomtest(others, 400, 0.3 * 3 / 4).pvalue > 1e-3


def test_nobody_is_asked_twice_and_within_an_arm_the_draw_is_uniform():
    partition = torch.zeros(5, dtype=torch.int64)
    firsts = [GuidedSearch(partition, seed).choose(1.0) for seed in range(1000)]
    assert scipy.stats.chisquare(np.bincount(firsts, minlength=5)).pvalue > 1e-3
    value = searched(spots(), budget=60, partitions=7)
    assert sorted(value.queried.tolist()) == list(range(60))


def test_a_budget_of_all_confident_images_finds_all():
    value = searched(spots(wrong=14), budget=60)
    assert int(value.wrong.sum()) == value.total == 14
    assert value.baseline_found[:, -1].tolist() == [14] * 4
    assert value.interval == (14, 14)
    assert value.p_value == 1
    assert value.estimated_total == pytest.approx((14, 0))
    assert value.found.sort().values.tolist() == list(range(46, 60))
    assert value.utility[-1].item() == pytest.approx(14 - 0.2 * 60)
    assert int(value.asked.sum()) == int(value.sizes.sum()) == 60


def test_no_label_is_looked_at_before_it_is_asked_for():
    images = spots()
    before = searched(images, budget=20)
    labels = images.labels.clone()
    unasked = torch.ones(60, dtype=torch.bool)
    unasked[before.queried] = False
    labels[unasked] = (labels[unasked] + 1) % 3
    after = searched(ImageSet(images.batch(slice(None)), labels), budget=20)
    for name in ("queried", "wrong", "labels", "means", "bonuses", "partition"):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    assert before.total != after.total  # the check beside it has read them all
    asked = set(before.queried.tolist()) | set(before.baseline_queries.flatten().tolist())
    rest = torch.tensor([image not in asked for image in range(60)])
    labels = images.labels.clone()
    labels[rest] = (labels[rest] + 1) % 3
    after = searched(ImageSet(images.batch(slice(None)), labels), budget=20)
    assert torch.equal(before.baseline_queries, after.baseline_queries)
    assert torch.equal(before.baseline_wrong, after.baseline_wrong)


def test_coats_that_lie_on_their_side_are_found_at_least_three_times_as_often_as_by_chance():
    model, images = xw.load_model("lenet"), lying_coats()
    runs = [last(UnknownUnknowns(budget=100, seed=seed)(model, images)) for seed in range(6)]
    found = np.mean([int(run.wrong.sum()) for run in runs])
    others = np.mean([run.baseline_found[:, -1].tolist() for run in runs], axis=0)
    assert found >= 3 * runs[0].expected
    assert found >= 3 * others[0]
    assert found >= 3 * others[1]  # these coats are among the surest: the least confident first does not find them
    inside = runs[0].partition == runs[0].found_in.argmax()
    labels, answers = images.labels[runs[0].confident[inside]], runs[0].answers[inside]
    coats = ((labels == COAT) & (answers == BAG)).double()
    assert coats.mean() > 5 * 40 / len(runs[0].confident)
    assert runs[0].p_value < 1e-4


def test_a_search_at_random_finds_what_the_hypergeometric_distribution_says():
    found = []
    for seed in range(600):
        order = baselines(torch.zeros(60, dtype=torch.int64), torch.linspace(0.7, 1, 60), seed, 0.1)["random"]
        found.append(sum(order.choose(0.1) >= 48 for _ in range(20)))
    expected, spread = 20 * 12 / 60, scipy.stats.hypergeom(60, 12, 20).std()
    assert abs(np.mean(found) - expected) < 4 * spread / math.sqrt(600)
    low, high = chance.interval(60, 12, 20)
    assert np.mean([low <= number <= high for number in found]) >= 0.93


@pytest.mark.parametrize(
    ("images", "wrong", "queries"),
    [(60, 12, 20), (855, 67, 100), (5, 0, 3), (7, 7, 4), (9, 4, 9), (9, 4, 0), (20_000, 900, 3000)],
)
def test_intervals_and_probabilities_are_scipys(images, wrong, queries):
    law = scipy.stats.hypergeom(images, wrong, queries)
    np.testing.assert_allclose(
        chance.log_mass(images, wrong, queries).exp(), law.pmf(np.arange(wrong + 1)), rtol=1e-6, atol=1e-300
    )
    assert chance.interval(images, wrong, queries) == tuple(law.ppf([0.025, 0.975]).astype(int))
    for found in {0, wrong // 3, wrong}:
        assert chance.at_least(images, wrong, queries, found) == pytest.approx(law.sf(found - 1), rel=1e-6, abs=1e-300)


def test_the_band_is_the_interval_at_each_number_of_queries():
    value = searched(spots(), budget=30)
    assert value.band.shape == (3, 31)
    for asked, low, high in value.band.T.tolist():
        assert (low, high) == tuple(scipy.stats.hypergeom(60, 12, asked).ppf([0.025, 0.975]).astype(int))
    assert value.expected == 30 * 12 / 60
    assert chance.band(500, 50, 400)[0].tolist() == [4 * step for step in range(101)]


def test_partitions_are_answers_first_and_then_cuts_of_the_widest():
    draw = torch.Generator().manual_seed(1)
    points = torch.randn(90, 4, generator=draw, dtype=torch.double)
    answers = torch.arange(90) % 3
    points[answers == 1, 0] += 40 * (torch.arange(30) % 2).double()  # two heaps, far apart
    *_, (three, share) = partitioned(points, answers, 3, 0)
    assert share == 1
    assert [answers[three == one].unique().numel() for one in range(3)] == [1, 1, 1]
    *_, (four, _) = partitioned(points, answers, 4, 0)
    cut = [one for one in range(4) if (answers[four == one] == 1).all()]
    assert len(cut) == 2
    assert [points[four == one, 0].std() < 5 for one in cut] == [True, True]
    sizes = four.bincount().tolist()
    assert sizes == sorted(sizes, reverse=True)
    *_, (two, _) = partitioned(points, answers, 2, 0)
    assert two.unique().numel() == 2  # fewer partitions than answers: these do not come first


def test_no_cut_makes_the_sum_of_squares_larger_and_copies_are_not_cut():
    draw = torch.Generator().manual_seed(2)
    points, answers = torch.randn(80, 3, generator=draw), torch.zeros(80, dtype=torch.int64)

    def squares(of):
        parts = [points[of == one] for one in of.unique()]
        return sum(float((part - part.mean(0)).square().sum()) for part in parts)

    ends = [list(partitioned(points, answers, count, 0))[-1][0] for count in range(1, 9)]
    totals = [squares(of) for of in ends]
    assert totals == sorted(totals, reverse=True)
    assert [of.unique().numel() for of in ends] == list(range(1, 9))
    same = torch.ones(10, 3)
    assert list(partitioned(same, answers[:10], 4, 0))[-1][0].unique().tolist() == [0]
    same[7:] = 2.0
    assert list(partitioned(same, answers[:10], 4, 0))[-1][0].tolist() == [0] * 7 + [1] * 3


def test_features_and_confidence_weigh_as_told():
    draw = torch.Generator().manual_seed(3)
    features, confidence = 30 + 9 * torch.randn(50, 6, generator=draw), torch.rand(50, generator=draw)
    points = scaled(features, confidence, 2.5).double()
    torch.testing.assert_close(points.mean(0), torch.zeros(7, dtype=torch.double), atol=1e-5, rtol=0)
    assert points[:, :6].square().sum(1).mean().item() == pytest.approx(1, rel=1e-5)
    assert points[:, 6].square().mean().item() == pytest.approx(2.5, rel=1e-5)
    assert scaled(torch.ones(5, 2), torch.ones(5), 1.0).abs().max() == 0


def test_confident_answers_are_those_of_the_network():
    images = spots()
    value = searched(images, budget=5, threshold=0.98)
    probabilities = bright()(images.batch(slice(None))).double().softmax(1)
    sure = (probabilities.max(1).values >= 0.98).nonzero().flatten()
    assert 0 < len(sure) < 60
    assert torch.equal(value.confident, sure)
    assert torch.equal(value.answers, probabilities.argmax(1)[sure])
    assert value.total == int((probabilities.argmax(1) != images.labels)[sure].sum())
    order = value.confident[value.confidence.argsort(stable=True)]
    assert value.baseline_queries[1].tolist() == order[:5].tolist()


def test_given_answers_steer_as_labels_do_and_the_run_waits_for_the_next():
    images = spots()
    known = searched(images, budget=15)
    unlabelled = ImageSet(images.batch(slice(None)))
    right, wrong = [], []
    for image, is_wrong in zip(known.queried.tolist(), known.wrong.tolist(), strict=True):
        value = searched(unlabelled, budget=15, oracle="answers", right=tuple(right), wrong=tuple(wrong))
        assert value.asking == image
        assert value.queried.tolist() == known.queried[: value.queries].tolist()
        (wrong if is_wrong else right).append(image)
    steps = list(UnknownUnknowns(budget=15, oracle="answers", right=right, wrong=wrong)(bright(), unlabelled))
    value = steps[-1].value
    assert value.asking == -1
    assert torch.equal(value.wrong, known.wrong)
    assert value.labels.tolist() == [-1] * 15
    assert value.total is value.expected is value.interval is value.p_value is None
    assert value.baselines == ()
    waiting = list(UnknownUnknowns(budget=15, oracle="answers")(bright(), unlabelled))[-1]
    assert waiting.progress == 1


def test_the_estimate_of_all_wrong_ones_is_right_on_average():
    estimates = [searched(spots(), budget=30, partitions=3, exploration=2.0, seed=s).estimated_total for s in range(30)]
    means = np.array(estimates)
    assert abs(means[:, 0].mean() - 12) < 3 * means[:, 0].std() / math.sqrt(30) + 0.5
    assert 0.5 < means[:, 1].mean() / means[:, 0].std() < 2


def test_exploration_steers_from_the_next_query_on():
    steps = UnknownUnknowns(budget=40, partitions=6, exploration=0.0)(bright(), spots())
    step = next(steps)
    while step.value.queries < 20:
        step = next(steps)
    kept = step.value.queried.tolist()
    steps.send({"exploration": 2.0})
    *_, step = steps
    alone = searched(spots(), budget=40, partitions=6, exploration=0.0)
    assert step.value.queried[:20].tolist() == kept == alone.queried[:20].tolist()
    assert step.value.queried.tolist() != alone.queried.tolist()


def test_what_does_not_fit_is_refused_in_words():
    images, unlabelled = spots(), ImageSet(spots().batch(slice(None)))
    for wanted, settings, given in (
        ("The images have no labels, so that nobody can tell.*oracle='answers'", {}, unlabelled),
        ("budget=61 was given, but only 60 images are answered with a confidence of at least 0.65", {"budget": 61}, 0),
        (
            "No image is answered with .* at least threshold=1; the largest confidence is 0.99.*lower thr",
            {"th": 1.0},
            0,
        ),
        ("An answer about image 60 was given; there are 60 images", {"oracle": "answers", "right": (60,)}, unlabelled),
        (
            "Image 7 was said to be answered both rightly and wrongly",
            {"oracle": "answers", "right": (7, 8), "wrong": (3, 7)},
            unlabelled,
        ),
        ("has the label 3, but Bright knows 3 classes, 0 to 2", {}, ImageSet(images.batch(slice(None)), [3] * 60)),
        ("has no layer 'conv9'; known: 'head'", {"layer": "conv9"}, 0),
        ("Images of 1×5×5 were given; Bright looks at 1×4×4", {}, ImageSet(torch.rand(4, 1, 5, 5), [0] * 4)),
    ):
        named = {"threshold" if name == "th" else name: entry for name, entry in settings.items()}
        with pytest.raises(XaiwidgetsError, match=wanted):
            searched(given or images, **named)
    one = ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(16, 1)), (1, 4, 4))
    with pytest.raises(XaiwidgetsError, match="for each of several classes"):
        searched(images, one)
