import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.neighbors import NearestNeighbors

import xaiwidgets as xw
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import InfluenceFunctions, LabelErrors
from xaiwidgets.methods.model_inspection._label_errors.neighbors import disagreement, nearest_rows
from xaiwidgets.methods.model_inspection._label_errors.planted import flipped
from xaiwidgets.methods.model_inspection._label_errors.ranks import combined, ranks
from xaiwidgets.methods.model_inspection._label_errors.result import RANKINGS
from xaiwidgets.models.features import read_features

WIDGET = "xw.LabelChecker(xw.load_model('lenet'))"
SHORT = True


def example():
    """A tiny call for the contract suite: two batches and three classes."""
    images = torch.rand(70, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return LabelErrors(neighbors=5), (image_model("lenet"), ImageSet(images, torch.arange(70) % 3))


def blobs(rows, seed=0):
    """Three classes that overlap, in six numbers and a one."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % 3
    features = torch.randn(rows, 6, generator=draw) + 1.5 * torch.eye(3, 6)[labels]
    return torch.cat([features, torch.ones(rows, 1)], 1).double(), labels


@pytest.fixture(scope="module")
def fashion():
    """The packaged images with a tenth of the labels flipped, and the true ones."""
    images = xw.data.fashion_mnist_small("train")
    noisy = ImageSet(images.batch(slice(None)), flipped(images.labels, 0.1, 0), images.class_names)
    return last(LabelErrors()(xw.load_model("lenet"), noisy)), noisy, images.labels


def test_real_images_with_flipped_labels_are_found(fashion):
    value, noisy, truth = fashion
    wrong = noisy.labels != truth
    assert int(wrong.sum()) == 400
    found = {by: value.recall(truth, 0.1, by) for by in RANKINGS}
    assert found["combined"] >= 0.88
    assert found["left_out_loss"] >= 0.88
    assert found["self_influence"] >= 0.8
    assert found["disagreement"] >= 0.8
    assert float((value.suggested == truth)[wrong].double().mean()) >= 0.88


def test_on_pixels_two_views_find_more_than_plain_loss():
    images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 2))
    pixels = torch.nn.functional.avg_pool2d(images.batch(slice(None)), 2).flatten(1)
    value = last(LabelErrors()(None, (pixels, flipped(images.labels, 0.1, 0))))
    found = {by: value.recall(images.labels, 0.1, by) for by in RANKINGS}
    assert found["combined"] >= 0.8
    assert found["combined"] > found["loss"]
    assert found["combined"] > found["disagreement"]


def refit(features, labels):
    """The sum of losses against N λ/2 |θ|², N = 150 whether or not a row is left out."""
    kind = LogisticRegression(C=1 / (150 * 1e-2), fit_intercept=False, tol=1e-10, max_iter=1000)
    return kind.fit(features, labels)


def test_the_loss_without_each_is_nearly_that_of_a_real_refit():
    """One Newton step from the optimum comes as near as a few percent for the worst outliers."""
    features, labels = blobs(150)
    labels = flipped(labels, 0.1, 0)
    value = last(LabelErrors(neighbors=5, damping=1e-2)(None, (features, labels)))
    whole = refit(features, labels)
    np.testing.assert_allclose(
        value.loss, -whole.predict_log_proba(features)[np.arange(150), labels], rtol=1e-4, atol=1e-6
    )
    assert value.fitted == pytest.approx(whole.score(features, labels))
    assert value.stationarity <= 1e-8
    for row in range(0, 150, 6):
        kept = np.arange(150) != row
        log_p = refit(features[kept], labels[kept]).predict_log_proba(features[row : row + 1])
        assert float(value.left_out_loss[row]) == pytest.approx(-float(log_p[0, labels[row]]), rel=0.03, abs=1e-3)


def test_the_loss_without_each_is_that_of_one_newton_step_written_out():
    features, labels = blobs(150)
    labels = flipped(labels, 0.1, 0)
    value = last(LabelErrors(neighbors=5, damping=1e-2)(None, (features, labels)))
    x, y = features.numpy(), np.eye(3)[labels]
    theta = refit(features, labels).coef_
    p = np.exp(x @ theta.T)
    p /= p.sum(1, keepdims=True)
    curvatures = [np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(x[i], x[i])) / 150 for i in range(150)]
    H = sum(curvatures) + 1e-2 * np.eye(21)
    for row in range(0, 150, 3):
        g = np.outer(p[row] - y[row], x[row]).ravel() / 150
        moved = theta + np.linalg.solve(H - curvatures[row], g).reshape(3, 7)
        z = moved @ x[row]
        assert float(value.left_out_loss[row]) == pytest.approx(np.log(np.exp(z).sum()) - z[labels[row]], rel=1e-3)
        own = 150 * g @ np.linalg.solve(H, g)
        assert float(value.self_influence[row]) == pytest.approx(own, rel=1e-3, abs=1e-7)


def test_losses_are_those_of_influence_functions(fashion):
    value, noisy, _ = fashion
    method = InfluenceFunctions(damping=LabelErrors().damping)
    influence = last(method(xw.load_model("lenet"), noisy, noisy.subset([0])))
    assert torch.equal(value.left_out_loss, influence.left_out_loss)
    assert torch.equal(value.self_influence, influence.self_influence)
    assert torch.equal(value.loss, influence.train_loss)


def test_neighbours_are_those_of_scikit_learn(fashion):
    _, noisy, _ = fashion
    model, some = xw.load_model("lenet"), noisy.subset(range(700))
    value = last(LabelErrors(neighbors=20)(model, some))
    features = last(read_features(model, some)).values.double().numpy()
    search = NearestNeighbors(n_neighbors=20, metric="cosine", algorithm="brute").fit(features)
    others = search.kneighbors(return_distance=False)  # without itself
    assert [set(row) for row in value.nearest.tolist()] == [set(row) for row in others.tolist()]
    labels = some.labels.numpy()
    np.testing.assert_allclose(value.disagreement, (labels[others] != labels[:, None]).mean(1), atol=1e-6)


def test_equally_near_rows_are_taken_in_order_and_a_row_is_not_its_own_neighbour():
    draw = torch.rand(4, 5, generator=torch.Generator().manual_seed(0))
    features = draw[torch.arange(40) % 4] * (1 + torch.arange(40))[:, None]  # ten copies of four directions
    *_, nearest = nearest_rows(features, 3)
    for row in range(40):
        copies = [place for place in range(row % 4, 40, 4) if place != row]
        assert nearest[row].tolist() == copies[:3]
    zeros = torch.zeros(6, 2)
    *_, nearest = nearest_rows(zeros, 2)
    assert nearest.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [0, 1]]
    assert disagreement(nearest, torch.tensor([0, 1, 0, 0, 1, 1])).tolist() == [0.5, 1, 0.5, 0.5, 0.5, 0.5]


def test_ranks_are_those_of_scipy_and_combined_is_their_mean():
    draw = np.random.default_rng(0)
    first, second = (torch.tensor(draw.integers(0, 20, 60)).float() for _ in range(2))
    expected = rankdata(-first.numpy()), rankdata(-second.numpy())
    np.testing.assert_array_equal(ranks(first), expected[0])
    score = combined(first, second)
    np.testing.assert_allclose(score, 1 - ((expected[0] + expected[1]) / 2 - 1) / 59, rtol=1e-6)
    both = torch.arange(5.0)
    assert combined(both, both).tolist() == [0, 0.25, 0.5, 0.75, 1]
    unknown = torch.full((5,), torch.nan)
    assert combined(both, unknown).tolist() == combined(both, both).tolist()
    assert combined(unknown, unknown).isnan().all()
    assert ranks(torch.tensor([torch.nan, 1.0, 2.0])).tolist() == [3, 2, 1]


def test_the_parts_of_a_real_answer_are_put_together_so(fashion):
    value, noisy, _ = fashion
    by_loss, by_neighbors = (rankdata(-value.score(by).double().numpy()) for by in ("left_out_loss", "disagreement"))
    np.testing.assert_allclose(value.combined, 1 - ((by_loss + by_neighbors) / 2 - 1) / 3999, rtol=1e-5)
    head = last(InfluenceFunctions(damping=1e-2)(xw.load_model("lenet"), noisy, noisy.subset([0]))).head
    probabilities = (head.problem.features.double() @ head.theta.T).softmax(1).numpy()
    for row in range(0, 4000, 40):
        sums = probabilities[row].copy()
        for near in value.nearest[row].tolist():
            sums[int(noisy.labels[near])] += 1 / 20
        sums[int(noisy.labels[row])] = -1
        assert int(value.suggested[row]) == int(sums.argmax())


def test_recall_is_that_of_scikit_learn(fashion):
    value, noisy, truth = fashion
    wrong = (noisy.labels != truth).numpy()
    for by in RANKINGS:
        order = np.argsort(-value.score(by).numpy(), kind="stable")
        for share in (0.0, 0.05, 0.1, 0.37, 1.0):
            inspected = np.zeros(4000, bool)
            inspected[order[: round(share * 4000)]] = True
            assert value.recall(truth, share, by) == pytest.approx(recall_score(wrong, inspected))
    curve = value.recall_curve(truth)
    assert len(curve) == 4001
    assert bool((curve.diff() >= 0).all())


def test_in_random_order_recall_is_the_share_inspected(fashion):
    """The null level: labels that were flipped without the search knowing of it."""
    value, _, _ = fashion
    found = [value.recall(flipped(value.labels, 0.1, seed), 0.1) for seed in range(1, 21)]
    assert float(np.mean(found)) == pytest.approx(0.1, abs=0.01)


def test_flips_are_as_many_as_asked_for_and_alike():
    labels = torch.tensor([0, 2, 5]).repeat(1000)
    changed = flipped(labels, 0.3, 1)
    wrong = changed != labels
    assert int(wrong.sum()) == 900
    assert set(changed.tolist()) == {0, 2, 5}
    pairs = torch.stack([labels[wrong], changed[wrong]], 1).unique(dim=0, return_counts=True)[1]
    assert len(pairs) == 6
    assert 110 < int(pairs.min()) < int(pairs.max()) < 190
    assert torch.equal(changed, flipped(labels, 0.3, 1))
    assert not torch.equal(changed, flipped(labels, 0.3, 2))
    assert int((flipped(labels, 1e-6, 0) != labels).sum()) == 1
    for share in (0.0, 1.5):
        with pytest.raises(XaiwidgetsError, match="give a share above 0 and at most"):
            flipped(labels, share, 0)


def test_first_answers_come_early_and_get_better():
    images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 10))
    noisy = ImageSet(images.batch(slice(None)), flipped(images.labels, 0.1, 0))
    RESULTS.clear()  # features that are known are read in one step
    steps = list(LabelErrors()(xw.load_model("lenet"), noisy))
    first = steps[0].value
    assert int((~first.combined.isnan()).sum()) == 64
    assert first.rankings == ("combined", "loss")
    stages = [step.value.stage for step in steps]
    assert stages[-1] == "left out one by one"
    compared = next(step.value for step in steps if step.value.stage == "comparing neighbours")
    assert compared.rankings == ("combined", "disagreement", "loss")
    assert steps[-1].value.rankings == RANKINGS


def test_another_damping_on_the_way_gives_what_it_gives_from_the_start():
    features, labels = blobs(90)
    steps = LabelErrors(neighbors=5)(None, (features, labels))
    for step in steps:
        if step.value.stage == "the Hessian":
            break
    *_, end = iter(lambda: steps.send({"damping": 0.1}) if steps.settings.damping != 0.1 else next(steps, None), None)
    alone = last(LabelErrors(neighbors=5, damping=0.1)(None, (features, labels)))
    assert torch.equal(end.value.combined, alone.combined)
    assert end.value.damping == 0.1
    assert end.progress == 1


def test_a_head_too_large_to_invert_is_ranked_by_its_plain_loss():
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 5
    features = torch.randn(120, 4200, generator=draw) + 3 * torch.eye(5, 4200)[labels]
    value = last(LabelErrors(neighbors=5)(None, (features, labels)))
    assert value.rankings == ("combined", "disagreement", "loss")
    assert "21,000 parameters" in value.reason
    assert value.stage.startswith("the plain loss")
    expected = rankdata(-value.loss.numpy()), rankdata(-value.disagreement.numpy())
    np.testing.assert_allclose(value.combined, 1 - (sum(expected) / 2 - 1) / 119, rtol=1e-5)


def test_what_does_not_fit_is_refused_in_words(fashion):
    model, images = xw.load_model("lenet"), torch.rand(30, 1, 28, 28)
    cases = [
        (LabelErrors(), (model, images), "The images have no labels, so that none can be wrong"),
        (LabelErrors(neighbors=5), (model, ImageSet(images, [3] * 30)), "All training examples have one label"),
        (LabelErrors(neighbors=5), (model, ImageSet(images, [11, *[3] * 29])), r"label 11 .* is out of range"),
        (
            LabelErrors(neighbors=30),
            (model, ImageSet(images, [0, 1] * 15)),
            r"neighbors=30 .* 30 examples; give at most 29",
        ),
        (LabelErrors(neighbors=30), (None, (torch.rand(30, 3), torch.arange(30) % 2)), "give at most 29"),
        (LabelErrors(), (None, torch.rand(30, 3)), r"give two tensors: \(features, labels\)"),
        (LabelErrors(layer="fc9"), (model, ImageSet(images, [0, 1] * 15)), "no layer 'fc9'; nearest: 'fc"),
    ]
    for method, arguments, words in cases:
        with pytest.raises(XaiwidgetsError, match=words):
            last(method(*arguments))
    with pytest.raises(InvalidSettingError, match="neighbors=0 was given; give a whole number from 1 to 1000"):
        LabelErrors(neighbors=0)
    value, noisy, truth = fashion
    with pytest.raises(XaiwidgetsError, match=r"True labels of shape .* were given for 4000 labels"):
        value.recall(truth[:10])
    with pytest.raises(XaiwidgetsError, match="nothing to find"):
        value.recall(noisy.labels)
    with pytest.raises(XaiwidgetsError, match="no ranking 'neighbours'; "):
        value.recall(truth, by="neighbours")
    with pytest.raises(XaiwidgetsError, match="from 0 to 1"):
        value.recall(truth, share=10)
