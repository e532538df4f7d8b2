"""What is moved: the features themselves, or the principal components of the training examples."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xaiwidgets.methods.case._counterfactual.scale import medians

_FLOOR = 1e-6  # of the largest spread: a component below is rounding


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Numbers c with x′ = x + c, or with a ``basis`` x′ = x + c·basis, clipped to [low, high] where ``free``.

    ``scale`` is the MAD of each number, ``least`` and ``most`` how far it may go.
    """

    origin: Float[Tensor, "feature"]
    low: Float[Tensor, "feature"]
    high: Float[Tensor, "feature"]
    free: Bool[Tensor, "feature"]
    scale: Float[Tensor, "number"]
    least: Float[Tensor, "number"]
    most: Float[Tensor, "number"]
    basis: Float[Tensor, "number feature"] | None = None

    def place(self, moved: Float[Tensor, "start number"]) -> Float[Tensor, "start feature"]:
        """x′, exactly x where nothing is moved."""
        return self._beyond(moved).clamp(self.low, self.high)

    def pull(
        self, gradient: Float[Tensor, "start feature"], moved: Float[Tensor, "start number"]
    ) -> Float[Tensor, "start number"]:
        """∂/∂c from ∂/∂x′."""
        if self.basis is None:
            return gradient
        beyond = self._beyond(moved)
        inside = self.free & (beyond >= self.low) & (beyond <= self.high)
        return (gradient * inside) @ self.basis.T

    def measure(self, places: Float[Tensor, "point feature"]) -> Float[Tensor, "point"]:
        """Σ |c_k| / MAD_k of the change that leads there."""
        change = places - self.origin
        return ((change if self.basis is None else change @ self.basis.T).abs() / self.scale).sum(1)

    def _beyond(self, moved: Tensor) -> Tensor:
        return self.origin + (moved if self.basis is None else (moved @ self.basis) * self.free)


def of_features(origin: Tensor, low: Tensor, high: Tensor, free: Tensor, scale: Tensor) -> Coordinates:
    """The features themselves; those that are not free stay."""
    least, most = ((bound - origin) * free for bound in (low, high))
    return Coordinates(origin, low, high, free, scale, least, most)


def of_components(
    origin: Tensor, bounds: tuple[Tensor, Tensor], free: Tensor, rows: Float[Tensor, "row feature"], count: int
) -> Coordinates:
    """The scores of the first ``count`` principal components of ``rows``, each within the range that the rows have."""
    centred = rows - rows.mean(0)
    values, vectors = torch.linalg.eigh((centred @ centred.T).double())
    kept = values.flip(0).clamp(min=0)[:count]
    kept = int((kept > _FLOOR * kept[0]).sum()) or 1
    basis = vectors.flip(1)[:, :kept].T.to(rows) @ centred
    basis = basis / basis.norm(dim=1, keepdim=True).clamp(min=1e-12)
    scores = centred @ basis.T
    own = (origin - rows.mean(0)) @ basis.T
    scale = medians((scores - medians(scores)).abs()).clamp(min=_FLOOR)
    least, most = (scores.amin(0) - own).clamp(max=0), (scores.amax(0) - own).clamp(min=0)
    return Coordinates(origin, *bounds, free, scale, least, most, basis)
