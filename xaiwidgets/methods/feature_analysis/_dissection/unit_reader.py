"""A layer's activations in the basis and with the weights that a dissection asks for."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods._geometry.geometry import geometry_of
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._images import refuse_size
from xaiwidgets.methods.feature_analysis._randomization import Randomization
from xaiwidgets.methods.feature_analysis._scan import largest_of
from xaiwidgets.models import ImageModel, Probe
from xaiwidgets.models.twin import fingerprint


class UnitReader:
    """Reads the units of one layer for images of a set of concepts.

    ``weights`` are "trained" or "untrained", ``rotation`` is how far the basis is turned; both are drawn with ``seed``.
    ``key`` says which units these are. A plain vector has one position, which is the whole image. Raises
    `XaiwidgetsError` for a layer that is not there, tokens that form no grid, and images that the network cannot look
    at.
    """

    def __init__(
        self,
        model: ImageModel,
        layer: str,
        concepts: ConceptSet,
        *,
        weights: str = "trained",
        rotation: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.model, self.layer, self.view = model, layer, View(model, None)
        known = model.layer(layer)
        if known.layout.grid is None and known.layout.kind != "vector":
            raise XaiwidgetsError(
                f"The positions of layer {layer!r} form no grid, so that they lie nowhere in the image; "
                "choose a layer of maps, of patches, or of plain numbers."
            )
        refuse_concepts(concepts, model)
        self.units = known.units
        self.geometry = geometry_of(Probe(model, [self.layer]), self.layer, concepts.shape[1:])
        trained = weights == "trained"
        network = None if trained else Randomization(model, self.layer, 1, seed).network_at(0)
        self.probe = Probe(model, [self.layer], network=network)
        self.basis = rotated_basis(self.units, rotation, seed).to(model.device, torch.float32)
        self._rotated = rotation > 0
        drawn = seed if self._rotated or not trained else None
        self.key = (fingerprint(model.module), concepts.shape, self.layer, weights, rotation, drawn)

    @property
    def positions(self) -> int:
        """How many positions a unit has."""
        return self.geometry.grid[0] * self.geometry.grid[1]

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "image channel height width"]
    ) -> tuple[Float[Tensor, "image unit position"], Float[Tensor, "image unit"]]:
        """The activations, and the largest of each map; raises for one that is no finite number."""
        seen = self.view.network(images.to(self.model.device, self.model.dtype))
        activation = self.probe.arranged(seen, self.layer).float()  # as the histogram has them, so that ties stay ties
        if self._rotated:
            activation = torch.einsum("vu,bup->bvp", self.basis, activation)
        largest = largest_of(activation)
        if not bool(largest.isfinite().all()):
            unit = int((~largest.isfinite()).any(0).nonzero()[0, 0])
            raise XaiwidgetsError(
                f"Layer {self.layer!r} gave unit {unit} a value that is not a finite number; check the weights, the "
                "normalisation and the images."
            )
        return activation, largest


def refuse_concepts(concepts: ConceptSet, model: ImageModel) -> None:
    """Raise where the network does not look at images of the set's shape."""
    view = View(model, None)
    shape = (view.channels, *view.canvas)
    if concepts.shape[0] != view.channels:
        raise XaiwidgetsError(
            f"The concepts have images of {concepts.shape[0]} channels, and {model.name} looks at {view.channels}; "
            f"give concepts.fitted({shape})."
        )
    refuse_size(concepts.shape[1:], model)


def rotated_basis(units: int, share: float, seed: int) -> Float[Tensor, "unit unit"]:
    """Qᵃ for a random rotation Q, uniform among all rotations: the identity for a = 0, and Q itself for a = 1.

    The power of Bau et al. (2017, section 3.2) turns the basis gradually, by the share ``a`` of every angle.
    """
    if share == 0:
        return torch.eye(units, dtype=torch.double)
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(units, units, generator=generator, dtype=torch.double))
    q = q * r.diagonal().sign()  # else the distribution is not uniform (Mezzadri 2007)
    if bool(torch.linalg.det(q) < 0):
        q[:, 0].neg_()  # a reflection has no real power
    if share == 1:
        return q
    angles, vectors = torch.linalg.eig(q)
    return (
        vectors @ torch.diag(torch.polar(torch.ones_like(angles.real), share * angles.angle())) @ vectors.inverse()
    ).real
