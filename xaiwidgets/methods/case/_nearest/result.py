"""The training examples nearest to some queries, and what their labels say."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.methods.case._nearest.conformal import label_counts


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The k nearest training examples of each query in each layer, the nearest first.

    ``indices`` are places in the training set, ``labels`` theirs, ``distances`` Euclidean or 1 − cosine. Of
    all these neighbours, over all layers, ``label_shares`` have each label (they sum to 1), and ``conformity`` have the
    class in ``predictions``: the network's, or without a network that of ``supported``, the class that the neighbours
    support most. ``probabilities`` is the network's softmax, NaN without a network.

    ``p_values``, for each class the share of calibration examples that their neighbours support no better, has
    ``credibility`` as its largest and ``confidence`` as 1 minus its second; all are NaN where nothing was calibrated.
    Of new examples from where the calibration examples are from, at most a share a has a p-value ≤ a for its true
    class. ``calibrated`` is the number of calibration examples, ``calibration_accuracy`` the share of them that is
    predicted rightly. How well conformity and the softmax of the prediction tell these from the others is
    ``conformity_auroc`` and ``softmax_auroc``: the chance that of a right and a wrong prediction the right one has the
    more, 0.5 for a coin. ``stage`` and ``reason`` say what the answer rests on.
    """

    indices: Int[Tensor, "layer query neighbor"]
    distances: Float[Tensor, "layer query neighbor"]
    labels: Int[Tensor, "layer query neighbor"]
    label_shares: Float[Tensor, "query class"]
    conformity: Float[Tensor, "query"]
    predictions: Int[Tensor, "query"]
    supported: Int[Tensor, "query"]
    probabilities: Float[Tensor, "query class"]
    p_values: Float[Tensor, "query class"]
    credibility: Float[Tensor, "query"]
    confidence: Float[Tensor, "query"]
    layers: tuple[str, ...]
    metric: str
    rows: int
    calibrated: int = 0
    calibration_accuracy: float = float("nan")
    conformity_auroc: float = float("nan")
    softmax_auroc: float = float("nan")
    stage: str = ""
    reason: str = ""

    @property
    def k(self) -> int:
        """How many neighbours each query has in a layer."""
        return self.indices.shape[2]

    def in_layer(self, layer: str | int) -> int:
        """The place of a layer, by name or place; raises with the nearest name for one that is not there."""
        if isinstance(layer, int) and -len(self.layers) <= layer < len(self.layers):
            return range(len(self.layers))[layer]
        if layer not in self.layers:
            raise XaiwidgetsError(f"There are no neighbours in layer {layer!r}; {nearest(str(layer), self.layers)}.")
        return self.layers.index(layer)

    def layer_shares(self, layer: str | int) -> Float[Tensor, "query class"]:
        """The label shares of one layer's neighbours."""
        place, classes = self.in_layer(layer), self.label_shares.shape[1]
        return label_counts(self.labels[place : place + 1], classes).double() / self.k

    def agreement(self, layer: str | int) -> Float[Tensor, "query"]:
        """The share of one layer's neighbours that have the predicted class."""
        return self.layer_shares(layer).gather(1, self.predictions[:, None])[:, 0]
