"""The exact tier: the Hessian of a head, its inverse, and what leaving one row out does."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.model_inspection._influence.newton import Fit
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem, residuals

_PANEL = 512  # columns that are factored at once
_ROWS = 4096  # rows of the data that are worked on at once
_DOUBLE_UP_TO = 2e10  # multiplications that double precision may take throughout


@dataclass(frozen=True, eq=False)
class Inverse:
    """H⁻¹ of a head at its optimum, as (class, feature, class, feature) in double precision."""

    blocks: Float[Tensor, "class feature class feature"]

    def times(self, vectors: Float[Tensor, "vector class feature"]) -> Float[Tensor, "vector class feature"]:
        """H⁻¹ v."""
        size = self.blocks.shape[0] * self.blocks.shape[1]
        return (vectors.reshape(len(vectors), size) @ self.blocks.view(size, size)).view_as(vectors)

    def at(self, x: Float[Tensor, "test feature"]) -> Float[Tensor, "test class class feature"]:
        """H⁻¹ (I ⊗ x): for each class a of a test row's logits, its (class b, feature)."""
        classes, width = self.blocks.shape[:2]
        products = self.blocks.view(-1, width) @ x.double().T  # (class feature class) by test
        return products.view(classes, width, classes, len(x)).permute(3, 2, 0, 1)


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What leaving each row out does by one Newton step, which is exact for the quadratic.

    ``shift`` is (I − A_i Q_i)⁻¹ (p_i − y_i) with Q_i = (I⊗x_i)ᵀ H⁻¹ (I⊗x_i)/N; ``own`` is (p_i − y_i)ᵀ Q_i (p_i − y_i),
    the row's influence on its own loss; ``loss`` is its loss at the parameters without it.
    """

    shift: Float[Tensor, "row class"]
    own: Float[Tensor, "row"]
    loss: Float[Tensor, "row"]


def inverse_bytes(problem: HeadProblem) -> int:
    """What the inverse takes, with what is needed beside it while it is made."""
    return 8 * problem.size**2 + 8 * problem.size * 2 * _PANEL


def in_double(problem: HeadProblem) -> bool:
    """Whether all products of a Hessian can be in double without taking long."""
    return problem.rows * problem.size**2 / 4 <= _DOUBLE_UP_TO


def hessian(
    problem: HeadProblem, probabilities: Float[Tensor, "row class"], *, double: bool
) -> Generator[float, None, Tensor]:
    """Yield the share that is done; return H as Float[class, feature, class, feature].

    Products are in double or in the features' own precision, sums always in double. The blocks of
    different classes are −1/N Σ p_ia p_ib x_i x_iᵀ; those on the diagonal follow, since each row of diag(p) − p pᵀ sums
    to 0. Of each symmetric block only the columns from the present panel on are multiplied.
    """
    classes, width = problem.classes, problem.features.shape[1]
    H = torch.zeros((classes, width, classes, width), dtype=torch.float64, device=problem.features.device)
    panels = [slice(at, min(at + max(64, -(-width // 4)), width)) for at in range(0, width, max(64, -(-width // 4)))]
    total, done = problem.rows * max(1, classes - 1), 0
    for start in range(0, problem.rows, _ROWS):
        rows = slice(start, start + _ROWS)
        x, p = problem.features[rows], probabilities[rows]
        x, p = (x.double(), p.double()) if double else (x, p.to(x.dtype))
        p = p / p.sum(1, keepdim=True).sqrt()  # so that p pᵀ is divided by Σ p, as in the product
        for a in range(classes - 1):
            _add_blocks(H, x, p, a, panels)
            done += len(x)
            yield done / total
    _complete(H, problem, panels)
    return H


def _add_blocks(H: Tensor, x: Tensor, p: Tensor, a: int, panels: list[slice]) -> None:
    """Add the upper panels of the blocks (a, b) for b > a."""
    weighted = (p[:, a, None] * p[:, a + 1 :])[:, :, None] * x[:, None]
    for panel in panels:
        part = x[:, panel].T @ weighted[:, :, panel.start :].flatten(1)
        H[a, panel, a + 1 :, panel.start :] -= part.view(part.shape[0], weighted.shape[1], -1)


def _complete(H: Tensor, problem: HeadProblem, panels: list[slice]) -> None:
    """Fill what symmetry gives, the diagonal, and λ."""
    classes = H.shape[0]
    for a in range(classes):
        for b in range(a + 1, classes):
            block = H[a, :, b]
            for panel in panels:
                block[panel.stop :, panel] = block[panel, panel.stop :].T
            block /= problem.rows
            H[b, :, a] = block
    for a in range(classes):
        H[a, :, a] = -H[a].sum(1)
        H[a, :, a].diagonal().add_(problem.damping)


def invert(H: Tensor) -> Generator[float, None, Inverse]:
    """Yield the share that is done; return H⁻¹, written over H: Cholesky's factor by panels, then its inverse."""
    size = H.shape[0] * H.shape[1]
    M = H.view(size, size)
    starts = range(0, size, _PANEL)
    work = sum((size - at) ** 2 for at in starts) * 3
    done = 0.0
    for at in starts:
        end = min(at + _PANEL, size)
        M[at:end, at:end] = torch.linalg.cholesky(M[at:end, at:end])
        if end < size:
            panel = torch.linalg.solve_triangular(M[at:end, at:end], M[end:, at:end].T, upper=False).T
            M[end:, at:end] = panel
            M[end:, end:].addmm_(panel, panel.T, alpha=-1)
        done += (size - at) ** 2
        yield done / work
    for at in starts:
        end = min(at + _PANEL, size)
        # The columns of a panel need the rows from it on alone: above, L⁻¹ is zero, and H⁻¹ is its own transpose.
        L = M[at:, at:]
        columns = torch.zeros((size - at, end - at), dtype=M.dtype, device=M.device)
        columns.diagonal().fill_(1)
        columns = torch.linalg.solve_triangular(L, columns, upper=False)
        columns = torch.linalg.solve_triangular(L.T, columns, upper=True)
        M[at:, at:end] = columns
        M[at:end, at:] = columns.T
        done += 2 * (size - at) ** 2
        yield done / work
    return Inverse(H)


def leave_each_out(problem: HeadProblem, fit: Fit, inverse: Inverse) -> Generator[float, None, LeftOut]:
    """Yield the share that is done; return what leaving each row out does."""
    classes, p = problem.classes, fit.point.probabilities
    Q = torch.zeros((problem.rows, classes, classes), dtype=problem.features.dtype, device=p.device)
    total, done = problem.rows * classes * (classes + 1) / 2, 0
    for a in range(classes):
        block = inverse.blocks[a, :, a:].to(Q.dtype).flatten(1)
        for start in range(0, problem.rows, _ROWS):
            rows = slice(start, start + _ROWS)
            x = problem.features[rows]
            products = (x @ block).view(len(x), classes - a, -1)
            found = torch.einsum("nbd,nd->nb", products, x) / problem.rows
            Q[rows, a, a:], Q[rows, a:, a] = found, found
            done += len(x) * (classes - a)
            yield done / total
    return _left_out(problem, fit, Q)


def _left_out(problem: HeadProblem, fit: Fit, Q: Float[Tensor, "row class class"]) -> LeftOut:
    """The three of `LeftOut` from Q."""
    shift, own, loss = [], [], []
    eye = torch.eye(problem.classes, dtype=torch.float64, device=Q.device)
    for rows in problem.chunks(4 * problem.classes**2):
        p, q, y = fit.point.probabilities[rows].double(), Q[rows].double(), problem.labels[rows]
        p = p / p.sum(1, keepdim=True)
        r = residuals(p, y)
        A = torch.diag_embed(p) - p[:, :, None] * p[:, None]
        shifted = torch.linalg.solve(eye - A @ q, r)
        z = problem.features[rows].double() @ fit.theta.T + torch.einsum("nab,nb->na", q, shifted)
        shift.append(shifted.to(Q.dtype))
        own.append(torch.einsum("na,nab,nb->n", r, q, r).to(Q.dtype))
        loss.append(losses(z, y).to(Q.dtype))
    return LeftOut(torch.cat(shift), torch.cat(own), torch.cat(loss))


def losses(logits: Float[Tensor, "row class"], labels: Int[Tensor, "row"]) -> Float[Tensor, "row"]:
    """The cross-entropy of each row, in nats."""
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none")
