"""Newton's method for a head, each step solved by conjugate gradients."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.methods.model_inspection._influence.conjugate import Operator, conjugate_gradients
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem, Point

STATIONARY = 1e-10
_MOST, _INNER_MOST = 100, 500
_SUFFICIENT = 1e-4  # share of the promised decrease that a step must bring
_HALVINGS = 40


class Fit(NamedTuple):
    """Parameters and the objective there."""

    theta: Float[Tensor, "class feature"]
    point: Point


def newton_cg(
    problem: HeadProblem,
    start: Float[Tensor, "class feature"],
    *,
    precondition: Operator | None = None,
    tolerance: float = STATIONARY,
) -> Iterator[Fit]:
    """Yield the parameters after each Newton step, until the gradient's norm is at most ``tolerance``.

    The directions are inexact (Dembo, Eisenstat and Steihaug 1982): the closer the optimum, the better they are
    solved. It ends early where rounding allows no further decrease; the last point says how far it came.
    """
    fit = Fit(start.double(), problem.at(start.double()))
    yield fit
    for _ in range(_MOST):
        if fit.point.stationarity <= tolerance:
            return
        newer = None
        for precision in dict.fromkeys((problem.features.dtype, torch.float64)):
            newer = newer or _step(problem, fit, precondition, precision)
        if newer is None:
            return
        fit = newer
        yield fit


def _step(problem: HeadProblem, fit: Fit, precondition: Operator | None, precision: torch.dtype) -> Fit | None:
    """One Newton step with halvings, its products in a precision; None where nothing gets smaller any more."""
    theta, point = fit
    scale = point.gradient.norm()
    own = precision if precondition is None else torch.float64
    b = (-point.gradient / scale)[None].to(own)
    direction, forcing = b, min(0.1, max(1e-5, float(scale) ** 0.5))

    def product(v: Tensor, _which: Tensor) -> Tensor:
        return problem.product(point.probabilities, v.to(precision)).to(own)

    for solution in conjugate_gradients(product, b, tolerance=forcing, most=_INNER_MOST, precondition=precondition):
        direction = solution.x
    direction = direction[0].double() * scale
    slope, length = float((point.gradient * direction).sum()), 1.0
    for _ in range(_HALVINGS):
        trial = problem.at(theta + length * direction)
        enough = trial.value <= point.value + _SUFFICIENT * length * slope
        if enough or trial.stationarity < 0.5 * point.stationarity:
            return Fit(theta + length * direction, trial)
        length /= 2
    return None
