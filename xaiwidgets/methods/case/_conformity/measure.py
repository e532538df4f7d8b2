"""What the network and the neighbours say of an image of which regions are covered."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._answers import probabilities_of, refuse_classes
from xaiwidgets.methods._neighbors.search import COSINE, ExactSearch
from xaiwidgets.methods.case._conformity.inputs import Inputs
from xaiwidgets.methods.case._nearest.conformal import label_counts
from xaiwidgets.methods.case._nearest.layers_search import refuse_zeros
from xaiwidgets.models.feature_reader import FeatureReader


class Answers(NamedTuple):
    """Of each image the class probabilities, the shares of its neighbours' labels, and these neighbours."""

    probabilities: Float[Tensor, "image class"]
    shares: Float[Tensor, "image class"]
    neighbors: Int[Tensor, "image layer neighbor"]


class Measure:
    """Covers regions of one image, runs the network once, and searches its neighbours in every layer."""

    def __init__(
        self, inputs: Inputs, rows: list[Float[Tensor, "row _feature"]], filling: Tensor, k: int, metric: str
    ) -> None:
        self._inputs, self._filling, self._k, self._metric = inputs, filling, k, metric
        self._reader = FeatureReader(inputs.model, inputs.layers, outputs=True)
        for layer, known in zip(inputs.layers, rows, strict=True):
            if metric == COSINE:
                refuse_zeros(known, f"training example {{}} in layer {layer!r}")
        self._searches = [ExactSearch(known, metric) for known in rows]
        self.whole = self(torch.zeros((1, *inputs.image.shape[1:]), dtype=torch.bool))
        refuse_classes(inputs.labels, self.whole.probabilities.shape[1], inputs.model)

    def __call__(self, masks: Bool[Tensor, "image height width"]) -> Answers:
        """What is found with the masked pixels covered."""
        image = self._inputs.image
        covered = torch.where(masks.to(image.device)[:, None], self._filling, image)
        parts = self._reader(covered, range(len(self._inputs.layers)))
        outputs = parts[0][1]
        if not all(bool(part.isfinite().all()) for read in parts for part in read):
            raise XaiwidgetsError(
                f"{self._inputs.model.name} gives numbers that are not finite where a region is covered; look for "
                "divisions by zero or overflow in the network."
            )
        probabilities = probabilities_of(outputs, self._inputs.model)
        found = [self._near(place, read[0], outputs.shape[1]) for place, read in enumerate(parts)]
        shares = torch.stack([shares for _, shares in found]).mean(0)
        return Answers(probabilities, shares, torch.stack([places for places, _ in found], 1))

    def _near(self, place: int, features: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        """The neighbours in one layer, and the shares of their labels.

        Under the cosine a vector of zeros is equally far from every example, so that all of them count.
        """
        labels, own = self._inputs.labels, self._inputs.own
        out = torch.full((len(features),), own, device=features.device) if own >= 0 else None
        places = self._searches[place].nearest(features, self._k, out).indices
        shares = label_counts(labels[places][None], classes).double() / self._k
        if self._metric == COSINE:
            everywhere = torch.bincount(labels, minlength=classes).double() / len(labels)
            shares = torch.where((features == 0).all(1)[:, None], everywhere, shares)
        return places, shares
