"""A head at its optimum, ready to say what leaving an example out does to the loss of any test example."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.model_inspection._influence.conjugate import conjugate_gradients, solved
from xaiwidgets.methods.model_inspection._influence.exact import Inverse, LeftOut, losses
from xaiwidgets.methods.model_inspection._influence.newton import Fit
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem, residuals

_MOST = 500  # products of conjugate gradients


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of features with their labels."""

    features: Float[Tensor, "row feature"]
    labels: Int[Tensor, "row"]

    def loss(self, theta: Float[Tensor, "class feature"]) -> Float[Tensor, "row"]:
        """The cross-entropy of each row at θ, in nats."""
        return losses(self.features.double() @ theta.T, self.labels)

    def gradients(self, theta: Float[Tensor, "class feature"]) -> Float[Tensor, "row class feature"]:
        """The gradient of each row's loss by θ, the regulariser left out."""
        x = self.features.double()
        return residuals((x @ theta.T).softmax(1), self.labels)[:, :, None] * x[:, None]


@dataclass(frozen=True, eq=False)
class Head:
    """The problem, its optimum, and in the exact tier the inverse of the Hessian with what leaving each row out does.

    ``residual`` is |H H⁻¹b − b| / |b| for the first row's gradient b, taken in double precision.
    """

    problem: HeadProblem
    fit: Fit
    inverse: Inverse | None = None
    left_out: LeftOut | None = None
    residual: float = float("nan")

    @property
    def theta(self) -> Float[Tensor, "class feature"]:
        """The parameters."""
        return self.fit.theta

    @property
    def bytes(self) -> int:
        """What is held, the features included."""
        tensors = [self.problem.features, self.problem.labels, self.fit.theta, self.fit.point.probabilities]
        tensors += [] if self.inverse is None else [self.inverse.blocks]
        tensors += [] if self.left_out is None else [self.left_out.shift, self.left_out.own, self.left_out.loss]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def product(self, vectors: Float[Tensor, "vector class feature"]) -> Float[Tensor, "vector class feature"]:
        """H v at the optimum, in the precision of ``vectors``."""
        return self.problem.product(self.fit.point.probabilities, vectors)

    def train_loss(self) -> Float[Tensor, "row"]:
        """The loss of each training row."""
        p = self.fit.point.probabilities.gather(1, self.problem.labels[:, None])[:, 0]
        return -p.clamp_min(torch.finfo(p.dtype).tiny).log()

    def linear(self, solutions: Float[Tensor, "test class feature"]) -> Float[Tensor, "test row"]:
        """+ s_tᵀ g_i / N with s_t = H⁻¹ g_t: to first order what leaving row i out adds to the loss of test row t."""
        flat, parts = solutions.flatten(0, 1).to(self.problem.features.dtype), []
        r = self.problem.residuals(self.fit.point.probabilities)
        for rows in self.problem.chunks(len(flat)):
            z = (self.problem.features[rows] @ flat.T).view(-1, *solutions.shape[:2])
            parts.append((z * r[rows, None]).sum(2))
        return torch.cat(parts).T / self.problem.rows

    def solve(self, vectors: Float[Tensor, "vector class feature"]) -> Float[Tensor, "vector class feature"]:
        """H⁻¹ v, by the inverse where there is one, else by conjugate gradients."""
        if self.inverse is not None:
            return self.inverse.times(vectors)
        return solved(lambda v, _which: self.product(v), vectors, tolerance=1e-6)

    def corrected(self, test: Examples) -> Float[Tensor, "test row"]:
        """The loss of each test row at θ₋ᵢ minus that at θ, with θ₋ᵢ one Newton step away, which is no linearisation.

        θ₋ᵢ = θ + (H − A_i ⊗ x_i x_iᵀ/N)⁻¹ g_i/N, so that the logits move by (I⊗x_t)ᵀ H⁻¹ (I⊗x_i) shift_i / N.
        """
        answer = []
        for x, y in zip(test.features, test.labels, strict=True):
            moves = self.inverse.at(x[None])[0].flatten(0, 1).to(self.problem.features.dtype)
            z = x.double() @ self.theta.T
            moved = torch.cat([self._moved(rows, moves) for rows in self.problem.chunks(len(moves))])
            changed = z + moved.double()  # the changes are much smaller than single precision has digits
            answer.append(changed.logsumexp(1) - changed[:, y] - losses(z[None], y[None]))
        return torch.stack(answer)

    def _moved(self, rows: slice, moves: Float[Tensor, "pair feature"]) -> Float[Tensor, "row class"]:
        K = (self.problem.features[rows] @ moves.T).view(-1, self.problem.classes, self.problem.classes)
        return torch.einsum("nab,nb->na", K, self.left_out.shift[rows]) / self.problem.rows

    def corrected_for(
        self, test: Examples, row: int, examples: Int[Tensor, "example"], tolerance: float
    ) -> Iterator[Float[Tensor, "example"]]:
        """The same for some examples of one test row, without an inverse: yield the changes after each product.

        ``tolerance`` is the residual at which they are good enough; in single precision it is at least 1e-5.
        """
        x, p = self.problem.features[examples].double(), self.fit.point.probabilities[examples].double()
        p = p / p.sum(1, keepdim=True)
        r = residuals(p, self.problem.labels[examples])
        own, before = self.problem.features.dtype, test.loss(self.theta)[row]

        def product(v: Tensor, which: Tensor) -> Tensor:
            z = torch.einsum("ecd,ed->ec", v.double(), x[which])
            z = p[which] * (z - (p[which] * z).sum(1, keepdim=True))
            return (self.product(v).double() - z[:, :, None] * x[which, None] / self.problem.rows).to(own)

        b = r[:, :, None] * x[:, None] / self.problem.rows
        scale = b.flatten(1).norm(dim=1).clamp_min(torch.finfo(b.dtype).tiny)[:, None, None]
        tolerance = max(tolerance, 1e-5) if own == torch.float32 else tolerance
        for step in conjugate_gradients(product, (b / scale).to(own), tolerance=tolerance, most=_MOST):
            moved = torch.einsum("ecd,d->ec", step.x.double() * scale, test.features[row].double())
            z = test.features[row].double() @ self.theta.T + moved
            yield losses(z, test.labels[row].expand(len(z))) - before
