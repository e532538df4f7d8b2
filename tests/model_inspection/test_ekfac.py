import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.model_inspection.layered import by_autograd, labelled, on
from tests.model_inspection.retrained import WEIGHT_DECAY, one_thread, retrained
from tests.networks import image_model
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.methods.model_inspection._influence import ekfac
from xaiwidgets.methods.model_inspection._influence.ekfac import whole_network
from xaiwidgets.methods.model_inspection._influence.layer_gradients import LayerGradients
from xaiwidgets.models import ImageModel


@pytest.fixture(autouse=True)
def single_thread():
    """All networks here are so small that a second thread only waits."""
    with one_thread():
        yield


def looked_at(layer, given):
    """What the weights of a layer multiply at each position for one image, and a one for the bias."""
    if isinstance(layer, nn.Linear):
        return torch.cat([given[0], torch.ones(1)])[None]
    (high, wide), (down, right), (apart, aside) = layer.kernel_size, layer.stride, layer.dilation
    padded = functional.pad(given[0], (layer.padding[1],) * 2 + (layer.padding[0],) * 2)
    rows = [
        padded[:, top : top + apart * (high - 1) + 1 : apart, left : left + aside * (wide - 1) + 1 : aside].flatten()
        for top in range(0, padded.shape[1] - apart * (high - 1), down)
        for left in range(0, padded.shape[2] - aside * (wide - 1), right)
    ]
    return torch.cat([torch.stack(rows), torch.ones(len(rows), 1)], 1)


def moments(network, place, images, labels):
    """A = Σ a aᵀ and S = Σ δ δᵀ of one layer of a sequential network."""
    A, S = 0, 0
    for image, label in zip(images, labels, strict=True):
        given = network[:place](image[None]).detach()
        result = network[place](given).detach().requires_grad_()
        loss = functional.cross_entropy(network[place + 1 :](result), label[None])
        delta = torch.autograd.grad(loss, result)[0][0].reshape(result.shape[1], -1)
        a = looked_at(network[place], given)
        A, S = A + a.T @ a, S + delta @ delta.T
    return A, S


def restated(network, sets, drawn, damping):
    """EK-FAC by explicit matrices: G = Q diag(Λ) Qᵀ for each layer, with Q = Q_S ⊗ Q_A written out."""

    def gradients(images, labels, place):
        rows = []
        for image, label in zip(images, labels, strict=True):
            loss = functional.cross_entropy(network(image[None]), label[None])
            weight, bias = torch.autograd.grad(loss, [network[place].weight, network[place].bias])
            rows.append(torch.cat([weight.flatten(1), bias[:, None]], 1).flatten())
        return torch.stack(rows)

    (images, labels), (tests, test_labels) = sets
    effect, own = 0, 0
    for place in (place for place, layer in enumerate(network) if list(layer.parameters())):
        A, S = moments(network, place, images, drawn)
        Q = torch.kron(torch.linalg.eigh(S)[1], torch.linalg.eigh(A)[1])
        G = Q @ torch.diag((gradients(images, drawn, place) @ Q).square().mean(0)) @ Q.T
        g_i, g_t = gradients(images, labels, place), gradients(tests, test_labels, place)
        solved = torch.linalg.solve(G + damping * torch.eye(len(G), dtype=torch.double), g_i.T) / len(images)
        effect, own = effect + g_t @ solved, own + (g_i.T * solved).sum(0)
    return effect, own


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_it_is_what_dense_matrices_say(batch):
    layer = nn.Conv2d(4, 3, 3, stride=2, padding=1, dilation=2)
    model = on(nn.Sequential(layer, nn.Tanh(), nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 3)))
    train, test = labelled((4, 9, 8), 17, classes=3), labelled((4, 9, 8), 4, seed=1, classes=3)
    value = last(whole_network(model, train, test, train.labels, test.labels, damping=1e-2, seed=3, batch=batch))
    pairs = [(one.batch(slice(None)).double(), one.labels) for one in (train, test)]
    draws = torch.rand(17, 1, dtype=torch.double, generator=torch.Generator().manual_seed(3))
    drawn = (model.module(pairs[0][0]).softmax(1).cumsum(1) < draws).sum(1)
    assert len(drawn.unique()) == 3
    effect, own = restated(model.module, pairs, drawn, 1e-2)
    np.testing.assert_allclose(value.effect, effect, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(value.self_influence, own, rtol=1e-8, atol=1e-12)


def test_it_is_the_exact_inverse_where_the_curvature_is_a_kronecker_product():
    """With two classes at even odds the output's curvature is the same for all images, whatever they are."""
    head = nn.Linear(6, 2).double()
    with torch.no_grad():
        head.weight.copy_(torch.randn(6, generator=torch.Generator().manual_seed(0)).expand(2, 6))
        head.bias.fill_(0.3)
    model = ImageModel(nn.Sequential(nn.Flatten(), head), (1, 2, 3))
    train, test = labelled((1, 2, 3), 40, classes=2), labelled((1, 2, 3), 7, seed=1, classes=2)
    value = last(whole_network(model, train, test, train.labels, test.labels, damping=1e-3))
    x, x_test = (
        torch.cat([one.batch(slice(None)).flatten(1).double(), torch.ones(len(one), 1)], 1) for one in (train, test)
    )

    def loss(theta):
        return functional.cross_entropy(x @ theta.view(2, 7).T, train.labels)

    theta = torch.cat([head.weight, head.bias[:, None]], 1).detach().flatten()
    H = torch.autograd.functional.hessian(loss, theta) + 1e-3 * torch.eye(14, dtype=torch.double)
    g_i, g_t = (
        ((0.5 - functional.one_hot(labels, 2))[:, :, None] * rows[:, None]).flatten(1)
        for rows, labels in ((x, train.labels), (x_test, test.labels))
    )
    np.testing.assert_allclose(value.effect, g_t @ torch.linalg.solve(H, g_i.T) / 40, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", ["resnet", "functional_cnn"])
def test_scores_do_not_depend_on_the_batch(name):
    model = image_model(name)
    with torch.no_grad():  # a batch normalisation that has seen something
        for module in model.module.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 2)
    train, test = labelled(model.input_shape, 40), labelled(model.input_shape, 5, seed=1)
    one, other = (
        last(whole_network(model, train, test, train.labels, test.labels, damping=1e-2, batch=batch))
        for batch in (1, 32)
    )
    np.testing.assert_allclose(one.effect, other.effect, rtol=0, atol=1e-5 * float(other.effect.abs().max()))
    np.testing.assert_allclose(one.self_influence, other.self_influence, rtol=1e-5)


def test_it_is_the_same_again_under_a_seed_and_leaves_nothing_behind():
    model = image_model("resnet")
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    train, test = labelled((3, 32, 32), 24), labelled((3, 32, 32), 3, seed=1)

    def run(seed):
        return last(whole_network(model, train, test, train.labels, test.labels, damping=1e-2, seed=seed))

    one, again, other = run(4), run(4), run(5)
    assert torch.equal(one.effect, again.effect)
    assert not torch.equal(one.effect, other.effect)
    assert model.module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.module.state_dict().items())
    twin = model.twin
    assert not any(parameter.requires_grad for parameter in twin.parameters())
    assert not any(module._forward_hooks for module in twin.modules())


def test_answers_grow_and_earlier_ones_stay():
    model = image_model("lenet")
    train, test = labelled((1, 28, 28), 20), labelled((1, 28, 28), 3, seed=1)
    steps, copies, shares = [], [], []
    for step in whole_network(model, train, test, train.labels, test.labels, damping=1e-2, batch=8):
        assert torch.is_grad_enabled()
        steps.append(step.value)
        copies.append(step.value.effect.clone())
        shares.append(step.progress)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert steps[0].bytes > 0
    assert list(dict.fromkeys(value.stage for value in steps)) == [
        "curvature of the layers",
        "eigenvectors of the layers",
        "eigenvalues",
        "test gradients",
        "training gradients",
    ]
    for value, copy in zip(steps, copies, strict=True):
        np.testing.assert_array_equal(value.effect, copy)
    known = [int((~value.effect.isnan()).sum()) for value in steps]
    assert known == sorted(known)
    assert known[-3:] == [24, 48, 60]
    expected = functional.cross_entropy(model(train.batch(slice(None))), train.labels, reduction="none")
    np.testing.assert_allclose(steps[-1].train_loss, expected, rtol=1e-4, atol=1e-6)


def test_damping_alone_leaves_products_of_gradients():
    """A large λ: (G + λI)⁻¹ → I/λ."""
    model = on(nn.Sequential(nn.Flatten(), nn.Linear(288, 5), nn.Tanh(), nn.Linear(5, 3)))
    train, test = labelled((4, 9, 8), 12, classes=3), labelled((4, 9, 8), 2, seed=1, classes=3)
    value = last(whole_network(model, train, test, train.labels, test.labels, damping=1e9))
    rows = [
        torch.stack(
            [
                torch.cat([gradient.flatten() for gradient in by_autograd(model, image, label).values()])
                for image, label in zip(one.batch(slice(None)), one.labels, strict=True)
            ]
        )
        for one in (train, test)
    ]
    np.testing.assert_allclose(value.effect * 1e9, rows[1] @ rows[0].T / 12, rtol=1e-6, atol=1e-12)


def test_when_memory_runs_out_batches_shrink_and_the_answer_stays(monkeypatch):
    model = on(nn.Sequential(nn.Flatten(), nn.Linear(288, 5), nn.Tanh(), nn.Linear(5, 3)))
    train, test = labelled((4, 9, 8), 12, classes=3), labelled((4, 9, 8), 2, seed=1, classes=3)
    arguments = (model, train, test, train.labels, test.labels)
    expected = last(whole_network(*arguments, damping=1e-2)).effect
    through = LayerGradients.__call__

    def scarce(self, images, *args):
        if len(images) > 5:
            raise torch.OutOfMemoryError("scarce")
        return through(self, images, *args)

    monkeypatch.setattr(LayerGradients, "__call__", scarce)
    np.testing.assert_allclose(last(whole_network(*arguments, damping=1e-2)).effect, expected, rtol=1e-9, atol=1e-14)


def refusal(module, shape=(4, 9, 8), labels=(0, 1, 2)):
    images = labelled(shape, 3)
    labels = torch.tensor(labels)
    with pytest.raises(XaiwidgetsError) as error:
        last(whole_network(ImageModel(module, shape), images, images, labels, labels, damping=1e-2))
    return str(error.value)


def test_refusals(monkeypatch):
    head = nn.Sequential(nn.Flatten(), nn.Linear(288, 3))
    assert "has no linear layer or convolution whose gradients can be read (1.weight (BatchNorm1d), " in refusal(
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(288))
    )
    assert "gives probabilities, but the loss is the cross-entropy of logits" in refusal(
        nn.Sequential(*head, nn.Softmax(1))
    )
    assert "gives an output of shape (3, 6, 7, 6) for 3 images" in refusal(nn.Conv2d(4, 6, 3))
    assert "The training label 3 (image 1) is out of range; the network has 3 classes, 0 to 2." in refusal(
        head, labels=(0, 3, 2)
    )
    assert "2 training labels were given for 3 images; give one for each." in refusal(head, labels=(0, 1))
    monkeypatch.setattr(ekfac, "free_memory", lambda _device: 100)
    assert "EK-FAC of 867 parameters with 3 test images takes 0.0 GB, 0.0 GB are free" in refusal(head)


def test_it_foretells_real_retraining_better_than_products_of_gradients():
    """Published scores on whole networks are 0.3 to 0.5; a large damping leaves the products of gradients."""
    protocol = retrained(images=200, tests=20, subsets=16, seeds=2)
    margins = []
    for model in protocol.models:
        sets = (protocol.train, protocol.test, protocol.train.labels, protocol.test.labels)
        ekfac_score, product_score = (
            protocol.datamodeling_score(last(whole_network(model, *sets, damping=damping)).effect)
            for damping in (WEIGHT_DECAY, 1e6)
        )
        assert ekfac_score > 0.4
        margins.append(ekfac_score - product_score)
    assert min(margins) >= 0.1
