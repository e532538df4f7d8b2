import numpy as np
import pytest
import torch
from scipy.optimize import LinearConstraint, linprog, minimize
from scipy.stats import median_abs_deviation
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from torch import nn

import xaiwidgets as xw
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import Counterfactual
from xaiwidgets.methods.case._counterfactual.result import NEAREST, SIGN
from xaiwidgets.models.features import read_features

WIDGET = "xw.CounterfactualExplorer(xw.load_model('lenet'))"


def example():
    """A tiny call for the contract suite: two starts, six steps, twenty images."""
    images = torch.rand(21, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = image_model("lenet")
    return Counterfactual(starts=2, steps=6, rung=3), (model, ImageSet(images[1:]), ImageSet(images[:1]))


def table(seed, features=None):
    """Rows of very different spreads, and one to explain."""
    draw = torch.Generator().manual_seed(seed)
    features = features or int(torch.randint(2, 40, (1,), generator=draw))
    rows = torch.randn(80, features, generator=draw).double()
    return rows * torch.rand(features, generator=draw).double().exp() ** 3, draw


def linear(draw, classes, features):
    W = torch.randn(classes, features, generator=draw).double()
    b = torch.randn(classes, generator=draw).double()
    return W, b, lambda rows: rows @ W.T + b


def explained(function, rows, query=None, **settings):
    labels = torch.zeros(len(rows), dtype=torch.int64)
    return last(Counterfactual(**settings)(function, (rows, labels), rows[0] if query is None else query))


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


@pytest.fixture(scope="module")
def fashion():
    """The answer for a test image, with what it was made from."""
    model, train = xw.load_model("lenet"), xw.data.fashion_mnist_small("train")
    test = xw.data.fashion_mnist_small("test")
    return last(Counterfactual()(model, train, test[0:1])), model, train, test[0:1]


def test_on_images_it_is_valid_sparse_and_told_truly(fashion):
    value, model, _, query = fashion
    assert bool(value.valid.all())
    answered = model(value.counterfactuals).softmax(1)
    assert answered.argmax(1).tolist() == [value.target] * 4
    assert torch.allclose(value.probability, answered[:, value.target], atol=1e-5)
    assert 0 <= float(value.counterfactuals.min()) <= float(value.counterfactuals.max()) <= 1
    differs = (value.counterfactuals - query.batch([0])).abs() > 1e-6
    assert value.changed.tolist() == differs.flatten(1).sum(1).tolist()
    assert max(value.changed.tolist()) < 784 / 10
    assert value.best == int(value.distance.argmin())
    assert value.target == int(model(query.batch([0]))[0].argsort(descending=True)[1])


def test_the_starts_differ_and_the_first_is_near_the_best(fashion):
    value, *_ = fashion
    assert len({tuple(row.flatten().tolist()) for row in value.counterfactuals}) == 4
    assert float(value.distance[0]) <= 1.1 * float(value.distance.min())


def test_plausibility_is_that_of_scikit_learns_neighbours(fashion):
    value, model, train, query = fashion
    looked = train.subset([place * 4000 // 1000 for place in range(1000)])
    read = last(read_features(model, looked, outputs=True))
    real = read.values[read.outputs.argmax(1) == value.target].double().numpy()
    search = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(real)
    usual = search.kneighbors()[0].mean(1)  # each without itself
    points = torch.cat([value.counterfactuals, query.batch([0])])
    features = last(read_features(model, ImageSet(points))).values.double().numpy()
    apart = search.kneighbors(features)[0].mean(1)
    shares = (usual[None] >= apart[:, None]).mean(1)
    np.testing.assert_allclose(value.plausibility, shares[:4], atol=1e-5)
    assert value.query_plausibility == pytest.approx(shares[4], abs=1e-5)
    median = np.sort(usual)[len(usual) // 2]
    np.testing.assert_allclose(value.remoteness, apart[:4] / median, rtol=1e-4)


def test_what_it_is_compared_with_is_real_and_adversarial(fashion):
    value, model, train, query = fashion
    x = query.batch([0])
    looked = [place * 4000 // 1000 for place in range(1000)]
    reached = [place for place in looked if int(model(train.batch([place])).argmax()) == value.target]
    apart = ((train.batch(reached) - x).abs() / value.scale).flatten(1).sum(1)
    assert value.nearest == reached[int(apart.argmin())]
    assert torch.equal(value.others[NEAREST], train.batch([value.nearest])[0])
    assert float(value.other_distance[NEAREST]) == pytest.approx(float(apart.min()), rel=1e-4)
    step = value.others[SIGN] - x[0]
    assert bool(value.other_valid[SIGN])
    longest = float(step.abs().max())
    inside = (x[0] > longest) & (x[0] < 1 - longest) & (step != 0)
    assert torch.allclose(step[inside].abs(), torch.tensor(longest), atol=1e-5)
    assert float(value.other_distance[SIGN]) > 5 * float(value.distance.min())


def test_frozen_features_stay_and_the_rest_is_moved(fashion):
    _, model, train, query = fashion
    frozen = torch.zeros(28, 28, dtype=torch.bool)
    frozen[:14] = True
    for moves in ("features", "components"):
        value = last(Counterfactual(frozen=frozen, moves=moves)(model, train, query))
        assert value.found
        change = value.counterfactuals[value.valid] - query.batch([0])
        assert float(change[:, :, :14].abs().max()) == 0
        assert float(change[:, :, 14:].abs().max()) > 0
    rows, draw = table(9, features=6)
    _, _, function = linear(draw, 2, 6)
    value = explained(function, rows, frozen=(0, 3, -1 + 5))
    assert torch.equal(value.counterfactuals[:, [0, 3, 4]], rows[0, [0, 3, 4]].expand(4, 3))


def test_components_change_the_image_smoothly_within_its_range(fashion):
    plain, model, train, query = fashion
    value = last(Counterfactual(moves="components")(model, train, query))
    assert value.found
    assert 0 <= float(value.counterfactual.min()) <= float(value.counterfactual.max()) <= 1

    def roughness(image):
        change = image - query.batch([0])[0]
        return float((change.diff(dim=1).square().sum() + change.diff(dim=2).square().sum()) / change.square().sum())

    assert roughness(value.counterfactual) < roughness(plain.counterfactual) / 2
    assert int(value.changed[value.best]) > 300


def test_lambda_climbs_until_the_target_is_reached_and_is_then_narrowed_down(fashion):
    value, *_ = fashion
    tried = np.array(value.lambdas)
    climbs = tried[1:] / tried[:-1]
    first_fall = int(np.argmax(climbs < 1))
    np.testing.assert_allclose(climbs[:first_fall], 2, rtol=1e-5)
    assert first_fall >= 1
    assert float(value.history[0, 0, 2]) == 0
    assert value.history_steps == tuple(range(len(value.history)))
    assert f"4 starts, {value.history_steps[-1]} steps" in value.tried


def test_a_margin_leads_beyond_the_border(fashion):
    plain, model, train, query = fashion
    value = last(Counterfactual(margin=2.0)(model, train, query))
    assert value.found
    assert float(value.advantage[value.valid].min()) > 2
    assert float(value.distance.min()) > float(plain.distance.min())


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


def test_a_query_that_has_the_target_is_left_as_it_is(fashion):
    value, model, train, query = fashion
    same = last(Counterfactual(target=value.prediction)(model, train, query))
    assert same.already
    assert same.found
    assert torch.equal(same.counterfactual, query.batch([0])[0])
    assert float(same.distance.max()) == 0
    assert same.tried.startswith("nothing: the query is answered with the target already")


def test_modules_and_their_parameters_are_left_alone():
    rows, _ = table(4, features=6)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.5), nn.ReLU(), nn.Linear(12, 3))
    value = explained(module, rows.float())
    assert value.found
    assert int(module.eval()(value.counterfactual[None]).argmax()) == value.target
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


def test_another_growth_on_the_way_counts_from_the_next_lambda_on(fashion):
    _, model, train, query = fashion
    steps = Counterfactual(starts=1, rung=3)(model, train, query)
    step = next(steps)
    while len(step.value.lambdas) < 2:
        step = next(steps)
    step = steps.send({"growth": 3.0})
    while len(step.value.lambdas) < 4:
        step = next(steps)
    first, second, third, fourth = step.value.lambdas[:4]
    assert second / first == pytest.approx(2, rel=1e-4)
    assert fourth / third == pytest.approx(3, rel=1e-4)
