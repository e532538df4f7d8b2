"""Importance by leaving out: how much each region of an image makes the data support its prediction."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import nn

from xaiwidgets.core import InvalidSettingError, Method, Steps, setting
from xaiwidgets.methods._neighbors.search import COSINE, METRICS
from xaiwidgets.methods.case._conformity.cover import FILLS
from xaiwidgets.methods.case._conformity.inputs import read_inputs
from xaiwidgets.methods.case._conformity.regions import PATCHES, SUPERPIXELS
from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.methods.case._conformity.run import explain
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class ConformityImportance(Method):
    """Map how much of its support by the training data a prediction loses when a region of the image is covered.

    Wallace, Feng and Boyd-Graber (2018), "Interpreting Neural Networks with Nearest Neighbors": the conformity of a
    class c for an image x is the share of its k nearest training examples, over all ``layers``, that are labelled c,
    in [0, 1]. With c the class that the network gives the whole image, the importance of a region r is
    conformity_c(x) − conformity_c(x without r), in [−1, 1]: positive where the region supports the prediction,
    negative where it speaks against it. It is a multiple of 1 / (k · layers), so that many regions can be equal.

    Regions are square patches that overlap by half, first large ones, then halves down to ``patch`` pixels (None: a
    14th of the shorter side, at least 2), or ``superpixels`` of like size and of like colour. A pixel's importance is
    the mean over the regions of a level that hold it, then over the levels; no region is covered twice. ``fill`` says
    what covers: a blurred copy of the image, its mean colour, noise drawn with the ``seed``, or black. A fill that is
    itself a sign of some class (grey where images are on black) moves the neighbours: compare two. And a class that
    is what the network answers where there is nothing loses nothing: no region of such an image is important.

    Called with a model, labelled training images and one query: an image, or its place in the training set, and then
    it is no neighbour of its own. Neighbours are those of `NearestNeighbors`. Yields a `ConformityMap` after every
    batch, with the drop of the softmax probability beside it for the same regions, the rank correlation of both, and
    what is left after ever more of the image is covered, the most important regions first, beside ``draws`` random
    orders.

    Departures: the paper leaves out words, where we cover patches of images; its neighbours are counted over all
    layers of small networks, ours over the layers that are named, () being the head's input. Raises
    `XaiwidgetsError` for missing labels, more than one query, a k or a patch that is too large, features of zeros
    under the cosine, layers that are not there, and a network whose outputs are no classes.
    """

    layers: tuple[str, ...] = setting((), help="dotted paths of layers, 'head' for the head's input", hidden=True)
    k: int = setting(75, low=1, high=10_000, log=True, label="Neighbours k", help="neighbours in each layer")
    _: KW_ONLY
    patch: int | None = setting(None, low=1, unit="px", help="side of the finest regions")
    regions: str = setting(
        PATCHES, choices=(PATCHES, SUPERPIXELS), help="squares that overlap by half, or parts of like colour"
    )
    fill: str = setting("blur", choices=FILLS, help="what covers a region")
    metric: str = setting(COSINE, choices=METRICS, help="1 − cosine, or Euclidean distance")
    draws: int = setting(
        5, low=1, high=100, label="Random orders", help="random orders of the deletion curve", advanced=True
    )
    batch: int = setting(16, low=1, high=4096, log=True, help="images that are read at once", advanced=True)
    seed: int = setting(0, low=0, high=2**32 - 1, help="draws noise, random orders and super-pixels", advanced=True)

    def __post_init__(self) -> None:
        """Refuse a layer twice."""
        super().__post_init__()
        twice = [layer for layer in self.layers if self.layers.count(layer) > 1]
        if twice:
            raise InvalidSettingError(f"layers={self.layers!r} names {twice[0]!r} twice; name each layer once.")

    def __call__(self, model: ImageModel | nn.Module, train: Any, query: Any) -> Steps[ConformityMap]:
        """Yield a map that gets finer with every batch, then the curves."""
        yield from explain(self, read_inputs(self, as_image_model(model), train, query))
