import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import xaiwidgets as xw
from tests.case.plain_conformity import plain
from tests.case.planted import PATTERN, PATTERNS, planted, trained
from tests.networks import image_model
from xaiwidgets.core import last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import ConformityImportance, NearestNeighbors
from xaiwidgets.methods.case._conformity.ranks import rank_correlation

WIDGET = "xw.ConformityViewer(xw.load_model('lenet'))"
SHORT = True


def example():
    """A tiny call for the contract suite: three levels of 9, 25 and 81 patches on noise."""
    images = torch.rand(61, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    train = ImageSet(images[:60], torch.arange(60) % 10)
    return ConformityImportance(k=9, patch=7, draws=2), (image_model("lenet"), train, images[60])


@pytest.fixture(scope="module")
def double():
    """A network in double precision, so that sums in another order differ by nothing that shows."""
    images = torch.rand(81, 1, 28, 28, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return image_model("lenet", torch.float64), ImageSet(images[:80].float(), torch.arange(80) % 10), images[80].float()


CASES = [("cosine", ("head",), None), ("l2", ("head",), 7), ("cosine", ("0", "3", "head"), None), ("l2", ("3",), 40)]


@pytest.mark.parametrize(("metric", "layers", "own"), CASES)
def test_the_maps_are_those_of_plain_covering_and_scikit_learn(double, metric, layers, own):
    model, train, image = double
    layers_given = () if layers == ("head",) else layers
    method = ConformityImportance(layers_given, k=11, patch=5, fill="mean", metric=metric, draws=1)
    value = last(method(model, train, image if own is None else own))
    given = image if own is None else train.batch([own])[0]
    maps, tables, conformity, c = plain(
        model, train, given.double(), layers=layers, k=11, metric=metric, sizes=(10, 5), own=own
    )
    assert value.sizes == (10, 5)
    assert value.predicted == c
    assert value.conformity == pytest.approx(conformity, abs=1e-12)
    np.testing.assert_allclose(value.importance, maps[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(value.probability_importance, maps[1], rtol=0, atol=1e-12)
    assert np.abs(maps[0]).max() > 0.05
    for level, (boxes, drops, lost) in enumerate(tables):
        at = value.levels == level
        assert [tuple(box[:2]) for box in value.boxes[at].tolist()] == boxes
        np.testing.assert_allclose(value.drops[at], drops, rtol=0, atol=1e-12)
        np.testing.assert_allclose(value.probability_drops[at], lost, rtol=0, atol=1e-12)
        if np.ptp(drops) > 0:
            assert value.correlation(level) == pytest.approx(spearmanr(drops.round(9), lost).statistic, abs=1e-9)


def test_the_region_ranked_first_holds_the_planted_pattern():
    train, _ = planted(400, 0)
    test, corners = planted(100, 1)
    model = trained(train)
    right = (model(test.batch(range(100))).argmax(1) == test.labels).tolist()
    assert sum(right) >= 98
    with_pattern = (test.labels < len(PATTERNS)).nonzero().flatten().tolist()[:40]
    method, hits, peaks = ConformityImportance(k=25, patch=4, fill="mean", draws=1, batch=64), 0, 0
    for image in with_pattern:
        value = last(method(model, train, test.subset([image])))
        top, left = corners[image].tolist()
        box = value.boxes[value.top()].tolist()
        hits += box[0] < top + PATTERN and box[2] > top and box[1] < left + PATTERN and box[3] > left
        row, column = divmod(int(value.importance.argmax()), value.importance.shape[1])
        peaks += top - 2 <= row < top + PATTERN + 2 and left - 2 <= column < left + PATTERN + 2
        assert float(value.drops.max()) > 0.3
    assert hits >= 0.95 * len(with_pattern)
    assert peaks >= 0.95 * len(with_pattern)  # patches of 4 px that matter lie 2 px apart


@pytest.mark.parametrize("regions", ["patches", "superpixels"])
def test_the_size_of_batches_changes_nothing(double, regions):
    model, train, image = double
    values = [
        last(ConformityImportance(k=9, patch=7, regions=regions, draws=2, batch=batch)(model, train, image))
        for batch in (1, 7, 512)
    ]
    for other in values[1:]:
        for name in ("importance", "conformities", "label_shares", "neighbors", "segments", "boxes", "removed"):
            assert torch.equal(getattr(values[0], name), getattr(other, name)), name
        for name in ("probability_importance", "probabilities", "ordered", "random"):
            torch.testing.assert_close(getattr(values[0], name), getattr(other, name), rtol=0, atol=1e-12)


def test_conformity_and_neighbours_are_those_of_nearest_neighbors():
    model, train = xw.load_model("lenet"), xw.data.fashion_mnist_small("train").subset(range(500))
    value = last(ConformityImportance(("conv2", "head"), k=20, patch=14)(model, train, 17))
    near = last(NearestNeighbors(("conv2", "head"), k=20)(model, train, 17))
    assert value.conformity == float(near.conformity[0])
    assert torch.equal(value.whole_neighbors, near.indices[:, 0])
    torch.testing.assert_close(value.whole_shares, near.label_shares[0])
    assert 17 not in value.whole_neighbors
    assert not (value.neighbors == 17).any()


def test_rank_correlation_is_that_of_scipy():
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        one = torch.randint(6, (40,), generator=draw).double()
        other = one + torch.randint(9, (40,), generator=draw)
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
    assert np.isnan(rank_correlation(one, torch.zeros(40).double()))
    assert np.isnan(rank_correlation(one[:1], other[:1]))


def test_maps_get_finer_and_nothing_is_covered_twice(double):
    model, train, image = double
    seen, known, stages = [], None, []
    for step in ConformityImportance(k=9, patch=3, batch=8)(model, train, image):
        value = step.value
        seen.append(int((~value.importance.isnan()).sum()))
        stages.append(value.stage)
        if known is not None:
            had = ~known.conformities.isnan()
            assert torch.equal(known.conformities[had], value.conformities[: len(had)][had])
        known = value if len(value.conformities) else None
    assert seen == sorted(seen)
    assert seen[-1] == 28 * 28
    assert value.sizes == (12, 6, 3)
    assert list(dict.fromkeys(stages)) == [
        "reading the training images",
        "dividing the image",
        "patches of 12 px",
        "patches of 6 px",
        "patches of 3 px",
        "removing regions",
        "done",
    ]
    assert len(set(map(tuple, value.boxes.tolist()))) == len(value.boxes)
