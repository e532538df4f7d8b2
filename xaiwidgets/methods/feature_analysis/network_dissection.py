"""Network dissection: which concepts the units of a layer detect, counted."""

import contextlib
from dataclasses import KW_ONLY, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, XaiwidgetsError, setting
from xaiwidgets.data import ConceptSet, as_concept_set
from xaiwidgets.methods.feature_analysis._dissection.result import DENOMINATORS, Dissection
from xaiwidgets.methods.feature_analysis._dissection.run import LADDER, Dissecting
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class NetworkDissection(Method):
    """Name units by the concepts that their masks overlap with: IoU = Σ|M ∩ L| / Σ|M ∪ L| (Bau et al. 2017, eq. 1).

    A first pass over the images finds for each unit the threshold T with P(a > T) = ``quantile`` over all positions.
    A second one brings each map to the size of the labels and counts the pixels of its mask M = up(a) > T, of each
    concept's labels L, and of both. A unit detects its best concept where the IoU exceeds ``iou_threshold``. Nothing
    is kept of an image but counts, so that memory does not grow with the set. Called with a model and a set of
    concepts it yields a `Dissection` after every batch: during the first pass under thresholds of the first 64 images,
    marked as provisional and thrown away, then under the true ones.

    Three denominators are in use. "original" counts a mask where the image has any label of the concept's category, as
    the paper does; "lite" only where the mask overlaps one, which inflates; "all" everywhere (Bau et al. 2020).
    ``start`` continues an earlier result, stopped or failed: what it measured and counted is not looked at again, and
    the answer is that of an uninterrupted run.

    Departures: quantiles come from a histogram, see `Histogram`; its rank error stands in the result. Upsampling is
    bilinear between the middles of receptive fields, which are found for any network; a plain vector has one position,
    the whole image. Raises `XaiwidgetsError` for a layer that is not there or whose tokens form no grid, images that
    the network cannot look at, broken files (unless the set skips them), and a ``start`` that belongs to something
    else: another network or other weights, another layer or basis, another set.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    _: KW_ONLY
    thresholds: Tensor | None = setting(  # noqa: RUF009 - it makes a field
        None, help="threshold of each unit, in the layer's own units; given ones skip the first pass", hidden=True
    )
    quantile: float = setting(
        0.005,
        low=1e-4,
        high=0.5,
        stops=(5e-4, *LADDER, 0.05, 0.1, 0.2),
        help="share of positions at which a unit's mask is on",
    )
    iou_threshold: float = setting(
        0.04, low=0, high=1, live=True, label="IoU threshold", help="overlap above which a unit detects its concept"
    )
    denominator: str = setting(
        "original", choices=DENOMINATORS, live=True, help="over which images the size of a mask is summed"
    )
    upsampling: str = setting(
        "receptive_field",
        choices=("receptive_field", "plain"),
        help="where a position stands: in the middle of its receptive field, or evenly divided",
    )
    weights: str = setting(
        "trained", choices=("trained", "untrained"), help="the network's own, or random ones of the same spread"
    )
    rotation: float = setting(
        0.0, low=0, high=1, help="how far units are turned towards a random basis: 1 is a random rotation"
    )
    top: int = setting(6, low=1, high=64, log=True, label="Top images", help="images that are kept for each unit")
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of random weights and of the rotation")

    def __post_init__(self) -> None:
        """Take thresholds as a list or an array too."""
        if isinstance(self.thresholds, list | tuple | np.ndarray):
            with contextlib.suppress(TypeError, ValueError, RuntimeError):  # refused below, in words
                object.__setattr__(self, "thresholds", torch.as_tensor(self.thresholds))
        super().__post_init__()

    def __call__(
        self, model: ImageModel | nn.Module, concepts: ConceptSet, start: Dissection | None = None
    ) -> Steps[Dissection]:
        """Yield the counts so far after every batch."""
        if start is not None and not isinstance(start, Dissection):
            raise XaiwidgetsError(
                f"{type(start).__name__} was given as start; give an earlier Dissection, or leave it out."
            )
        settings, run = self, Dissecting(self, as_image_model(model), as_concept_set(concepts), start)
        for _ in run.steps():
            settings = (yield Step(run.value(settings), done=run.done, total=run.total)) or settings
