"""Ground truth: the head really fitted again without some examples."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.methods.model_inspection._influence.conjugate import Operator, solved
from xaiwidgets.methods.model_inspection._influence.head import Examples, Head
from xaiwidgets.methods.model_inspection._influence.newton import STATIONARY, Fit, newton_cg


@dataclass(frozen=True, eq=False)
class Removal:
    """What removing ``examples`` does to the loss of each test example, in nats; positive: the loss rises.

    ``influence`` is the sum of their effects, ``predicted`` what one Newton step for the group says, ``actual`` what
    the head has that was fitted again without them. ``stationarity`` is the gradient's norm there.
    """

    examples: Int[Tensor, "example"]
    influence: Float[Tensor, "test"]
    predicted: Float[Tensor, "test"]
    actual: Float[Tensor, "test"]
    stationarity: float


def refits(head: Head, examples: Int[Tensor, "example"]) -> Iterator[Fit]:
    """Yield the fit after each Newton step of the problem without the examples, from the optimum with them."""
    return newton_cg(head.problem.without(examples), head.theta, precondition=_precondition(head))


def removals(head: Head, test: Examples, examples: Int[Tensor, "example"]) -> Iterator[Step[Removal]]:
    """Predict, then refit: yield a `Removal` after each Newton step, its ``actual`` the better the later."""
    before = test.loss(head.theta)
    predicted = test.loss(head.theta + _group_step(head, examples)) - before
    influence = _influence_of(head, test, examples)
    first = None
    for fit in refits(head, examples):
        first = first or max(fit.point.stationarity, STATIONARY)
        actual = test.loss(fit.theta) - before
        value = Removal(examples, influence, predicted, actual, fit.point.stationarity)
        yield Step(value, done=_share(fit.point.stationarity, first), total=1.0)
    yield Step(value, done=1.0, total=1.0)


def places_among(head: Head, examples: Sequence[int] | Tensor) -> Int[Tensor, "example"]:
    """The places of examples, or of flags, without repetition; raises for one that is not there."""
    wanted = f"Examples {examples!r} were given; give their places as whole numbers from 0."
    try:
        given = torch.as_tensor(examples if isinstance(examples, Tensor) else list(examples))
    except (TypeError, ValueError):
        raise XaiwidgetsError(wanted) from None
    if given.dtype == torch.bool and given.shape == (head.problem.rows,):
        given = given.nonzero().flatten()
    if given.dtype == torch.bool:
        raise XaiwidgetsError(
            f"{given.numel():,} times yes or no was given for {head.problem.rows:,} training examples; give one for "
            "each, or the places as whole numbers from 0."
        )
    if given.numel() and (given.is_floating_point() or given.dim() != 1):
        raise XaiwidgetsError(wanted)
    outside = [place for place in given.tolist() if not 0 <= place < head.problem.rows]
    if outside:
        raise XaiwidgetsError(f"Training example {outside[0]} was asked for; there are {head.problem.rows:,}, from 0.")
    return given.long().unique().to(head.problem.labels.device)


def checked_examples(head: Head, examples: Sequence[int] | Tensor) -> Int[Tensor, "example"]:
    """The places of examples that can be removed together; raises besides where they are all of a class."""
    places = places_among(head, examples)
    counts = torch.bincount(head.problem.labels, minlength=head.problem.classes)
    left = counts - torch.bincount(head.problem.labels[places], minlength=head.problem.classes)
    emptied = ((counts > 0) & (left == 0)).nonzero().flatten().tolist()
    if emptied:
        raise XaiwidgetsError(
            f"All {int(counts[emptied[0]]):,} examples of class {emptied[0]} were chosen to be removed, and nothing "
            "can be learnt of a class without examples; leave at least one of them."
        )
    return places


def _group_step(head: Head, examples: Int[Tensor, "example"]) -> Float[Tensor, "class feature"]:
    """(H − 1/N Σ A_i ⊗ x_i x_iᵀ)⁻¹ 1/N Σ g_i over the examples."""
    without, p = head.problem.without(examples), head.fit.point.probabilities
    b = _gradient_of(head, examples)
    return solved(lambda v, _which: without.product(p, v), b, tolerance=1e-6, precondition=_precondition(head))[0]


def _influence_of(head: Head, test: Examples, examples: Int[Tensor, "example"]) -> Float[Tensor, "test"]:
    """Σ_i g_tᵀ H⁻¹ g_i / N: the examples' step by the whole H, into each test gradient."""
    return (test.gradients(head.theta) * head.solve(_gradient_of(head, examples))).flatten(1).sum(1)


def _gradient_of(head: Head, examples: Int[Tensor, "example"]) -> Float[Tensor, "1 class feature"]:
    rows = Examples(head.problem.features[examples], head.problem.labels[examples])
    return rows.gradients(head.theta).sum(0, keepdim=True) / head.problem.rows


def _precondition(head: Head) -> Operator | None:
    return None if head.inverse is None else head.inverse.times


def _share(stationarity: float, first: float) -> float:
    """How far the gradient's norm has fallen on its way, in powers of ten."""
    way, gone = math.log10(first / STATIONARY), math.log10(first / max(stationarity, STATIONARY))
    return min(max(gone / way, 0.0), 0.99) if way > 0 else 0.99
