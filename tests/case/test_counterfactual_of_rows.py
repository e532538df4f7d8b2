"""Counterfactuals of rows: the optima of linear programmes and SciPy, and modules and fitted models turned round."""

import numpy as np
import pytest
import torch
from scipy.optimize import LinearConstraint, linprog, minimize
from scipy.stats import median_abs_deviation
from sklearn.linear_model import LogisticRegression
from torch import nn

from tests.case.explained_rows import explained, linear, table


def cheapest(value, W, b, rows):
    """The analytic optimum: the linear programme min Σ δ_k / MAD_k with the target above all others, in the range."""
    x, scale, target = rows[0], value.scale, value.target
    others = [j for j in range(len(W)) if j != target]
    towards = torch.stack([W[target] - W[j] for j in others])
    below = torch.stack([(W[j] - W[target]) @ x + b[j] - b[target] for j in others])
    bounds = [*zip([0] * len(x), rows.amax(0) - x, strict=True), *zip([0] * len(x), x - rows.amin(0), strict=True)]
    return linprog(
        torch.cat([1 / scale, 1 / scale]).numpy(),
        A_ub=torch.cat([-towards, towards], 1).numpy(),
        b_ub=-below.numpy(),
        bounds=[(float(low), float(high)) for low, high in bounds],
    )


@pytest.mark.parametrize("seed", range(12))
def test_on_a_linear_model_it_is_the_analytic_optimum(seed):
    """Without bounds in the way only argmax |w_k| MAD_k moves, by |f| / |w_k|; two classes, as far as is needed."""
    rows, draw = table(seed)
    W, b, function = linear(draw, 2, rows.shape[1])
    value = explained(function, rows, starts=1)
    w = W[value.target] - W[value.prediction]
    f = float(function(rows[:1])[0, value.target] - function(rows[:1])[0, value.prediction])
    steepest = int((w.abs() * value.scale).argmax())
    found = cheapest(value, W, b, rows)
    assert found.status == 0
    assert value.found
    assert int(function(value.counterfactual[None]).argmax()) == value.target
    assert found.fun * (1 - 1e-9) <= float(value.distance[0]) <= 1.02 * found.fun
    if (found.x > 1e-9).sum() == 1:  # no bound was in the way
        assert found.fun == pytest.approx(-f / float(w.abs()[steepest] * value.scale[steepest]))
        moved = (value.counterfactual != rows[0]).nonzero().flatten().tolist()
        assert moved == [steepest]


@pytest.mark.parametrize("seed", range(100, 106))
def test_between_several_classes_it_is_near_the_linear_programme_and_valid(seed):
    rows, draw = table(seed)
    W, b, function = linear(draw, 4, rows.shape[1])
    value = explained(function, rows, starts=3)
    found = cheapest(value, W, b, rows)
    assert value.found == (found.status == 0)
    if value.found:
        assert int(function(value.counterfactual[None]).argmax()) == value.target
        assert found.fun * (1 - 1e-9) <= float(value.distance.min()) <= 1.02 * found.fun


def test_squared_distances_are_those_of_scipy():
    rows, draw = table(3, features=5)
    W, b, function = linear(draw, 2, 5)
    value = explained(function, rows, starts=1, distance="mad_l2")
    w, x, scale = (W[value.target] - W[value.prediction]).numpy(), rows[0].numpy(), value.scale.numpy()
    c = float(b[value.target] - b[value.prediction])
    found = minimize(
        lambda delta: ((delta / scale) ** 2).sum(),
        np.zeros(5),
        jac=lambda delta: 2 * delta / scale**2,
        constraints=[LinearConstraint(w, -(w @ x + c))],
        bounds=list(zip(rows.amin(0).numpy() - x, rows.amax(0).numpy() - x, strict=True)),
        method="trust-constr",
        options={"gtol": 1e-10, "maxiter": 2000},
    )
    moved = ((value.counterfactual - rows[0]) / value.scale).square().sum()
    assert float(moved) == pytest.approx(found.fun, rel=0.02)
    assert int(value.changed[0]) == 5


def test_a_fitted_model_of_scikit_learn_is_turned_round():
    rows, _ = table(7, features=8)
    labels = (rows[:, 0] / rows[:, 0].std() + rows[:, 1] / rows[:, 1].std() > 0).numpy()
    fitted = LogisticRegression(max_iter=5000).fit(rows.numpy(), labels)
    w, c = torch.tensor(fitted.coef_[0]), float(fitted.intercept_[0])

    def probabilities(rows):
        p = torch.sigmoid(rows @ w + c)
        return torch.stack([1 - p, p], 1)

    value = explained(probabilities, rows)
    found = value.counterfactual.numpy()[None]
    assert fitted.predict(found)[0] != fitted.predict(rows[:1].numpy())[0]
    assert float(value.probability[value.best]) == pytest.approx(fitted.predict_proba(found)[0, value.target], abs=1e-6)


def test_spreads_are_those_of_scipy_with_a_floor():
    rows, draw = table(5, features=6)
    rows[:, 2] = torch.where(torch.arange(80) == 4, 3.0, 0.0)  # MAD 0, range 3
    rows[:, 3] = 2.0  # no range at all
    _, _, function = linear(draw, 2, 6)
    value = explained(function, rows, floor=0.05)
    expected = median_abs_deviation(rows.numpy(), axis=0)
    assert expected[2] == expected[3] == 0
    expected[2], expected[3] = 0.05 * 3, 1
    np.testing.assert_allclose(value.scale, np.maximum(expected, 0.05 * np.ptp(rows.numpy(), axis=0)))
    apart = ((value.counterfactuals - rows[0]).abs() / value.scale).sum(1)
    assert torch.allclose(value.distance, apart)
    assert bool((value.counterfactuals[:, 3] == 2).all())


def test_nothing_found_is_an_answer_with_what_was_tried():
    rows, draw = table(2, features=4)
    W, _, _ = linear(draw, 2, 4)
    value = explained(lambda rows: torch.stack([rows @ W[0] * 1e-3 + 50, rows @ W[1] * 1e-3], 1), rows)
    assert not value.found
    assert not value.valid.any()
    assert value.tried.startswith("4 starts")
    assert float(value.advantage.max()) < 0
    assert float(value.advantage[value.best]) == float(value.advantage.max())
    still = explained(lambda rows: torch.tensor([[1.0, 0.0]]).double().expand(len(rows), 2) + 0 * rows[:, :2], rows)
    assert not still.found
    assert torch.equal(still.counterfactuals, rows[0].expand(4, 4))


def test_modules_and_their_parameters_are_left_alone():
    rows, _ = table(4, features=6)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.5), nn.ReLU(), nn.Linear(12, 3))
    value = explained(module, rows.float())
    assert value.found
    assert int(module.eval()(value.counterfactual[None]).argmax()) == value.target
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
