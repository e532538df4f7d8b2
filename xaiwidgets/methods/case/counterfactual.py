"""Counterfactuals: the smallest change of an example that changes its prediction."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xaiwidgets.core import Method, Steps, setting
from xaiwidgets.methods.case._counterfactual.inputs import EVERYWHERE, REGIONS, read_inputs
from xaiwidgets.methods.case._counterfactual.result import Counterfactuals
from xaiwidgets.methods.case._counterfactual.run import explain
from xaiwidgets.models import ImageModel


@dataclass(frozen=True, eq=False)
class Counterfactual(Method):
    """Find the nearest x′ that the model answers with another class.

    Wachter, Mittelstadt and Russell (2017), "Counterfactual Explanations without Opening the Black Box", equations 1
    to 4: min over x′, max over λ of λ (f(x′) − y′)² + d(x, x′), with d = Σ_k |x_k − x′_k| / MAD_k, where MAD_k is the
    median absolute deviation of feature k among training examples. A feature counts as if its MAD were at least
    ``floor`` of its range, for many have none at all: a pixel that is black in most images has MAD 0. f is the logit of
    ``target`` (None: the runner-up) less the highest other one, and x′ is valid where f is above ``margin``. λ grows
    by ``growth`` from the value at which the first feature moves until x′ is valid, and is then narrowed down. Values
    stay within [0, 1] of images, within the training range of tables.

    Called with a model, ``train`` and ``query`` (one image), or with a module or function of rows, (features, labels)
    and one row, it yields `Counterfactuals`, one for each start, with what speaks against them: on images the nearest
    counterfactual may be an adversarial perturbation, so that its plausibility among training examples stands beside
    that of a real example and of a step along the gradient's sign. ``moves`` "components" changes the scores of the
    training images' principal components instead, which costs more and looks more like the data. Nothing found is an
    answer, too: ``found`` is False, and ``tried`` says what was tried.

    Departures: a step minimises the whole objective exactly for the linearised f, within a region that is trusted,
    instead of following its gradient, so that a feature that is not worth moving stays where it is; f is a difference
    of logits, which does not fade as probabilities do; starts differ by random weights of the features (``spread``)
    rather than by random first points, which an L1 distance leads back to one path; the last stretch is halved back
    along the straight line to the query. Raises `XaiwidgetsError` for a mask of another size, for all features frozen,
    a target that is out of range, fewer than 10 training examples, and for what is no finite number.
    """

    target: int | None = setting(None, help="class that is wanted; None for the runner-up", hidden=True)
    _: KW_ONLY
    moves: str = setting(
        "features", choices=("features", "components"), help="what is changed: features, or principal components"
    )
    distance: str = setting(
        "mad_l1", choices=("mad_l1", "mad_l2"), help="sum of |change| / MAD, or of its square, which changes all a bit"
    )
    layer: str = setting("head", help="layer in whose features plausibility is told", hidden=True)
    region: str = setting(EVERYWHERE, choices=REGIONS, help="the part of an image that may change")
    starts: int = setting(4, low=1, high=16, help="counterfactuals that are looked for at once")
    steps: int = setting(200, low=1, high=4096, log=True, help="steps of each start at most")
    growth: float = setting(
        2.0, low=1.05, high=10.0, log=True, live=True, label="Growth of λ", help="factor from one λ to the next"
    )
    rung: int = setting(12, low=1, high=100, live=True, label="Steps per λ", help="steps with one λ at most")
    spread: float = setting(
        0.5, low=0.0, high=3.0, help="how differently starts weigh features: the deviation of the weights' logarithm"
    )
    margin: float = setting(
        0.0, low=0.0, high=20.0, help="how far the target's logit must lie above the next; 0: it is just the prediction"
    )
    components: int = setting(64, low=1, high=512, log=True, advanced=True, help="principal components that may change")
    neighbors: int = setting(5, low=1, high=50, advanced=True, help="nearest training examples of plausibility")
    floor: float = setting(
        0.01, low=1e-4, high=1.0, log=True, advanced=True, help="least MAD, as a share of the feature's range"
    )
    examples: int = setting(1000, low=10, high=20_000, log=True, advanced=True, help="training examples looked at")
    frozen: Tensor | None = setting(  # noqa: RUF009 - a declaration, as all are
        None, help="mask, or places, of the features that must not change", hidden=True
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the starts' weights")

    def __post_init__(self) -> None:
        """Take places as a plain sequence too."""
        if isinstance(self.frozen, tuple | list):
            object.__setattr__(
                self, "frozen", torch.tensor(self.frozen, dtype=torch.int64 if not self.frozen else None)
            )
        super().__post_init__()

    def __call__(self, model: ImageModel | nn.Module | Any, train: Any, query: Any) -> Steps[Counterfactuals]:
        """Yield ever better answers; a change of the growth, or of the steps with one λ, counts from the next λ on."""
        yield from explain(self, read_inputs(model, train, query, self.layer, self.examples))
