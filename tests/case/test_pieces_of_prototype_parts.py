"""The pieces of prototype parts against formulas written out, and against scipy."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax

from tests.case.planted_parts import network, planted
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import PrototypeParts
from xaiwidgets.methods.case._prototype_parts.beginning import random_patches, telling_patches
from xaiwidgets.methods.case._prototype_parts.last_layer import first_weights, fit_last_layer
from xaiwidgets.methods.case._prototype_parts.network import first_network
from xaiwidgets.methods.case._prototype_parts.survey import survey
from xaiwidgets.methods.case._prototype_parts.training import cost


def drawn(count=12, classes=3, each=2, seed=0):
    """A small network in double precision, maps, labels, and prototypes from random patches."""
    draw = torch.Generator().manual_seed(seed)
    maps, labels = torch.randn(count, 5, 6, 7, generator=draw).double(), torch.arange(count) % classes
    made = first_network(maps, 4, draw)
    of = torch.arange(classes).repeat_interleave(each)
    patches = random_patches(made, made.standardised(maps), labels, of, (2, 3), draw)
    moved = patches + 0.1 * torch.randn(patches.shape, generator=draw)
    return made.with_prototypes(moved), made.standardised(maps), labels, of


def returned(steps):
    """What a generator returns, once it has yielded all."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def squares(made, maps):
    """d² of each patch by three loops."""
    z, (height, width) = made.latent(maps).numpy(), made.prototypes.shape[2:]
    rows, columns = z.shape[2] - height + 1, z.shape[3] - width + 1
    found = np.zeros((len(z), len(made.prototypes), rows, columns))
    for p, prototype in enumerate(made.prototypes.numpy()):
        for y in range(rows):
            for x in range(columns):
                found[:, p, y, x] = ((z[:, :, y : y + height, x : x + width] - prototype) ** 2).sum((1, 2, 3))
    return found


def test_distances_are_those_of_a_loop():
    made, maps, labels, of = drawn()
    expected = squares(made, maps)
    np.testing.assert_allclose(made.distances(made.latent(maps)), expected, atol=1e-12)
    near = made.nearest(made.latent(maps))
    np.testing.assert_allclose(near.distances, expected.min((2, 3)), atol=1e-14)
    np.testing.assert_array_equal(near.places, expected.reshape(12, 6, -1).argmin(2))
    found = returned(survey(made, maps, labels, of))
    for p in range(6):
        own = np.where((labels == of[p]).numpy()[:, None, None], expected[:, p], np.inf)
        image, y, x = np.unravel_index(own.argmin(), own.shape)
        assert (int(found.images[p]), divmod(int(found.nearest[p]), 5)) == (image, (y, x))
        np.testing.assert_array_equal(found.patches[p], made.latent(maps)[image, :, y : y + 2, x : x + 3])


def test_the_cost_is_that_of_the_paper_and_its_gradient_that_of_differences():
    made, maps, labels, of = drawn()
    weights = first_weights(of, 3, maps) + 0.1 * torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    own = labels[:, None] == of
    free = made.flat().requires_grad_()
    loss = cost(made.with_flat(free), weights, maps, labels, own, (0.8, 0.08))
    (gradient,) = torch.autograd.grad(loss, free)

    def written_out(numbers):
        least = squares(made.with_flat(torch.as_tensor(numbers)), maps).min((2, 3))
        logits = np.log((least + 1) / (least + 1e-4)) @ weights.numpy()
        entropy = -log_softmax(logits, axis=1)[np.arange(12), labels].mean()
        cluster = np.where(own, least, np.inf).min(1).mean()
        separation = -np.where(own, np.inf, least).min(1).mean()
        return entropy + 0.8 * cluster + 0.08 * separation

    start = made.flat().numpy()
    assert float(loss.detach()) == pytest.approx(written_out(start), rel=1e-12)
    for place in range(0, len(start), 17):
        step = np.zeros_like(start)
        step[place] = 1e-6
        slope = (written_out(start + step) - written_out(start - step)) / 2e-6
        assert float(gradient[place]) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_the_last_layer_is_the_optimum_that_scipy_finds():
    draw = torch.Generator().manual_seed(0)
    of, labels = torch.arange(4).repeat_interleave(3), torch.randint(0, 4, (200,), generator=draw)
    s = torch.rand(200, 12, generator=draw).double() * 2 + (of == labels[:, None])
    sparsity, wrong = 0.01, (of[:, None] != torch.arange(4)).numpy()

    def objective(split):
        plus, minus = split.reshape(2, 12, 4)
        logp = log_softmax(s.numpy() @ (plus - minus), axis=1)
        slope = s.numpy().T @ (np.exp(logp) - np.eye(4)[labels]) / 200
        penalty = sparsity * wrong
        value = -logp[np.arange(200), labels].mean() + (penalty * (plus + minus)).sum()
        return value, np.stack([slope + penalty, penalty - slope]).ravel()

    best = minimize(
        objective, np.zeros(96), jac=True, method="L-BFGS-B", bounds=[(0, None)] * 96, options={"maxiter": 5000}
    )
    *_, found = fit_last_layer(s, labels, of, first_weights(of, 4, s), sparsity, 5000)
    reached = objective(np.stack([found.clamp(min=0).numpy(), (-found).clamp(min=0).numpy()]).ravel())[0]
    assert reached == pytest.approx(best.fun, rel=1e-4)
    assert 0 < int((found == 0).sum()) <= int(wrong.sum())
    assert (found[~torch.as_tensor(wrong)] != 0).all()


def test_without_a_penalty_no_weight_is_zero_and_a_large_one_empties_wrong_classes():
    made, maps, labels, of = drawn()
    s = torch.as_tensor(np.log(squares(made, maps).min((2, 3)) + 1))
    start = first_weights(of, 3, s)
    *_, free = fit_last_layer(s, labels, of, start, 0.0, 50)
    *_, sparse = fit_last_layer(s, labels, of, start, 1.0, 2000)
    assert (free != 0).all()
    assert (sparse[start < 0] == 0).all()


def test_first_patches_tell_classes_apart_better_than_random_ones():
    images, _ = planted(120, 0)
    model, draw = network(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        maps = model.module[:3](images.batch(slice(None)))
    made = first_network(maps, 16, draw)
    maps, of = made.standardised(maps), torch.arange(3).repeat_interleave(2)
    telling = returned(telling_patches(made, maps, images.labels, of, (2, 2), draw))

    def contrast(patches):
        alike = -made.with_prototypes(patches).distances(made.latent(maps)).flatten(2).amin(2)
        own = images.labels[:, None] == of
        return float(alike[own].mean() - alike[~own].mean())

    assert contrast(telling) > contrast(random_patches(made, maps, images.labels, of, (2, 2), draw))


def images(labels):
    draw = torch.rand(len(labels), 1, 16, 16, generator=torch.Generator().manual_seed(0))
    return ImageSet(draw, labels)


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (ImageSet(torch.rand(4, 1, 16, 16)), None, "training images have no labels"),
        (images([0, 2, 0, 2, 2]), None, "Class 1 has no training image, so that nothing can be a part of it"),
        (ImageSet(torch.rand(2, 1, 16, 16), [0, 2], ("a", "b", "c")), None, r"Class 1 \(b\) has no training image"),
        (images([0] * 8), None, "All training images have the label 0; give images of at least two classes"),
        (images([0, 1, 0, 1]), None, "Of 4 training images none can be held out"),
        (images([0, 1] * 4), images([0, 1, 5]), "Test image 2 has the label 5, which no training image has"),
        (images([0, 1] * 4), ImageSet(torch.rand(4, 1, 16, 16)), "test images have no labels"),
    ],
)
def test_images_that_do_not_fit_are_refused_in_words(train, test, said):
    with pytest.raises(XaiwidgetsError, match=said):
        last(PrototypeParts("2", epochs=1)(network(), train, test))


def test_what_the_network_cannot_give_is_refused_in_words():
    model, train = network(), images([0, 1] * 10)
    with pytest.raises(XaiwidgetsError, match="has no layer '9'; known: "):
        last(PrototypeParts("9")(model, train))
    with torch.no_grad():
        model.module[0].weight[0] = torch.nan
    with pytest.raises(XaiwidgetsError, match="no finite numbers for image 0"):
        last(PrototypeParts("2")(model, train))


def test_pairs_and_queries_that_are_not_there_are_refused():
    value = last(PrototypeParts("2", prototypes=1, channels=4, epochs=1)(network(), images([0, 1, 2] * 10)))
    with pytest.raises(XaiwidgetsError, match="Held-out image 6 was asked for; there are 6"):
        value.points(6)
    with pytest.raises(XaiwidgetsError, match="Class 3 was asked for; there are 3, 0 to 2"):
        value.pairs(0, 3)
