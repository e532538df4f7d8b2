"""The head really fitted again: against scikit-learn and a plain restatement, and what is refused in words."""

import re

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.model_inspection import heads
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods import InfluenceFunctions
from xaiwidgets.methods.model_inspection._influence.agreement import correlation
from xaiwidgets.methods.model_inspection._influence.retraining import removals

TRAIN, TEST = heads.rows(45), heads.rows(4, seed=1)


@pytest.fixture(autouse=True)
def forget():
    RESULTS.clear()
    yield
    RESULTS.clear()


@pytest.fixture(scope="module")
def found():
    return explain()


def explain(train=TRAIN, test=TEST, **settings):
    return last(InfluenceFunctions(**{"damping": 1e-2, **settings})(None, train, test))


def plain_losses(theta):
    return np.array([heads.loss(theta, x, int(y)) for x, y in zip(TEST[0].numpy(), TEST[1], strict=True)])


def without(rows):
    weights = np.ones(45)
    weights[rows] = 0
    return heads.optimum(TRAIN[0].numpy(), TRAIN[1].numpy(), 3, 1e-2, weights)


@pytest.mark.parametrize("rows", [[7], [0, 4, 5, 11, 30], list(range(1, 28, 2))])
def test_removals_by_the_book(found, rows):
    removal = found.retrain_without(rows)
    X, Y = (part.numpy() for part in TRAIN)
    theta = heads.optimum(X, Y, 3, 1e-2)
    np.testing.assert_allclose(removal.actual, plain_losses(without(rows)) - plain_losses(theta), atol=1e-9)
    g = sum(heads.gradient(theta, X[row], Y[row]) for row in rows) / 45
    H = heads.hessian(theta, X, 1e-2)
    rest = H - (heads.hessian(theta, X[rows], 0.0)) * len(rows) / 45
    moved = theta + np.linalg.solve(rest, g).reshape(theta.shape)
    np.testing.assert_allclose(removal.predicted, plain_losses(moved) - plain_losses(theta), atol=1e-5)
    linear = [
        heads.gradient(theta, x, int(y)) @ np.linalg.solve(H, g) for x, y in zip(TEST[0].numpy(), TEST[1], strict=True)
    ]
    np.testing.assert_allclose(removal.influence, linear, atol=1e-8)
    torch.testing.assert_close(removal.influence.float(), found.effect[:, rows].sum(1), atol=1e-6, rtol=1e-5)
    assert removal.stationarity <= 1e-10


@pytest.mark.parametrize("damping", [1e-2, 1e-3, 1e-4])
def test_refits_are_scikit_learns_to_a_millionth(damping):
    (x, y), test = heads.rows(300, features=12, classes=5), heads.rows(6, features=12, classes=5, seed=1)
    known = explain((x, y), test, damping=damping)
    model = LogisticRegression(
        C=1 / (300 * damping), fit_intercept=False, tol=1e-10, max_iter=1000, solver="newton-cholesky"
    )
    before = scikit_losses(model.fit(x, y), test)
    ours, theirs = [], []
    for rows in ([int(known.helpful(1)[0])], [int(known.harmful(3)[0])], known.helpful(2, 20).tolist(), [77]):
        kept = np.setdiff1d(np.arange(300), rows)
        theirs.append(scikit_losses(model.fit(x[kept], y[kept]), test) - before)
        ours.append(known.retrain_without(rows).actual)
    ours, theirs = torch.stack(ours), torch.stack(theirs)
    assert float((ours - theirs).abs().max()) <= 1e-6
    assert correlation(ours.flatten(), theirs.flatten()) >= 0.9999


def scikit_losses(model, test):
    x, y = test
    return torch.nn.functional.cross_entropy(x @ torch.tensor(model.coef_).T, y, reduction="none")


@pytest.mark.parametrize("solver", ["exact", "cg"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_removing_nothing_changes_exactly_nothing(solver, dtype):
    train, test = ((x.to(dtype), y) for x, y in (TRAIN, TEST))
    removal = explain(train, test, solver=solver).retrain_without([])
    for change in (removal.influence, removal.predicted, removal.actual):
        assert change.tolist() == [0.0] * 4


def test_with_and_without_an_inverse_the_refit_is_the_same(found):
    by_products = explain(solver="cg", tolerance=1e-10)
    one, other = (of.retrain_without([3, 4, 20]) for of in (found, by_products))
    torch.testing.assert_close(one.actual, other.actual, atol=1e-8, rtol=1e-7)
    torch.testing.assert_close(one.predicted, other.predicted, atol=1e-5, rtol=1e-5)


def test_order_repetition_and_the_way_of_saying_it_do_not_count(found):
    expected = found.retrain_without([3, 20])
    mask = torch.zeros(45, dtype=torch.bool)
    mask[[3, 20]] = True
    for said in ([20, 3], [3, 20, 3], (3, 20), torch.tensor([20, 3]), np.array([3, 20]), mask, mask.numpy(), {3, 20}):
        removal = found.retrain_without(said)
        assert removal.examples.tolist() == [3, 20]
        assert torch.equal(removal.actual, expected.actual)


def test_a_refit_gets_better_step_by_step(found):
    steps = list(removals(*found.fitted(), torch.tensor([0, 4, 5, 11, 30])))
    errors = [float((step.value.actual - steps[-1].value.actual).abs().max()) for step in steps]
    shares = [step.progress for step in steps]
    assert steps[0].value.actual.tolist() == [0.0] * 4
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_copy_of_an_image_takes_half_of_its_effect():
    x, y = TRAIN
    doubled = (torch.cat([x, x[7:8]]), torch.cat([y, y[7:8]]))
    known = explain(doubled)
    both = known.retrain_without([7, 45])
    one, other = (known.retrain_without([row]) for row in (7, 45))
    torch.testing.assert_close(one.actual, other.actual, atol=1e-9, rtol=0)
    assert torch.equal(known.effect[:, 7], known.effect[:, 45])
    # Without both it is the head of the others, whose mean has 44 terms over 46 rows.
    theta = heads.optimum(*(part.numpy() for part in doubled), 3, 1e-2, np.r_[np.arange(45) != 7, False].astype(float))
    np.testing.assert_allclose(optimal_losses(known) + both.actual.numpy(), plain_losses(theta), atol=1e-8)


def optimal_losses(known):
    head, test = known.fitted()
    return test.loss(head.theta).numpy()


def test_single_precision_gives_the_effects_of_double_precision_where_features_are_large():
    # Probabilities of single precision sum to 1 but for 1e-7, and 1e-7 |x|² is more than λ here.
    (x, y), (xt, yt) = TRAIN, TEST
    single, double = (explain(((100 * x).to(t), y), ((100 * xt).to(t), yt)) for t in (torch.float32, torch.float64))
    assert single.residual <= 1e-6
    assert float((single.effect - double.effect).abs().max()) <= 1e-3 * float(double.effect.abs().max())


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        ([45], "Training example 45 was asked for; there are 45"),
        ([-1], "Training example -1 was asked for"),
        ([0.5], "Examples [0.5] were given; give their places as whole numbers"),
        (5, "Examples 5 were given; give their places as whole numbers"),
        (None, "Examples None were given; give their places"),
        ("abc", "Examples 'abc' were given; give their places"),
        ([[1], [2, 3]], "were given; give their places"),
        (torch.zeros(2, 2, dtype=torch.long), "were given; give their places"),
        ([True, False], "for 45 training examples; give one for each"),
        (torch.ones(44, dtype=torch.bool), "for 45 training examples; give one for each"),
        (range(1, 45, 3), "All 15 examples of class 1 were chosen to be removed"),
        (range(45), "All 15 examples of class 0 were chosen"),
        (torch.ones(45, dtype=torch.bool), "All 15 examples of class 0 were chosen"),
    ],
)
def test_examples_that_cannot_be_removed_are_refused_in_words(found, examples, words):
    with pytest.raises(XaiwidgetsError, match=re.escape(words)):
        found.retrain_without(examples)


@pytest.mark.parametrize("test", [4, -5, 1.5, "first"])
@pytest.mark.parametrize("ask", ["helpful", "harmful", "sample", "leave_one_out"])
def test_a_test_example_that_is_not_there_is_refused_in_words(found, ask, test):
    with pytest.raises(XaiwidgetsError, match=re.escape(f"Test example {test!r} was asked for; there are 4, from 0")):
        getattr(found, ask)(test)


def test_counts_and_shares_that_make_no_sense_are_refused_in_words(found):
    for ask in (found.helpful, found.harmful, found.sample):
        with pytest.raises(XaiwidgetsError, match="count=-3 was given; give a whole number of at least 0"):
            ask(0, -3)
    with pytest.raises(XaiwidgetsError, match=r"subsets=3\.5 was given; give at least 3"):
        found.lds(3.5)
    for share in (0.0, 1.0, -1.0, 2.0, float("nan")):
        with pytest.raises(XaiwidgetsError, match=f"share={share} was given; give a number between 0 and 1"):
            found.lds(3, share=share)
    with pytest.raises(XaiwidgetsError, match=r"share=0\.001 was given, which keeps none or all of 45 training"):
        found.lds(3, share=0.001)
