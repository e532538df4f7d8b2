"""Conjugate gradients for several right-hand sides, those that are done left out of the products."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem

Vectors = Float[Tensor, "vector class feature"]
Operator = Callable[[Tensor], Tensor]
Products = Callable[[Tensor, Tensor], Tensor]
_MOST = 500
_INNER = 1e-3  # how far the products in the features' own precision are trusted before the residual is taken anew


class Solution(NamedTuple):
    """The solutions so far and |Hx − b| / |b| of each."""

    x: Vectors
    residual: Float[Tensor, "vector"]


def conjugate_gradients(
    product: Products, b: Vectors, *, tolerance: float, most: int, precondition: Operator | None = None
) -> Iterator[Solution]:
    """Hestenes and Stiefel (1952): yield the solutions of H x = b after each product, until all are within tolerance.

    ``product(vectors, which)`` multiplies those right-hand sides' vectors that are not done, each by its own H if need
    be. The residual is the recurrence's own. ``precondition`` is a product with an approximate inverse.
    """
    precondition = precondition or (lambda r: r)
    x, r = torch.zeros_like(b), b.clone()
    z = precondition(r)
    d, rz, size = z.clone(), _dot(r, z), b.flatten(1).norm(dim=1).clamp_min(torch.finfo(b.dtype).tiny)
    residual = r.flatten(1).norm(dim=1) / size
    for _ in range(most):
        active = (residual > tolerance).nonzero().flatten()
        if len(active) == 0:
            return
        Hd = product(d[active], active)
        alpha = (rz[active] / _dot(d[active], Hd))[:, None, None]
        x[active] += alpha * d[active]
        r[active] -= alpha * Hd
        z = precondition(r[active])
        newer = _dot(r[active], z)
        d[active] = z + (newer / rz[active])[:, None, None] * d[active]
        rz[active] = newer
        residual[active] = r[active].flatten(1).norm(dim=1) / size[active]
        yield Solution(x.clone(), residual.clone())


def solved(product: Products, b: Vectors, *, tolerance: float, precondition: Operator | None = None) -> Vectors:
    """H⁻¹ b for b of any length, to the end."""
    scale = b.flatten(1).norm(dim=1).clamp_min(torch.finfo(b.dtype).tiny)[:, None, None]
    x = torch.zeros_like(b)
    for solution in conjugate_gradients(product, b / scale, tolerance=tolerance, most=_MOST, precondition=precondition):
        x = solution.x
    return x * scale


def refined(
    problem: HeadProblem, probabilities: Float[Tensor, "row class"], b: Vectors, *, tolerance: float, most: int
) -> Iterator[Solution]:
    """Solve H x = b to a true residual: products in the features' own precision, residuals taken anew in double.

    A product in single precision alone leaves a residual of about 1e-7 |H| |x|, which at a small λ is no small number.
    """
    own = problem.features.dtype
    x, r, size = torch.zeros_like(b), b, b.flatten(1).norm(dim=1).clamp_min(torch.finfo(b.dtype).tiny)
    left = most
    while left > 0:
        target = max(_INNER, 0.5 * tolerance / float((r.flatten(1).norm(dim=1) / size).max().clamp_min(tolerance)))
        inner = Solution(torch.zeros_like(b), r.flatten(1).norm(dim=1) / size)
        scale = r.flatten(1).norm(dim=1).clamp_min(torch.finfo(b.dtype).tiny)[:, None, None]
        single, before = (r / scale).to(own), left
        for step in conjugate_gradients(
            lambda v, _which: problem.product(probabilities, v), single, tolerance=target, most=left
        ):
            left -= 1
            inner = Solution(step.x.double() * scale, step.residual.double() * scale[:, 0, 0] / size)
            yield Solution(x + inner.x, inner.residual)
        newer = b - problem.product(probabilities, x + inner.x)
        residual = newer.flatten(1).norm(dim=1) / size
        better = residual < 0.5 * r.flatten(1).norm(dim=1) / size
        if not bool((better | (residual <= tolerance)).all()):
            own = torch.float64  # rounding ate what single precision could do
        x, r = torch.where(better[:, None, None], x + inner.x, x), torch.where(better[:, None, None], newer, r)
        residual = r.flatten(1).norm(dim=1) / size
        yield Solution(x, residual)
        if float(residual.max()) <= tolerance or left == before:  # or nothing is left that a product could better
            return


def _dot(one: Vectors, other: Vectors) -> Float[Tensor, "vector"]:
    return (one * other).flatten(1).sum(1)
