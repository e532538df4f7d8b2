"""Nearest neighbours of images and of features, in one layer and in several; refusals in words."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors as OfScikitLearn
from torch import nn

import xaiwidgets as xw
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import NearestNeighbors
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import read_features

WIDGET = "xw.NeighborExplorer(xw.load_model('lenet'))"
SHORT = True


def example():
    """A tiny call for the contract suite: two layers, two batches, three classes."""
    images = ImageSet(noise(70, 1, 28, 28), torch.arange(70) % 3)
    return NearestNeighbors(("head", "2"), k=5, calibration=20), (image_model("lenet"), images, noise(3, 1, 28, 28))


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def blobs(rows, seed=0):
    """Three classes that overlap, in six numbers."""
    labels = torch.arange(rows) % 3
    return noise(rows, 6, seed=seed) + 0.3 * torch.eye(3, 6)[labels], labels


@pytest.fixture(scope="module")
def fashion():
    return xw.load_model("lenet"), *(xw.data.fashion_mnist_small(split) for split in ("train", "test"))


def test_neighbours_of_images_are_those_of_their_features(fashion):
    model, train, test = fashion
    found = last(NearestNeighbors(("head", "conv2"), k=12, metric="l2")(model, train, test[:20]))
    assert found.indices.shape == found.distances.shape == (2, 20, 12)
    for place, layer in enumerate(found.layers):
        rows, queries = (last(read_features(model, of, layer)).values.double().numpy() for of in (train, test[:20]))
        expected = OfScikitLearn(algorithm="brute").fit(rows).kneighbors(queries, 12)
        assert np.array_equal(found.indices[place].numpy(), expected[1])
        np.testing.assert_allclose(found.distances[place], expected[0], atol=1e-6)
    assert torch.equal(found.labels, train.labels[found.indices])


def test_predictions_and_probabilities_are_the_networks(fashion):
    model, train, test = fashion
    found = last(NearestNeighbors(k=12)(model, train, test[:20]))
    with torch.no_grad():
        outputs = model.module(model.normalized(test.batch(slice(0, 20))))
    torch.testing.assert_close(found.probabilities, outputs.softmax(1).double(), atol=1e-6, rtol=1e-5)
    assert torch.equal(found.predictions, outputs.argmax(1))
    assert torch.equal(found.agreement("head"), found.conformity)
    assert found.credibility.isnan().all()


def test_neighbours_are_there_while_the_training_images_are_read(fashion):
    model, train, test = fashion
    RESULTS.clear()
    seen = [step.value for step in NearestNeighbors(k=12)(model, train, test[:2])]
    early = [value for value in seen if value.stage.startswith("among the first")]
    assert len(early) > 20
    farthest = torch.stack([value.distances[0, :, -1] for value in early])
    assert (farthest.diff(dim=0) <= 0).all()
    count = int(early[-1].stage.split()[3].replace(",", ""))
    so_far = last(NearestNeighbors(k=12)(model, train[:count], test[:2]))
    assert torch.equal(early[-1].indices, so_far.indices)


def test_an_example_is_no_neighbour_of_its_own_but_its_copies_are(fashion):
    model, train, _ = fashion
    again = ImageSet(torch.cat([train.batch(slice(0, 300)), train.batch([17])]), [*train.labels[:300], 3])
    named = last(NearestNeighbors(k=5)(model, again, [17, 300, 4]))
    assert named.indices[0, 0, 0] == 300
    assert named.indices[0, 1, 0] == 17
    assert not (named.indices[0] == torch.tensor([[17], [300], [4]])).any()
    one = last(NearestNeighbors(k=5)(model, again, 17))
    assert torch.equal(one.indices[:, 0], named.indices[:, 0])
    shown = last(NearestNeighbors(k=5)(model, again, again.batch([17])))
    assert shown.indices[0, 0, :2].tolist() == [17, 300]


def test_set_aside_examples_are_no_neighbours():
    features, labels = blobs(90)
    found = last(NearestNeighbors(k=4, calibration=30, seed=3)(None, (features, labels), list(range(90))))
    left = found.indices.unique()
    assert len(left) <= 60
    assert found.calibrated == 30
    assert found.rows == 60
    assert not (found.indices[0] == torch.arange(90)[:, None]).any()
    other = last(NearestNeighbors(k=4, calibration=30, seed=4)(None, (features, labels), list(range(90))))
    assert not torch.equal(other.indices, found.indices)
    given = last(NearestNeighbors(k=4, calibration=30)(None, (features, labels), features, blobs(25, seed=5)))
    assert given.rows == 90
    assert given.calibrated == 25


def test_without_a_network_the_prediction_is_that_of_the_neighbours():
    found = last(NearestNeighbors(k=7)(None, blobs(60), blobs(9, seed=1)[0]))
    assert torch.equal(found.predictions, found.label_shares.argmax(1))
    assert torch.equal(found.conformity, found.label_shares.amax(1))
    assert found.layers == ("features",)
    assert found.probabilities.isnan().all()


def test_classes_without_training_images_are_named(fashion):
    model, train, test = fashion
    some = train.subset((train.labels < 3).nonzero().flatten())
    found = last(NearestNeighbors(k=5)(model, some, test[:5]))
    assert found.label_shares.shape == (5, 10)
    assert "7 of 10 classes have no training example" in found.reason


def test_a_library_takes_over_where_exact_search_is_too_slow():
    method = NearestNeighbors(k=5, patience=0)
    found = last(method(None, blobs(900), blobs(300, seed=1)[0]))
    assert "faiss" in found.reason
    assert "exact search would take" in found.reason
    exact = last(method.replace(index="exact")(None, blobs(900), blobs(300, seed=1)[0]))
    assert exact.reason == "exact search among 900 rows"
    shared = (found.indices[0, :, :, None] == exact.indices[0, :, None]).any(2).double().mean()
    assert float(shared) >= 0.9


def zeros_in(place):
    features, labels = blobs(20)
    features[place] = 0
    return features, labels


BLOBS = blobs(20)


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        ({"k": 21}, (BLOBS, BLOBS[0]), "k=21 neighbours were asked for among 20 training examples; give at most 20"),
        ({"k": 3, "calibration": 20}, (BLOBS, BLOBS[0]), "calibration=20 was given for 20 .* leave some to search"),
        ({"k": 3}, (zeros_in(4), BLOBS[0]), "training example 4 in layer 'features' are all zero, .* metric='l2'"),
        ({"k": 3}, (BLOBS, zeros_in(2)[0]), "query 2 in layer 'features' are all zero"),
        ({"k": 3}, (BLOBS, BLOBS[0][:, :4]), "6 features were given for training and 4 as query features"),
        ({"k": 3}, (BLOBS, BLOBS[0], (BLOBS[0][:, :4], BLOBS[1])), "for training and 4 as calibration features"),
        ({"k": 3}, (BLOBS, BLOBS[0] / 0), "query features of row 0 are no finite numbers"),
        ({"k": 3}, ((BLOBS[0] / 0, BLOBS[1]), BLOBS[0]), "training features of row 0 are no finite numbers"),
        ({"k": 3}, ((BLOBS[0], BLOBS[1] * 2), BLOBS[0]), "Class 1 has no training example"),
        ({"k": 3}, ((BLOBS[0], BLOBS[1] - 1), BLOBS[0]), "training label -1 was given; give whole numbers from 0"),
        ({"k": 3}, (BLOBS[0], BLOBS[0]), "Tensor was given as training examples without a model; give two tensors"),
        ({"k": 20}, (BLOBS, 4), "k=20 .* of one of 20 training examples, .* give at most 19"),
        ({"k": 3}, (BLOBS, BLOBS[0], (BLOBS[0], BLOBS[1] + 1)), "calibration label 3 .* is out of range; there are 3"),
        ({"k": 3}, (BLOBS, torch.arange(0)), "No query was given; give at least one"),
        ({"k": 3}, (BLOBS, [20]), "Training example 20 was named as a query; there are 20, 0 to 19"),
        ({"k": 3}, (BLOBS, "seven"), "Query features of str were given; give numbers"),
        ({"layers": ("a", "b"), "k": 3}, (BLOBS, BLOBS[0]), "features were given without a model; leave layers out"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(method, given, words):
    with pytest.raises(XaiwidgetsError, match=words):
        last(NearestNeighbors(**method)(None, *given))


def test_layers_and_labels_of_images_are_refused_in_words(fashion):
    model, train, test = fashion
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'; nearest: "):
        last(NearestNeighbors(("head", "conv9"))(model, train, test))
    with pytest.raises(InvalidSettingError, match="names 'head' twice; name each layer once"):
        NearestNeighbors(("head", "head"))
    with pytest.raises(InvalidSettingError, match=r"layers=3 was given; give a sequence of texts"):
        NearestNeighbors(3)
    assert NearestNeighbors("conv2").layers == ("conv2",)
    unlabelled = ImageSet(train.batch(slice(0, 90)))
    with pytest.raises(XaiwidgetsError, match="The training images have no labels"):
        last(NearestNeighbors()(model, unlabelled, test))
    with pytest.raises(XaiwidgetsError, match="The calibration images have no labels"):
        last(NearestNeighbors()(model, train, test[:3], unlabelled))
    too_high = ImageSet(train.batch(slice(0, 90)), [12] * 90)
    with pytest.raises(XaiwidgetsError, match=r"has the label 12, but .* knows 10 classes"):
        last(NearestNeighbors()(model, too_high, test[:3]))
    found = last(NearestNeighbors(("head", "conv2"), k=3)(model, train[:9], test[:2]))
    with pytest.raises(XaiwidgetsError, match="no neighbours in layer 'conv3'; nearest: 'conv2'"):
        found.layer_shares("conv3")


def test_a_network_that_answers_no_classes_has_neighbours_too():
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    model = ImageModel(network.eval(), (1, 4, 4))
    found = last(NearestNeighbors(("0",), k=3)(model, ImageSet(noise(12, 1, 4, 4), [0, 1] * 6), noise(2, 1, 4, 4)))
    assert found.probabilities.isnan().all()
    assert torch.equal(found.predictions, found.supported)


def test_a_place_may_be_any_whole_number_and_a_single_class_is_supported():
    found = last(NearestNeighbors(k=3)(None, BLOBS, np.int64(2)))
    assert torch.equal(found.indices, last(NearestNeighbors(k=3)(None, BLOBS, 2)).indices)
    one = (BLOBS[0], torch.zeros(20, dtype=torch.long))
    found = last(NearestNeighbors(k=3, calibration=5)(None, one, BLOBS[0]))
    assert found.credibility.tolist() == [1.0] * 20
    assert found.confidence.tolist() == [1.0] * 20


def test_more_neighbours_than_a_librarys_lists_hold_are_all_real():
    method = NearestNeighbors(k=75, index="faiss")
    found = last(method(None, blobs(400), blobs(20, seed=1)[0]))
    assert found.distances.isfinite().all()
    assert all(len(set(row)) == 75 for row in found.indices[0].tolist())
