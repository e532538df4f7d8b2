"""Nearest neighbours: the training examples that are most like a query in the network's own eyes."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import nn

from xaiwidgets.core import InvalidSettingError, Method, Steps, setting
from xaiwidgets.methods._neighbors.search import COSINE, METRICS, STORAGES
from xaiwidgets.methods.case._nearest.inputs import given_inputs, read_inputs
from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.methods.case._nearest.run import explain
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class NearestNeighbors(Method):
    """Find the training examples nearest to each query, and how far their labels support a prediction.

    Wallace, Feng and Boyd-Graber (2018), "Interpreting Neural Networks with Nearest Neighbors": the conformity of a
    prediction is the share of the query's k nearest training examples, over all ``layers``, that have the predicted
    class, in [0, 1]. Papernot and McDaniel (2018), "Deep k-Nearest Neighbors": with α(x, j) = the number of neighbours,
    over all layers, whose label is not j, the p-value of class j is p_j = (1 + #{a ≥ α(x, j)}) / (n + 1), a the
    nonconformity of n calibration examples with their own labels (their algorithm 1; the ones are added so that
    P(p_true ≤ a) ≤ a holds for every n). **Credibility**, the largest p_j, is low for a query unlike anything that
    was seen, such as an image turned or inverted; **confidence** is 1 minus the second largest. Neither finds the
    network's own mistakes better than its softmax does.

    ``layers`` are dotted paths; "head" is the input of the network's last linear layer, and () means it alone. Maps
    are averaged over positions. ``metric`` is 1 − cosine, as in the second paper, or the Euclidean distance.
    Search is exact unless ``index`` says otherwise: the neighbours are those of a sort in double precision, of equally
    near ones the first. "auto" turns to an index library, faiss, where the first products say that exact search
    would take longer than ``patience``, and then says how many true neighbours it finds.

    Called with a model, labelled training images and query images; or with ``None``, (features, labels) and features.
    A query may be named by its place in the training set, as 17 or [17, 4]: that example is then no neighbour of its
    own, but its copies are. What calibrates must be in neither the index nor what the network was trained on: give
    labelled examples as the call's ``calibration``, or let ``calibration`` training examples, drawn with the seed, be
    set aside. Yields a `Neighbors`: among the examples read so far, then among all, then calibrated.

    Departures: networks are compared in layers' means over positions, not in whole maps. Raises `XaiwidgetsError` for
    missing labels, given features of which a class has no example in the index (of images ``reason`` says so), a k that
    is larger than it, features of zeros under the cosine, features that are no finite numbers or of another length, and
    layers that are not there.
    """

    layers: tuple[str, ...] = setting((), help="dotted paths of layers, 'head' for the head's input", hidden=True)
    k: int = setting(75, low=1, high=10_000, log=True, label="Neighbours k", help="neighbours in each layer")
    _: KW_ONLY
    metric: str = setting(COSINE, choices=METRICS, help="1 − cosine, or Euclidean distance")
    calibration: int = setting(
        0, low=0, label="Set aside", help="training examples that calibrate in place of a set given", advanced=True
    )
    storage: str = setting("float32", choices=STORAGES, help="what the searched copy is held in", advanced=True)
    index: str = setting("auto", choices=("auto", "exact", "faiss"), help="how neighbours are searched", advanced=True)
    patience: float = setting(
        30.0, low=0, high=86_400, unit="s", help="seconds of exact search beyond which an index is used", advanced=True
    )
    batch: int = setting(64, low=1, high=4096, log=True, help="images that are read at once", advanced=True)
    seed: int = setting(0, low=0, help="draws the examples that are set aside", advanced=True)

    def __post_init__(self) -> None:
        """Refuse a layer twice."""
        super().__post_init__()
        twice = [layer for layer in self.layers if self.layers.count(layer) > 1]
        if twice:
            raise InvalidSettingError(f"layers={self.layers!r} names {twice[0]!r} twice; name each layer once.")

    def __call__(
        self, model: ImageModel | nn.Module | None, train: Any, query: Any, calibration: Any = None
    ) -> Steps[Neighbors]:
        """Yield neighbours among what is read so far, then among all, then with calibrated support."""
        if model is None:
            yield from explain(self, given_inputs(self, train, query, calibration))
        else:
            yield from explain(self, read_inputs(self, as_image_model(model), train, query, calibration))
