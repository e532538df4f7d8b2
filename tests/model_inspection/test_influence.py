import itertools

import numpy as np
import pytest
import torch
from torch import nn

import xaiwidgets as xw
from tests.model_inspection import heads
from xaiwidgets.core import last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods import InfluenceFunctions
from xaiwidgets.methods.model_inspection._influence.conjugate import refined
from xaiwidgets.methods.model_inspection._influence.exact import hessian, invert
from xaiwidgets.methods.model_inspection._influence.newton import newton_cg
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem

WIDGET = 'xw.InfluenceExplorer(xw.load_model("lenet"), chosen=17)'
SHORT = True


@pytest.fixture(autouse=True)
def forget():
    RESULTS.clear()


def example():
    RESULTS.clear()  # else a second run would have nothing left to do
    return InfluenceFunctions(damping=1e-2), (None, heads.rows(30), heads.rows(3, seed=1))


def finished(work):
    """What a generator returns."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_it_is_the_formula(classes, solver):
    train, test = heads.rows(40, classes=classes), heads.rows(4, classes=classes, seed=1)
    found = last(InfluenceFunctions(damping=1e-2, solver=solver, tolerance=1e-10)(None, train, test))
    plain = heads.plain(train, test, classes, 1e-2)
    np.testing.assert_allclose(found.head.theta, plain.theta, atol=1e-8)
    np.testing.assert_allclose(found.effect, plain.effect, atol=2e-7)
    known = ~found.corrected.isnan().numpy()
    assert known.sum(1).tolist() == [40 if solver == "exact" else 24] * 4
    np.testing.assert_allclose(found.corrected.numpy()[known], plain.corrected[known], atol=2e-6)
    if solver == "exact":
        np.testing.assert_allclose(found.self_influence, plain.self_influence, atol=1e-6)
        np.testing.assert_allclose(found.left_out_loss, plain.left_out_loss, atol=1e-6)
        np.testing.assert_allclose(found.relative, plain.effect / np.sqrt(plain.self_influence), rtol=1e-4, atol=1e-6)
    assert found.stationarity <= 1e-8
    assert found.residual <= 1e-6


def test_the_hessian_and_its_inverse_over_several_panels_and_chunks_of_rows():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(9000, 140, generator=generator) / 5
    labels = (x[:, :9] + 0.2 * torch.randn(9000, 9, generator=generator)).argmax(1)
    problem = HeadProblem(x, labels, 9, 1e-2)  # 1,260 parameters: three panels; three chunks of rows
    for fit in newton_cg(problem, torch.zeros(9, 140, dtype=torch.float64)):
        point = fit.point
    p = point.probabilities.double()
    A = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    blocks = [[(x.double() * A[:, a, b, None]).T @ x.double() / 9000 for b in range(9)] for a in range(9)]
    expected = torch.cat([torch.cat(row, 1) for row in blocks]) + 1e-2 * torch.eye(1260, dtype=torch.float64)
    H = finished(hessian(problem, point.probabilities, double=False))
    torch.testing.assert_close(H.reshape(1260, 1260), expected, atol=1e-7, rtol=0)
    inverse = finished(invert(H)).blocks.reshape(1260, 1260)
    np.testing.assert_allclose(inverse, np.linalg.inv(expected.numpy()), atol=1e-4)
    torch.testing.assert_close(inverse, inverse.T, atol=1e-12, rtol=0)


def test_a_true_residual_is_reached_with_single_precision():
    (x, y), (xt, yt) = heads.digits()
    problem = HeadProblem(x.float(), y, 10, 1e-4)
    for fit in newton_cg(problem, torch.zeros(10, 65, dtype=torch.float64)):
        theta, p = fit.theta, fit.point.probabilities
    residual = (xt @ theta.T).softmax(1)
    residual[range(6), yt] -= 1
    b = residual[:, :, None] * xt[:, None]
    for solution in refined(problem, p, b, tolerance=1e-9, most=2000):
        x_found = solution.x
    true = (problem.product(p, x_found) - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)
    assert float(true.max()) <= 1e-9
    torch.testing.assert_close(true, solution.residual)


def test_answers_get_better_stage_by_stage():
    train, test = heads.rows(60), heads.rows(2, seed=1)
    exact = heads.plain(train, test, 3, 1e-3).corrected
    errors = {}
    for step in InfluenceFunctions(damping=1e-3)(None, train, test):
        value = step.value
        if not value.best.isnan().any():
            errors[value.stage] = float(np.abs(value.best.numpy() - exact).max())
    stages = ["a guess from 1 products", "effects to first order", "corrected"]
    assert [errors[stage] for stage in stages] == sorted((errors[stage] for stage in stages), reverse=True)
    assert errors["corrected"] < 0.05 * errors["effects to first order"]


def test_while_features_are_read_there_is_an_order_already():
    model, train = xw.load_model("lenet"), xw.data.fashion_mnist_small("train")[:600]
    steps = InfluenceFunctions()(model, train, xw.data.fashion_mnist_small("test").subset([17]))
    first, second = (step.value for step in itertools.islice(steps, 2))
    assert first.stage == "reading features; an order, no size yet"
    assert int((~first.effect.isnan()).sum()) == 64
    assert int((~second.effect.isnan()).sum()) == 128
    x, y = train.batch(range(64)), train.labels[:64]
    body, head = nn.Sequential(*list(model.module)[:-1]), model.module.fc3
    test = xw.data.fashion_mnist_small("test")
    h, ht = (body(model.normalized(images)) for images in (x, test.batch([17])))
    r = head(h).softmax(1) - nn.functional.one_hot(y, 10)
    rt = head(ht).softmax(1) - nn.functional.one_hot(test.labels[17:18], 10)
    expected = (rt @ r.T) * (ht @ h.T + 1) / 600
    torch.testing.assert_close(first.effect[:, :64], expected.detach(), atol=1e-6, rtol=1e-4)


def test_another_damping_on_the_way_gives_to_the_bit_what_it_gives_from_the_start():
    train, test = heads.rows(80), heads.rows(2, seed=1)
    alone = last(InfluenceFunctions(damping=1e-1)(None, train, test))
    for at in (0, 4, 9):
        RESULTS.clear()
        steps = InfluenceFunctions(damping=1e-3)(None, train, test)
        for _ in range(at + 1):
            step = next(steps)
        shares = [step.progress]
        step = steps.send({"damping": 1e-1})
        for later in itertools.chain([step], steps):
            step = later
            shares.append(step.progress)
        assert shares == sorted(shares)
        assert torch.equal(step.value.corrected, alone.corrected)
        assert step.value.damping == 1e-1


def test_a_kept_head_answers_as_a_new_one():
    train, test = heads.rows(80), heads.rows(5, seed=1)
    one = test[0][:1], test[1][:1]
    first = last(InfluenceFunctions()(None, train, one))
    held = RESULTS.size
    again = list(InfluenceFunctions()(None, train, one))
    assert len(again) == 1
    assert RESULTS.size == held > 0
    assert torch.equal(again[-1].value.corrected, first.corrected)
    assert len(list(InfluenceFunctions(damping=0.5)(None, train, one))) > 1
    changed = (train[0].clone(), train[1].clone())
    changed[1][0] = (changed[1][0] + 1) % 3
    assert len(list(InfluenceFunctions()(None, changed, one))) > 1
    together = last(InfluenceFunctions()(None, train, test))
    torch.testing.assert_close(together.corrected[:1], first.corrected, atol=1e-9, rtol=1e-5)


def batchnorm():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=5), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(100, 10)
    )
    network(torch.rand(64, 1, 28, 28))  # running statistics of its own
    return network.train()


def test_batch_size_and_training_mode_change_nothing():
    train, test = xw.data.fashion_mnist_small("train")[:300], xw.data.fashion_mnist_small("test")[:2]
    network = batchnorm()
    model = xw.ImageModel(network, (1, 28, 28))
    one, other = (last(InfluenceFunctions(batch=batch, damping=1e-2)(model, train, test)) for batch in (7, 256))
    assert float((one.corrected - other.corrected).abs().max()) <= 1e-5
    assert network.training


def test_equal_images_have_equal_effects_and_rare_classes_are_fine():
    x, y = heads.rows(61, classes=3)
    y = torch.where(y == 2, 0, y)
    y[-1] = 2  # a class with one example
    x[1], y[1] = x[0], y[0]
    found = last(InfluenceFunctions(damping=1e-2)(None, (x, y), heads.rows(3, seed=1)))
    torch.testing.assert_close(found.corrected[:, 0], found.corrected[:, 1], atol=1e-9, rtol=1e-6)
    assert bool(found.corrected.isfinite().all())
    assert 60 not in found.sample(0, 61).tolist()


def test_a_head_is_fitted_on_any_layer():
    model, train = xw.load_model("lenet"), xw.data.fashion_mnist_small("train")[:300]
    found = last(InfluenceFunctions("conv2")(model, train, xw.data.fashion_mnist_small("test")[:1]))
    assert found.head.theta.shape == (10, 17)
    assert found.stationarity <= 1e-8


def test_ekfac_covers_the_network_and_says_so():
    model, train = xw.load_model("lenet"), xw.data.fashion_mnist_small("train")[:100]
    found = last(
        InfluenceFunctions(solver="ekfac", damping=1e-2)(model, train, xw.data.fashion_mnist_small("test")[:2])
    )
    assert found.tier == "whole network, EK-FAC"
    assert len(found.covered) == 10
    assert bool(found.effect.isfinite().all())
    assert bool(found.corrected.isnan().all())
    torch.testing.assert_close(found.best, found.effect)
