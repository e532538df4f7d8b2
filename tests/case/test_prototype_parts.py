import math

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.case.planted_parts import covered, network, planted
from xaiwidgets.core import last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import PrototypeParts

WIDGET = (
    "xw.PrototypePartViewer(xw.load_model('lenet'), xw.data.fashion_mnist_small('train').subset(range(0, 4000, 5)), "
    "xw.data.fashion_mnist_small('test').subset(range(0, 1000, 5)), epochs=60)"
)


def example():
    """A tiny call for the contract suite: two classes, two batches, one projection."""
    images, _ = planted(24, 0, classes=2)
    settings = {"prototypes": 1, "channels": 4, "epochs": 1, "projections": 1, "batch": 16}
    return PrototypeParts(layer="2", **settings), (network(6, 2), images)


@pytest.fixture(scope="module")
def fashion():
    """Every second packaged image, LeNet, and what is learnt in six epochs."""
    train, test = (xw.data.fashion_mnist_small(split) for split in ("train", "test"))
    train, model = train.subset(range(0, 4000, 2)), xw.load_model("lenet")
    method = PrototypeParts("pool2", prototypes=5, epochs=8, projections=2)
    return last(method(model, train, test)), model, train, test


@pytest.fixture(scope="module")
def patterns():
    """Planted patterns, and where they are; all classes share their noise, so that more separation helps."""
    train, at_train = planted(300, 0)
    test, at_test = planted(150, 1)
    model = network()
    return (
        last(PrototypeParts("2", prototypes=3, epochs=15, batch=32, separation=0.3)(model, train, test)),
        at_train,
        at_test,
    )


def latents(value, model, images):
    """The latents in double precision, written out: (image, latent, row, column)."""
    net = value.network
    with torch.no_grad():
        maps = model.module[:3](images.batch(slice(None)))
    x = (maps.double().numpy() - net.mean.double().numpy()[:, None, None]) / net.deviation.double().numpy()[
        :, None, None
    ]
    hidden = np.einsum("dc,nchw->ndhw", net.first.double(), x) + net.first_bias.double().numpy()[:, None, None]
    hidden = np.einsum("ed,ndhw->nehw", net.second.double(), np.maximum(hidden, 0))
    return 1 / (1 + np.exp(-(hidden + net.second_bias.double().numpy()[:, None, None])))


def test_a_planted_pattern_is_the_part_that_is_learnt(patterns):
    value, at_train, at_test = patterns
    assert value.accuracy.now >= 0.98
    assert value.accuracy.now > value.accuracy.by_chance
    assert float(covered(value.boxes, at_train[value.images]).float().mean()) >= 0.95
    found = [covered(value.query_boxes(q)[value.pairs(q)[0].prototype], at_test[q]) for q in range(len(at_test))]
    assert float(torch.stack(found).float().mean()) >= 0.95


def test_every_prototype_is_a_real_patch_of_an_image_of_its_class(patterns):
    value, _, _ = patterns
    train, _ = planted(300, 0)
    assert value.distances.tolist() == [0.0] * 9
    assert torch.equal(train.labels[value.images], value.classes)
    z = latents(value, network(), train)
    for p in range(9):
        y, x = value.cells[p].tolist()
        patch = z[int(value.images[p]), :, y : y + 2, x : x + 2]
        np.testing.assert_allclose(value.network.prototypes[p], patch, atol=1e-5)


def test_similarities_and_logits_are_those_of_the_formula_written_out(patterns):
    value, _, _ = patterns
    test, _ = planted(150, 1)
    z, prototypes = latents(value, network(), test), value.network.prototypes.double().numpy()
    for q in range(0, 150, 10):
        logits = np.zeros(3)
        for p in range(9):
            d2 = np.array(
                [[((z[q, :, y : y + 2, x : x + 2] - prototypes[p]) ** 2).sum() for x in range(7)] for y in range(7)]
            )
            g = np.log((d2 + 1) / (d2 + 1e-4)).max()
            assert float(value.similarities[q, p]) == pytest.approx(g, rel=1e-4, abs=1e-5)
            y, x = divmod(int(value.places[q, p]), 7)
            assert d2[y, x] == pytest.approx(d2.min(), abs=1e-5)
            logits += g * value.weights[p].double().numpy()
        np.testing.assert_allclose(value.logits[q], logits, rtol=1e-3, atol=1e-3)


def test_points_add_up_to_the_logit_exactly(fashion):
    value, *_ = fashion
    logits = value.logits
    for q in range(0, 1000, 50):
        for label in range(10):
            pairs = value.pairs(q, label)
            assert len(pairs) == 50
            assert [pair.points for pair in pairs] == sorted((pair.points for pair in pairs), reverse=True)
            assert all(pair.points == pair.similarity * pair.weight for pair in pairs)
            assert math.fsum(pair.points for pair in pairs) == pytest.approx(float(logits[q, label]), abs=1e-12)
    best = value.pairs(7)
    assert math.fsum(pair.points for pair in best) == pytest.approx(float(logits[7].max()), abs=1e-12)


def test_real_images_are_told_apart_by_parts_and_the_gap_is_known(fashion):
    value, model, _, test = fashion
    known = value.accuracy
    right = float((model(test.batch(slice(None))).argmax(1) == test.labels).double().mean())
    assert known.own == pytest.approx(right)
    assert known.now >= 0.72
    assert known.now > known.by_chance + 0.05
    assert known.own - known.now <= 0.16
    assert float((value.predictions == test.labels).double().mean()) == known.now == float(value.history_held_out[-1])
    assert value.distances.tolist() == [0.0] * 50


def test_images_are_explained_as_the_held_out_ones_are(fashion):
    value, model, _, test = fashion
    likeness = value.explain(model, test.subset(range(20)))
    np.testing.assert_allclose(likeness.similarities, value.similarities[:20], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(likeness.logits, value.logits[:20], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(likeness.maps.amax((2, 3)), likeness.similarities, rtol=1e-2, atol=1e-2)
    assert torch.equal(likeness.boxes[3], value.query_boxes(3))


def test_a_prototype_is_explained_by_itself(fashion):
    value, model, train, _ = fashion
    likeness = value.explain(model, train.subset(value.images[:5].tolist()))
    for p in range(5):
        assert float(likeness.similarities[p, p]) == pytest.approx(math.log(1e4), abs=1e-3)
        assert torch.equal(likeness.boxes[p, p], value.boxes[p])
        peaks = value.peak_boxes(likeness, p, (28, 28))
        assert torch.equal(peaks[p], value.peaks[p])


def test_without_test_images_a_share_of_each_class_is_held_out():
    train, _ = planted(90, 0)
    value = last(PrototypeParts("2", prototypes=1, channels=4, epochs=1, held_out=0.3, seed=4)(network(), train))
    assert len(value.rows) == 27
    assert torch.equal(train.labels[value.rows], value.labels)
    assert torch.bincount(value.labels).tolist() == [9, 9, 9]
    assert not set(value.rows.tolist()) & set(value.images.tolist())
    other = last(PrototypeParts("2", prototypes=1, channels=4, epochs=1, held_out=0.3, seed=5)(network(), train))
    assert set(other.rows.tolist()) != set(value.rows.tolist())


def test_equal_seeds_give_equal_bits_and_the_history_tells_the_projections():
    train, _ = planted(60, 0)
    RESULTS.clear()
    runs = [
        list(PrototypeParts("2", prototypes=2, channels=4, epochs=4, projections=2, batch=8)(network(), train))
        for _ in range(2)
    ]
    for one, other in zip(runs[0][-40:], runs[1][-40:], strict=True):
        assert torch.equal(one.value.network.flat(), other.value.network.flat())
        assert torch.equal(one.value.weights, other.value.weights)
        assert one.done == other.done
    assert runs[0][-1].value.history_epochs.tolist() == [0, 1, 2, 2, 2, 3, 4, 4, 4]
    stages = list(dict.fromkeys(step.value.stage for step in runs[0]))
    assert stages[0] == "reading what the network sees"
    assert stages[1].startswith("random patches")
    assert stages[2:] == ["learning", "projected", "projected, last layer fitted"]


def test_a_layer_of_vectors_gives_whole_images_as_parts():
    train = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 20))
    value = last(PrototypeParts("relu3", prototypes=1, channels=8, epochs=2)(xw.load_model("lenet"), train))
    assert value.boxes.tolist() == [[0, 0, 28, 28]] * 10
    assert value.network.prototypes.shape == (10, 8, 1, 1)


def test_a_change_of_the_images_makes_a_new_reading():
    train, _ = planted(60, 0)
    method, model = PrototypeParts("2", prototypes=1, channels=4, epochs=1), network()
    first = last(method(model, train))
    darker = ImageSet(train.batch(slice(None)) / 2, train.labels)
    assert not torch.equal(last(method(model, darker)).network.mean, first.network.mean)
    assert torch.equal(last(method(model, train)).network.mean, first.network.mean)
