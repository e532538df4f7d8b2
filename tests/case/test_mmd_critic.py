from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

import xaiwidgets as xw
from tests.case.plain_critic import criticisms, gamma_of, kernel_of, mmd2, prototypes
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import MMDCritic
from xaiwidgets.methods.case._mmd_critic.kernel import Kernel
from xaiwidgets.methods.case._mmd_critic.search import Search, random_mmd2
from xaiwidgets.methods.case._prototypes.distances import Distances
from xaiwidgets.methods.case._prototypes.nearest import random_rows
from xaiwidgets.methods.case._prototypes.rows import Rows
from xaiwidgets.models.features import read_features

WIDGET = "xw.PrototypeExplorer(xw.load_model('lenet'), xw.data.fashion_mnist_small('train').subset(range(0, 4000, 8)))"
SHORT = True


def example():
    """A tiny call for the contract suite: two batches and three classes."""
    images = torch.rand(70, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return MMDCritic(prototypes=4, criticisms=3), (image_model("lenet"), ImageSet(images, torch.arange(70) % 3))


def blobs(rows=60, seed=0):
    """Three classes that overlap, in five numbers."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % 3
    return torch.randn(rows, 5, generator=draw).double() + 2 * torch.eye(3, 5)[labels], labels


@pytest.fixture(scope="module")
def fashion():
    """An answer about every other packaged image, and all that it was made of."""
    images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 2))
    model = xw.load_model("lenet")
    value = last(MMDCritic()(model, images))
    features = last(read_features(model, images)).values.double().numpy()
    return value, kernel_of(features, value.kernel_gamma), features, images


@pytest.mark.parametrize("gamma", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("per_class", [False, True])
def test_it_chooses_what_the_plain_search_chooses(gamma, per_class):
    features, labels = blobs()
    method = MMDCritic(prototypes=9, criticisms=5, gamma=gamma, per_class=per_class)
    value = last(method(None, (features, labels)))
    assert value.kernel_gamma == pytest.approx(gamma_of(features.numpy(), gamma))
    K = kernel_of(features.numpy(), value.kernel_gamma, labels.numpy() if per_class else None)
    chosen = prototypes(K, 9)
    assert value.prototypes.tolist() == chosen
    np.testing.assert_allclose(value.mmd2, [mmd2(K, chosen[: size + 1]) for size in range(9)], atol=1e-12)
    found, witness = criticisms(K, chosen, 5, 1.0)
    assert value.criticisms.tolist() == found
    np.testing.assert_allclose(value.witness, witness, atol=1e-12)


def test_of_real_images_mmd2_is_that_from_scratch(fashion):
    """The kernel's means are summed over pieces of rows, and every value follows from the one before."""
    value, K, _, _ = fashion
    chosen = value.prototypes.numpy()
    expected = [mmd2(K, chosen[: size + 1]) for size in range(len(chosen))]
    np.testing.assert_allclose(value.mmd2, expected, atol=1e-6)
    others = range(0, len(K), 20)
    assert all(mmd2(K, [*chosen[:5], row]) >= float(value.mmd2[5]) - 1e-12 for row in others if row not in chosen[:5])
    np.testing.assert_allclose(value.witness, (K.mean(0) - K[:, chosen].mean(1))[value.criticisms], atol=1e-6)


def test_prototypes_beat_random_sets_of_real_images(fashion):
    value, K, features, images = fashion
    assert float(value.mmd2[-1]) < 0.5 * float(value.random_mmd2[:, -1].min())
    assert float(value.mmd2[-1]) < 0.2 * float(value.random_mmd2[:, -1].mean())
    assert value.accuracy > float(value.random_accuracy.mean())
    assert len(set(images.labels[value.prototypes].tolist())) >= 9
    sets = random_rows(len(K), 18, 0, torch.device("cpu"))
    expected = [[mmd2(K, rows[: size + 1]) for size in range(18)] for rows in sets.numpy()]
    np.testing.assert_allclose(value.random_mmd2, expected, atol=1e-9)
    for rows, found in [(value.prototypes, value.accuracy), (sets[3], float(value.random_accuracy[3]))]:
        others = np.setdiff1d(np.arange(len(K)), rows)
        nearest = KNeighborsClassifier(1).fit(features[rows], images.labels[rows])
        assert found == pytest.approx(nearest.score(features[others], images.labels[others]))


def test_random_sets_have_the_mmd2_that_the_theory_of_sampling_says():
    """E MMD² of m of n rows without replacement is (n − m) / (n − 1) / m times 1 less the mean of the kernel."""
    features, labels = blobs(300)
    rows = Rows(features, labels)
    kernel = Kernel(rows, Distances(features), 0.1, per_class=False)
    *_, known = kernel.means()
    sets = torch.cat([random_rows(300, 30, seed, features.device) for seed in range(50)])
    found = random_mmd2(Search(kernel, known.whole), sets).numpy()
    m = np.arange(1, 31)
    expected = (300 - m) / 299 / m * (1 - kernel_of(features.numpy(), 0.1).mean())
    error = found.std(0) / np.sqrt(len(found))
    assert len(found) == 1000
    assert (np.abs(found.mean(0) - expected)[[1, 4, 14, 29]] <= 3 * error[[1, 4, 14, 29]]).all()


def test_each_row_belongs_to_its_nearest_prototype(fashion):
    value, _, features, _ = fashion
    squared = ((features[:, None] - features[value.prototypes]) ** 2).sum(-1)
    np.testing.assert_array_equal(value.nearest, squared.argmin(1))
    assert value.stands_for.tolist() == [len(value.members(place)) for place in range(18)]
    assert int(value.stands_for.sum()) == 2000
    np.testing.assert_allclose(value.distance, np.sqrt(squared.min(1)), atol=1e-5)
    members = value.members(3)
    assert sorted(members.tolist()) == np.flatnonzero(squared.argmin(1) == 3).tolist()
    assert int(members[0]) == int(value.prototypes[3])
    assert bool((value.distance[members].diff() >= 0).all())


def test_greedy_comes_near_the_best_set_of_the_same_size():
    ratios = []
    for seed in range(8):
        features, labels = blobs(16, seed)
        value = last(MMDCritic(prototypes=4, criticisms=0)(None, (features, labels)))
        K = kernel_of(features.numpy(), value.kernel_gamma)
        ratios.append(float(value.mmd2[-1]) / min(mmd2(K, rows) for rows in combinations(range(16), 4)))
    assert min(ratios) >= 1 - 1e-9
    assert np.median(ratios) <= 1.5


def test_groups_are_stood_for_and_a_left_out_one_is_criticised():
    draw = torch.Generator().manual_seed(0)
    middles = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    group = torch.repeat_interleave(torch.arange(3), torch.tensor([45, 30, 25]))
    features = middles[group] + torch.randn(100, 2, generator=draw)
    all_stood_for = last(MMDCritic(prototypes=3, criticisms=0)(None, (features, group)))
    assert sorted(group[all_stood_for.prototypes].tolist()) == [0, 1, 2]
    assert all_stood_for.accuracy == 1
    value = last(MMDCritic(prototypes=2, criticisms=3)(None, (features, group)))
    assert group[value.prototypes].tolist() == [0, 1]
    signs = {int(group[row]): value.meaning(place) for place, row in enumerate(value.criticisms)}
    assert signs[2] == "under-represented: the prototypes hold too few like it"
    assert signs[1] == "over-represented: the prototypes hold too many like it"


def test_equal_rows_are_taken_in_their_order():
    features = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))[torch.arange(30) % 5] * 10
    value = last(MMDCritic(prototypes=5, criticisms=4, gamma=50.0)(None, (features, torch.arange(30) % 5)))
    assert sorted(value.prototypes.tolist()) == [0, 1, 2, 3, 4]
    assert float(value.mmd2[-1]) == pytest.approx(0, abs=1e-12)
    same = last(MMDCritic(prototypes=2, criticisms=1)(None, (torch.ones(6, 2), torch.arange(6) % 2)))
    assert same.prototypes.tolist() == [0, 1]
    assert same.criticisms.tolist() == [2]
    assert same.mmd2.tolist() == [0, 0]


@pytest.mark.parametrize(
    "change", [{"prototypes": 12}, {"prototypes": 3}, {"criticisms": 9}, {"gamma": 4.0}, {"spread": 0.0}]
)
@pytest.mark.parametrize("stage", ["comparing all with all", "choosing prototypes", "choosing criticisms", "done"])
def test_what_is_changed_on_the_way_gives_what_it_gives_from_the_start(change, stage):
    features, labels = blobs(1500 if stage == "comparing all with all" else 100, 3)  # of which there are two pieces
    method = MMDCritic(prototypes=6, criticisms=3)
    RESULTS.clear()  # what is known of a kernel is not computed again
    steps = method(None, (features, labels))
    next(step for step in steps if step.value.stage == stage)
    *_, end = steps.send(change), *steps
    alone = last(method.replace(**change)(None, (features, labels)))
    assert end.value.stage == "done"
    for name in ("prototypes", "criticisms", "mmd2", "witness", "nearest", "random_mmd2", "random_accuracy"):
        assert torch.equal(getattr(end.value, name), getattr(alone, name)), name
    assert end.progress == 1


def test_rows_are_compared_a_few_at_a_time():
    distances = Distances(torch.rand(10_000, 16).double())
    sizes = [len(piece) for piece in distances.pieces(torch.arange(10_000), 10_000)]
    assert sum(sizes) == 10_000
    assert max(sizes) <= 209


def test_images_without_labels_have_prototypes_but_no_accuracy():
    images = ImageSet(torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    value = last(MMDCritic(prototypes=3, criticisms=1)(image_model("lenet"), images))
    assert len(value.prototypes) == 3
    assert np.isnan(value.accuracy)
    assert len(value.random_accuracy) == 0
    assert value.random_mmd2.shape == (20, 3)


def test_what_does_not_fit_is_refused_in_words():
    model, images = image_model("lenet"), ImageSet(torch.rand(20, 1, 28, 28))
    rows = torch.rand(30, 3)
    cases = [
        (MMDCritic(), (model, images), "prototypes=18 and criticisms=6 were given for 20 examples; give at most 20"),
        (MMDCritic(), (None, (rows[:9], torch.arange(9))), "for 9 examples; give at most 9 together"),
        (
            MMDCritic(prototypes=2, per_class=True),
            (model, images),
            "per_class=True was given for images without labels",
        ),
        (MMDCritic(), (None, rows), r"give two tensors: \(features, labels\)"),
        (MMDCritic(), (None, (rows, -torch.ones(30).long())), "Row 0 has the label -1; give whole numbers from 0"),
        (MMDCritic(), (None, (rows / 0, torch.arange(30))), "row 0 are no finite numbers"),
        (MMDCritic("99", prototypes=2), (model, images), "no layer '99'; nearest: '9'"),
    ]
    for method, arguments, words in cases:
        with pytest.raises(XaiwidgetsError, match=words):
            last(method(*arguments))
    with pytest.raises(InvalidSettingError, match=r"gamma=0 was given; give a number from 0\.05 to 50"):
        MMDCritic(gamma=0)
