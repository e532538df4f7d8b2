"""Influence on a whole network, its curvature approximated by EK-FAC."""

from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._influence.coverage import Coverage
from xaiwidgets.methods.model_inspection._influence.ekfac_run import Labelled, Run, blank
from xaiwidgets.methods.model_inspection._influence.layer_gradients import Block, LayerGradients
from xaiwidgets.methods.model_inspection._influence.whole_network import WholeNetwork
from xaiwidgets.models import ImageModel
from xaiwidgets.models.memory import free_memory

_DOUBLE = 8  # bytes


def whole_network(
    model: ImageModel,
    train: ImageSet,
    test: ImageSet,
    train_labels: Int[Tensor, "train"],
    test_labels: Int[Tensor, "test"],
    *,
    damping: float,
    seed: int = 0,
    batch: int = 32,
) -> Iterator[Step[WholeNetwork]]:
    """Yield ever more of the effects of training on test images, in a network as it is.

    George, Laurent, Bouthillier, Ballas and Vincent (2018), "Fast Approximate Natural Gradient Descent in a
    Kronecker-factored Eigenbasis", algorithm 1; Grosse et al. (2023), "Studying Large Language Model Generalization
    with Influence Functions", section 2.2. G is the Gauss-Newton matrix of the mean training loss, which for the
    cross-entropy is the Fisher matrix: E[g gᵀ] with labels drawn from the network's own predictions, one for each
    training image by ``seed`` and the image's place in the set. It is taken layer by layer: in the basis Q = Q_S ⊗ Q_A
    of the eigenvectors of the Kronecker factors A (of inputs, with a one for the bias; for convolutions of patches,
    summed over positions) and S (of gradients by outputs) it is taken to be diagonal, with entries Λ = E[(Qᵀg)²].
    Gradients g are of the cross-entropy in evaluation mode, without a regulariser.

    ``damping`` is λ, absolute, the same for all layers; at its natural value, the weight decay of the training, G + λI
    is the curvature of the objective. The order of the effects hardly depends on it. Sizes do: they are first order, in
    a network that is not at an optimum, and at small λ several times too large for images learnt by heart.

    Memory does not grow with the number of training images but for the answer. ``batch`` images are worked on at once,
    fewer where a layer's gradients are large or memory runs out.

    Departures: convolutions with groups have a block for each group, and a weight used several times has all uses
    summed in one gradient, with the uses as positions in A and S. Raises `XaiwidgetsError` for a network without
    covered parameters or without logits, for labels out of range, and where memory is too small.
    """
    gradients = LayerGradients(model)
    coverage = Coverage.of(gradients)
    for labels, images, name in ((train_labels, train, "training"), (test_labels, test, "test")):
        _refuse_labels(labels, len(images), coverage.classes, name)
    size = bytes_of(coverage.blocks, len(train), len(test), model.dtype)
    _refuse_size(size, model, coverage.blocks, len(test))
    sets = (Labelled(train, train_labels.to(model.device)), Labelled(test, test_labels.to(model.device)))
    start = blank(model, coverage, len(train), len(test), size)
    yield from Run(gradients, coverage.blocks, *sets, start, damping=damping, seed=seed, batch=batch).steps()


def bytes_of(blocks: tuple[Block, ...], train: int, test: int, dtype: torch.dtype) -> int:
    """What a run holds: both factors of each layer and their eigenvectors, eigenvalues, test gradients, the answer."""
    item = dtype.itemsize
    factors = sum(block.groups * (block.inputs**2 + block.outputs**2) for block in blocks)
    parameters = sum(block.size for block in blocks)
    return factors * (2 * _DOUBLE + item) + parameters * (2 * _DOUBLE + item * (1 + test)) + 2 * item * train * test


def _refuse_labels(labels: Tensor, count: int, classes: int, name: str) -> None:
    if len(labels) != count:
        raise XaiwidgetsError(f"{len(labels)} {name} labels were given for {count} images; give one for each.")
    wrong = ((labels < 0) | (labels >= classes)).nonzero().flatten().tolist()
    if wrong:
        raise XaiwidgetsError(
            f"The {name} label {int(labels[wrong[0]])} (image {wrong[0]}) is out of range; the network has {classes} "
            f"classes, 0 to {classes - 1}."
        )


def _refuse_size(size: int, model: ImageModel, blocks: tuple[Block, ...], tests: int) -> None:
    free = free_memory(model.device)
    if size > free:
        raise XaiwidgetsError(
            f"EK-FAC of {sum(block.size for block in blocks):,} parameters with {tests:,} test images takes "
            f"{size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; give fewer test images, or choose a smaller network."
        )
