"""The problem that a head solves: regularised softmax regression on fixed features."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_ENTRIES = 1 << 23  # numbers that a chunk of rows may take while it is worked on


class Point(NamedTuple):
    """The objective at some parameters: its value, its gradient, and the probability of each class in each row."""

    value: float
    gradient: Float[Tensor, "class feature"]
    probabilities: Float[Tensor, "row class"]

    @property
    def stationarity(self) -> float:
        """The gradient's Euclidean norm, 0 at the optimum."""
        return float(self.gradient.norm())


@dataclass(frozen=True, eq=False)
class HeadProblem:
    """J(θ) = 1/N Σ_i ℓ(θx_i, y_i) + λ/2 |θ|², ℓ the cross-entropy in nats, θ of shape (class, feature).

    N stays the number of all rows when some are left out (``left_out``), so that λ means the same before and after.
    Values and gradients are summed in double precision; products with the Hessian work in the features' own.
    """

    features: Float[Tensor, "row feature"]
    labels: Int[Tensor, "row"]
    classes: int
    damping: float
    left_out: Bool[Tensor, "row"] | None = None

    @property
    def rows(self) -> int:
        """N."""
        return len(self.features)

    @property
    def size(self) -> int:
        """The number of parameters p."""
        return self.classes * self.features.shape[1]

    def without(self, examples: Int[Tensor, "example"]) -> Self:
        """The problem with some rows left out."""
        left_out = torch.zeros(self.rows, dtype=torch.bool, device=self.features.device)
        left_out[examples] = True
        return replace(self, left_out=left_out)

    def among(self, examples: Int[Tensor, "example"]) -> Self:
        """The problem of some rows alone, N their number: what a user who has only these would solve."""
        return replace(self, features=self.features[examples], labels=self.labels[examples], left_out=None)

    def chunks(self, columns: int) -> Iterator[slice]:
        """Slices of the rows such that so many columns of a slice are a few million numbers."""
        step = max(1, _ENTRIES // max(columns, self.features.shape[1]))
        for start in range(0, self.rows, step):
            yield slice(start, min(start + step, self.rows))

    def at(self, theta: Float[Tensor, "class feature"]) -> Point:
        """Value, gradient and probabilities at θ."""
        loss, gradient, probabilities = 0.0, torch.zeros_like(theta), []
        for rows in self.chunks(2 * self.classes):
            x, y = self.features[rows].double(), self.labels[rows]
            log_p = (x @ theta.T).log_softmax(1)
            residual = log_p.exp()
            probabilities.append(residual.to(self.features.dtype, copy=True))
            own = log_p.gather(1, y[:, None])[:, 0]
            residual.scatter_add_(1, y[:, None], residual.new_full((len(y), 1), -1.0))
            if self.left_out is not None:
                kept = (~self.left_out[rows]).double()
                own, residual = own * kept, residual * kept[:, None]
            loss -= float(own.sum())
            gradient += residual.T @ x
        value = loss / self.rows + 0.5 * self.damping * float(theta.square().sum())
        return Point(value, gradient / self.rows + self.damping * theta, torch.cat(probabilities))

    def product(
        self, probabilities: Float[Tensor, "row class"], vectors: Float[Tensor, "vector class feature"]
    ) -> Float[Tensor, "vector class feature"]:
        """H v for several v: 1/N Σ_i (diag(p_i) − p_i p_iᵀ) v x_i x_iᵀ + λv, in the precision of ``vectors``.

        p_i p_iᵀ is divided by Σ p_i, which is 1 but for rounding: H stays positive definite however large x is.
        """
        count, classes, width = vectors.shape
        flat, summed = vectors.reshape(count * classes, width), torch.zeros_like(vectors).reshape(-1, width)
        for rows in self.chunks(count * classes):
            x, p = self.features[rows].to(vectors.dtype), probabilities[rows].to(vectors.dtype)[:, None]
            z = (x @ flat.T).view(-1, count, classes)
            z = p * (z - (p * z).sum(2, keepdim=True) / p.sum(2, keepdim=True))
            if self.left_out is not None:
                z = z * (~self.left_out[rows])[:, None, None]
            summed += z.flatten(1).T @ x
        return summed.view_as(vectors) / self.rows + self.damping * vectors

    def residuals(self, probabilities: Float[Tensor, "row class"]) -> Float[Tensor, "row class"]:
        """p_i − y_i, the gradient of each row's loss by its logits."""
        return residuals(probabilities, self.labels)

    @property
    def key(self) -> str:
        """A digest of the features, the labels and λ."""
        digest = hashlib.blake2b(
            f"{self.features.dtype} {self.features.device} {self.classes} {self.damping!r}".encode(), digest_size=16
        )
        for tensor in (self.features, self.labels):
            digest.update(f"{tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()


def residuals(probabilities: Float[Tensor, "row class"], labels: Int[Tensor, "row"]) -> Float[Tensor, "row class"]:
    """Return p − y, with y the labels as indicators."""
    ones = torch.full((len(labels), 1), -1.0, dtype=probabilities.dtype, device=probabilities.device)
    return probabilities.scatter_add(1, labels[:, None], ones)
