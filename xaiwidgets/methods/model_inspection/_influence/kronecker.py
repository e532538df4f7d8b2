"""The curvature of one layer in the eigenbasis of its two Kronecker factors."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.methods.model_inspection._influence.calls import Factors


class RankOne(NamedTuple):
    """Gradients δ aᵀ of a layer with one position: they need not be written out."""

    inputs: Float[Tensor, "image group in"]
    outputs: Float[Tensor, "image group out"]

    def dense(self) -> Float[Tensor, "image group out in"]:
        """The gradients themselves."""
        return self.outputs[..., None] * self.inputs[..., None, :]

    def squares(self) -> Float[Tensor, "group out in"]:
        """The squares of their entries, summed over the images."""
        return torch.einsum("ngo,ngi->goi", self.outputs.square(), self.inputs.square())

    def norms(self, weights: Float[Tensor, "group out in"]) -> Float[Tensor, "image"]:
        """The squares of each image's entries, summed with weights."""
        return (torch.einsum("ngo,goi->ngi", self.outputs.square(), weights) * self.inputs.square()).sum((1, 2))

    def products(self, others: Float[Tensor, "other group out in"]) -> Float[Tensor, "other image"]:
        """The inner products with other gradients."""
        return (torch.einsum("tgoi,ngi->tngo", others, self.inputs) * self.outputs).sum((2, 3))


class Dense(NamedTuple):
    """Gradients of a layer with many positions, written out for the images of a batch."""

    values: Float[Tensor, "image group out in"]

    def dense(self) -> Float[Tensor, "image group out in"]:
        """The gradients themselves."""
        return self.values

    def squares(self) -> Float[Tensor, "group out in"]:
        """The squares of their entries, summed over the images."""
        return self.values.square().sum(0)

    def norms(self, weights: Float[Tensor, "group out in"]) -> Float[Tensor, "image"]:
        """The squares of each image's entries, summed with weights."""
        return self.values.square().flatten(1) @ weights.flatten()

    def products(self, others: Float[Tensor, "other group out in"]) -> Float[Tensor, "other image"]:
        """The inner products with other gradients."""
        return others.flatten(1) @ self.values.flatten(1).T


class SecondMoments(NamedTuple):
    """The Kronecker factors A = Σ a aᵀ and S = Σ δ δᵀ, over images and positions; in double precision."""

    inputs: Float[Tensor, "group in in"]
    outputs: Float[Tensor, "group out out"]

    @classmethod
    def of(cls, factors: Factors) -> Self:
        """Of the images of a batch."""
        return cls(*(_moments(side.transpose(0, 1).flatten(1, 2)).double() for side in factors))

    def plus(self, other: Self) -> Self:
        """Of both."""
        return type(self)(self.inputs + other.inputs, self.outputs + other.outputs)


@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """The eigenvectors of both factors, as columns: the basis q_S ⊗ q_A of the layer's parameters."""

    inputs: Float[Tensor, "group in in"]
    outputs: Float[Tensor, "group out out"]

    @classmethod
    def of(cls, moments: SecondMoments, dtype: torch.dtype) -> Self:
        """From the factors; their scale makes no difference."""
        return cls(*(torch.linalg.eigh(moment).eigenvectors.to(dtype) for moment in moments))

    def rotated(self, factors: Factors) -> RankOne | Dense:
        """The gradients in this basis, Q_Sᵀ g Q_A, by the cheaper way."""
        a, delta = factors
        positions, width, height = a.shape[2], a.shape[3], delta.shape[3]
        if positions * (width**2 + height**2) > width * height * (width + height):
            return Dense(self.outputs.mT @ factors.dense() @ self.inputs)
        a, delta = a @ self.inputs, delta @ self.outputs
        return RankOne(a[:, :, 0], delta[:, :, 0]) if positions == 1 else Dense(delta.mT @ a)


def _moments(rows: Float[Tensor, "group row column"]) -> Float[Tensor, "group column column"]:
    return rows.mT @ rows
