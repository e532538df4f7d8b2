"""What deep k-nearest neighbours promise: valid p-values, and little credibility for what was never seen."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import xaiwidgets as xw
from tests.case.digits import LAYERS, digits, shifted, trained
from xaiwidgets.core import last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods import NearestNeighbors
from xaiwidgets.methods.case._nearest.conformal import nonconformity, support

METHOD = NearestNeighbors(LAYERS, 20)


@pytest.fixture(scope="module")
def real():
    train, calibration, query = digits()
    return last(METHOD(trained(), train, query, calibration))


def restated(neighbours, calibration_neighbours, calibration_labels, classes):
    """p-values as the algorithm says, one example and one class after the other."""
    alpha = [sum(label != own for layer in of for label in layer) for of, own in calibration_neighbours]
    assert len(alpha) == len(calibration_labels)
    p = np.zeros((len(neighbours), classes))
    for row, of in enumerate(neighbours):
        for label in range(classes):
            own = sum(other != label for layer in of for other in layer)
            p[row, label] = (1 + sum(a >= own for a in alpha)) / (len(alpha) + 1)
    return p


def test_p_values_are_those_of_the_algorithm(real):
    train, calibration, _ = digits()
    own = last(METHOD(trained(), train, calibration))
    known = [(own.labels[:, row].tolist(), int(calibration.labels[row])) for row in range(len(calibration))]
    expected = restated(real.labels.permute(1, 0, 2).tolist(), known, calibration.labels, 10)
    assert np.array_equal(real.p_values.numpy(), expected)
    top = np.sort(expected, axis=1)
    assert np.array_equal(real.credibility.numpy(), top[:, -1])
    assert np.array_equal(real.confidence.numpy(), 1 - top[:, -2])
    assert np.array_equal(expected[np.arange(len(top)), real.supported], top[:, -1])


def test_shares_and_conformity_are_counts(real):
    for row in range(0, len(real.conformity), 50):
        together = real.labels[:, row].flatten().tolist()
        shares = [together.count(label) / (len(LAYERS) * 20) for label in range(10)]
        assert real.label_shares[row].tolist() == pytest.approx(shares, abs=1e-15)
        assert float(real.conformity[row]) == pytest.approx(shares[int(real.predictions[row])], abs=1e-15)
    layers = torch.stack([real.layer_shares(layer) for layer in LAYERS])
    torch.testing.assert_close(layers.mean(0), real.label_shares)


def test_on_new_examples_few_true_classes_are_refuted():
    """P(p_true ≤ a) ≤ a, within three standard errors of both draws, for every way of drawing the labels at random."""
    draw = torch.Generator().manual_seed(0)
    for difficulty in (0.3, 0.6, 0.9):
        chance = torch.rand(4000, 1, generator=draw) * difficulty
        labels = torch.randint(0, 5, (4000,), generator=draw)
        noisy = torch.where(
            torch.rand(4000, 20, generator=draw) < chance,
            torch.randint(0, 5, (4000, 20), generator=draw),
            labels[:, None],
        )
        alpha = nonconformity(noisy[None], 5)
        own = alpha.gather(1, labels[:, None])[:, 0]
        p = support(alpha[2000:], own[:2000]).p_values.gather(1, labels[2000:, None])
        for a in (0.01, 0.05, 0.1, 0.2):
            assert float((p <= a).double().mean()) <= a + 3 * (a * (1 - a) * (1 / 2000 + 1 / 2000)) ** 0.5


def test_on_unseen_images_few_true_classes_are_refuted():
    """Over twenty ways of halving the test images, of which the network has seen none."""
    model, train, test = xw.load_model("lenet"), *(xw.data.fashion_mnist_small(split) for split in ("train", "test"))
    refuted = {0.01: [], 0.05: [], 0.1: [], 0.2: []}
    found = last(NearestNeighbors(k=25)(model, train, test))
    alpha = nonconformity(found.labels, 10)
    own = alpha.gather(1, test.labels[:, None])[:, 0]
    for seed in range(20):
        halves = torch.randperm(len(test), generator=torch.Generator().manual_seed(seed)).chunk(2)
        p = support(alpha[halves[1]], own[halves[0]]).p_values.gather(1, test.labels[halves[1], None])
        for a, shares in refuted.items():
            shares.append(float((p <= a).double().mean()))
    for a, shares in refuted.items():
        assert np.mean(shares) <= a + 3 * (a * (1 - a) * (1 / 500 + 1 / 500)) ** 0.5
    assert np.mean(refuted[0.2]) >= 0.15, "so careful that it says nothing"


def test_what_was_never_seen_has_little_credibility(real):
    """Each of four shifts is told from real digits; the softmax is surer of digits that are turned."""
    train, calibration, query = digits()
    there = [1] * len(query) + [0] * len(query)
    softmax = {}
    for name, images in shifted(query.batch(slice(None))).items():
        found = last(METHOD(trained(), train, images, calibration))
        assert roc_auc_score(there, torch.cat([real.credibility, found.credibility])) >= 0.85, name
        softmax[name] = roc_auc_score(there, torch.cat([one.probabilities.amax(1) for one in (real, found)]))
    assert min(softmax.values()) < 0.7


def test_neighbours_answer_nearly_as_well_as_the_network(real):
    labels = digits()[2].labels
    shares = [float((answers == labels).double().mean()) for answers in (real.supported, real.predictions)]
    assert shares[1] >= 0.95
    assert shares[0] >= shares[1] - 0.01


def test_what_tells_right_from_wrong_is_measured_on_the_calibration_examples(real):
    train, calibration, _ = digits()
    own = last(METHOD(trained(), train, calibration))
    right = own.predictions == calibration.labels
    assert real.calibration_accuracy == pytest.approx(float(right.double().mean()))
    assert real.conformity_auroc == pytest.approx(roc_auc_score(right, own.conformity), abs=1e-12)
    assert real.softmax_auroc == pytest.approx(roc_auc_score(right, own.probabilities.amax(1)), abs=1e-12)


def test_calibration_is_done_once():
    RESULTS.clear()
    train, calibration, query = digits()
    first = list(METHOD(trained(), train, query[:3], calibration))
    again = list(METHOD(trained(), train, query[3:6], calibration))
    assert len(again) < len(first)
    assert torch.equal(again[-1].value.credibility, last(METHOD(trained(), train, query[3:6], calibration)).credibility)
    relabelled = calibration.with_labels(calibration.labels.roll(1))
    assert not torch.equal(last(METHOD(trained(), train, query[3:6], relabelled)).p_values, again[-1].value.p_values)
