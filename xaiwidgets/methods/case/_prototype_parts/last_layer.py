"""The last layer: from similarities to logits, by convex optimisation."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

_AT_ONCE = 10  # iterations between two yields
_TOLERANCE = 1e-5  # of the largest change of a weight, relative to the largest weight


def first_weights(classes: Int[Tensor, "prototype"], count: int, like: Tensor) -> Float[Tensor, "prototype class"]:
    """1 for a prototype's own class and −0.5 for every other, with which the paper begins."""
    own = classes[:, None] == torch.arange(count, device=classes.device)
    return torch.where(own, 1.0, -0.5).to(like)


def fit_last_layer(
    similarities: Float[Tensor, "image prototype"],
    labels: Int[Tensor, "image"],
    classes: Int[Tensor, "prototype"],
    start: Float[Tensor, "prototype class"],
    sparsity: float,
    iterations: int,
) -> Iterator[Float[Tensor, "prototype class"]]:
    """Yield ever better weights W: minimise mean cross-entropy of S W + sparsity · Σ |W_pk| over wrong classes k.

    By proximal gradient steps with momentum that starts again where it leads uphill (FISTA: Beck and Teboulle 2009;
    O'Donoghue and Candès 2015), ``iterations`` at most, or until no weight moves.
    """
    truth = torch.nn.functional.one_hot(labels, start.shape[1]).to(similarities)
    largest = torch.linalg.matrix_norm(similarities.double(), 2).square() / len(similarities)
    rate = 2 / float(largest.clamp(min=1e-12))  # the Hessian of softmax is at most 1/2
    wrong = classes[:, None] != torch.arange(start.shape[1], device=classes.device)
    shrink = rate * sparsity * wrong.to(similarities)
    weights, ahead, momentum = start, start, 1.0
    for iteration in range(1, iterations + 1):
        gradient = similarities.T @ ((similarities @ ahead).softmax(1) - truth) / len(similarities)
        moved = ahead - rate * gradient
        newer = moved.sign() * (moved.abs() - shrink).clamp(min=0)
        if float(((ahead - newer) * (newer - weights)).sum()) > 0:
            momentum = 1.0
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = newer + (momentum - 1) / following * (newer - weights)
        change, weights, momentum = float((newer - weights).abs().max()), newer, following
        if change <= _TOLERANCE * float(weights.abs().max().clamp(min=1e-12)):
            break
        if iteration % _AT_ONCE == 0:
            yield weights
    yield weights
