"""Counterfactuals of images: valid, sparse, plausible as told, and found by a lambda that climbs."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

import xaiwidgets as xw
from tests.case.explained_rows import explained, linear, table
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import Counterfactual
from xaiwidgets.methods.case._counterfactual.result import NEAREST, SIGN
from xaiwidgets.models.features import read_features

# A slow ladder: there must be time for Pause, a slider and Stop on a busy machine too.
WIDGET = "xw.CounterfactualExplorer(xw.load_model('lenet'), growth=1.05, rung=100, steps=4096)"


def example():
    """A tiny call for the contract suite: two starts, six steps, twenty images."""
    images = torch.rand(21, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = image_model("lenet")
    return Counterfactual(starts=2, steps=6, rung=3), (model, ImageSet(images[1:]), ImageSet(images[:1]))


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


def test_a_query_that_has_the_target_is_left_as_it_is(fashion):
    value, model, train, query = fashion
    same = last(Counterfactual(target=value.prediction)(model, train, query))
    assert same.already
    assert same.found
    assert torch.equal(same.counterfactual, query.batch([0])[0])
    assert float(same.distance.max()) == 0
    assert same.tried.startswith("nothing: the query is answered with the target already")


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
