"""What was learnt: parts of training images, and what they say of held-out ones."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import as_image_set
from xaiwidgets.methods._geometry.geometry import Geometry
from xaiwidgets.methods.case._prototype_parts.boxes import field_boxes, peak_boxes
from xaiwidgets.methods.case._prototype_parts.maps import layer_maps
from xaiwidgets.methods.case._prototype_parts.network import PartNetwork, similarity
from xaiwidgets.models import ImageModel, Probe


class Pair(NamedTuple):
    """A part of an image and the prototype that it is like, and what the two add to a class's logit."""

    prototype: int
    similarity: float
    weight: float
    points: float


class Likeness(NamedTuple):
    """How alike the parts of images are to each prototype.

    ``maps`` hold the similarity at every place of a patch, ``similarities`` the largest of them and ``places`` where it
    is, ``boxes`` all pixels that patch can depend on, and ``logits`` what follows.
    """

    maps: Float[Tensor, "image prototype row column"]
    similarities: Float[Tensor, "image prototype"]
    places: Int[Tensor, "image prototype"]
    boxes: Int[Tensor, "image prototype 4"]
    logits: Float[Tensor, "image class"]


class Known(NamedTuple):
    """Shares of the held-out images that are classified rightly; NaN while they are not known.

    ``now`` by what is shown, ``own`` by the network itself (NaN where its outputs are other classes), ``by_chance``
    with random patches of the untrained latents as prototypes and a last layer fitted on them, ``trained`` before the
    last projection, ``projected`` after it, before the last layer was fitted again.
    """

    now: float = float("nan")
    own: float = float("nan")
    by_chance: float = float("nan")
    trained: float = float("nan")
    projected: float = float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnedParts:
    """Prototypes, each a part of a training image of its class, and the evidence that they give for each class.

    Prototype p belongs to the class ``classes[p]``; ``images[p]`` is the place of its image in the training set,
    ``cells`` the (row, column) of its patch's first cell in the layer's grid, ``boxes`` (top, left, bottom, right; the
    last two exclusive) all pixels that the patch can depend on, and ``peaks`` the box around the five percent of pixels
    with the largest upsampled similarity, as the paper draws it, which is smaller than what was seen. ``distances`` is
    d² from the prototype to that patch: 0 where it was projected, above it while the nearest patch only stands for it.
    Before the first prototypes are drawn ``images`` are −1.

    ``similarities`` (0 to 9.21) and ``places`` tell for each image of ``rows`` (of the test set, or of the training set
    where they were held out of it) how alike its most alike patch is, and which. A logit is the sum over prototypes of
    similarity × ``weights``; no bias. ``outputs`` are the network's own, of no columns where it gives no rows.
    ``history_epochs``, ``history_held_out`` and ``history_fitted`` are accuracies on held-out and on training images
    over the epochs; a projection adds two points at its epoch: after it, and after the last layer was fitted.
    """

    classes: Int[Tensor, "prototype"]
    images: Int[Tensor, "prototype"]
    cells: Int[Tensor, "prototype 2"]
    boxes: Int[Tensor, "prototype 4"]
    peaks: Int[Tensor, "prototype 4"]
    distances: Float[Tensor, "prototype"]
    weights: Float[Tensor, "prototype class"]
    similarities: Float[Tensor, "query prototype"]
    places: Int[Tensor, "query prototype"]
    rows: Int[Tensor, "query"]
    labels: Int[Tensor, "query"]
    outputs: Float[Tensor, "query output"]
    history_epochs: Float[Tensor, "point"]
    history_held_out: Float[Tensor, "point"]
    history_fitted: Float[Tensor, "point"]
    accuracy: Known
    network: PartNetwork
    geometry: Geometry
    layer: str
    stage: str

    @property
    def logits(self) -> Float[Tensor, "query class"]:
        """The sum of all points of each class, in double precision."""
        return self.similarities.double() @ self.weights.double()

    @property
    def predictions(self) -> Int[Tensor, "query"]:
        """The class with the largest logit."""
        return self.logits.argmax(1)

    def points(self, query: int) -> Float[Tensor, "prototype class"]:
        """Similarity × weight of each prototype for one held-out image; the columns sum to its logits."""
        self._refuse_unknown(query)
        return self.similarities[query].double()[:, None] * self.weights.double()

    def pairs(self, query: int, label: int | None = None) -> list[Pair]:
        """All pairs of a held-out image for a class (the predicted one unless told), the most points first.

        Their points sum to the class's logit.
        """
        points = self.points(query)
        chosen = int(points.sum(0).argmax()) if label is None else label
        if not 0 <= chosen < points.shape[1]:
            raise XaiwidgetsError(
                f"Class {chosen} was asked for; there are {points.shape[1]}, 0 to {points.shape[1] - 1}."
            )
        order = points[:, chosen].argsort(descending=True, stable=True).tolist()
        return [
            Pair(p, float(self.similarities[query, p]), float(self.weights[p, chosen]), float(points[p, chosen]))
            for p in order
        ]

    def query_boxes(self, query: int) -> Int[Tensor, "prototype 4"]:
        """For each prototype all pixels that the most alike patch of a held-out image can depend on."""
        self._refuse_unknown(query)
        return field_boxes(self.geometry, self.places[query].cpu())

    @torch.no_grad()
    def explain(self, model: ImageModel, images: Any) -> Likeness:
        """The same for any images, with their similarity maps; ``model`` is the one that was explained."""
        given = as_image_set(images).fitted(model.picture_shape)
        maps = layer_maps(Probe(model, [self.layer]), given.batch(slice(None)), self.layer)
        latent = self.network.latent(self.network.standardised(maps))
        near = self.network.nearest(latent)
        similarities = similarity(near.distances)
        return Likeness(
            maps=similarity(self.network.distances(latent)),
            similarities=similarities,
            places=near.places,
            boxes=field_boxes(self.geometry, near.places.cpu()),
            logits=similarities.double() @ self.weights.double(),
        )

    def peak_boxes(self, likeness: Likeness, image: int, size: tuple[int, int]) -> Int[Tensor, "prototype 4"]:
        """For each prototype the box of the paper in one of the images that were explained, ``size`` pixels each."""
        return peak_boxes(self.geometry, likeness.maps[image].cpu(), size)

    def _refuse_unknown(self, query: int) -> None:
        if not 0 <= query < len(self.similarities):
            raise XaiwidgetsError(
                f"Held-out image {query} was asked for; there are {len(self.similarities):,} that are looked at so far."
            )
