"""MMD-critic: images that stand for a set, and images that they do not stand for."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import nn

from xaiwidgets.core import Method, Step, Steps, XaiwidgetsError, setting
from xaiwidgets.methods.case._mmd_critic.result import PrototypesAndCriticisms
from xaiwidgets.methods.case._mmd_critic.run import READ, TOTAL, Critic, blank, refuse_few
from xaiwidgets.methods.case._prototypes.rows import labels_in, read_rows
from xaiwidgets.methods.case._prototypes.steering import steered
from xaiwidgets.models import ImageModel


@dataclass(frozen=True, eq=False)
class MMDCritic(Method):
    """Choose prototypes, whose distribution is like the set's, and criticisms, where the two differ most.

    Kim, Khanna and Koyejo (2016), "Examples are not Enough, Learn to Criticize!": prototypes S are added one by one so
    that J(S) = 2/(n|S|) Σ_{i∈[n], j∈S} k(xᵢ, xⱼ) − 1/|S|² Σ_{i,j∈S} k(xᵢ, xⱼ) grows most; the squared maximum mean
    discrepancy MMD² = 1/n² Σ k(xᵢ, xⱼ) − J(S) falls with it; where no row makes J grow, MMD² rises and one is added all
    the same. Criticisms are rows where the witness w(x) = 1/n Σᵢ k(x, xᵢ) − 1/|S| Σ_{j∈S} k(x, xⱼ) is large in absolute
    value and that are unlike each other (the log-determinant of their kernel). That the greedy choice comes near the
    best set is promised only for kernels that are almost diagonal; hence random sets of the same size stand beside it.

    k(x, x') = exp(−γ d²/m²), with d the Euclidean distance between features and m² the median of d² between two rows:
    γ = 1, the median heuristic, needs no standardising and means the same for any layer; a larger γ compares only what
    is close by. With ``per_class`` k is 0 between different labels, so that each class is stood for by its own.

    Called with a model and images, or with ``None`` and (features, labels): Float (row, feature) and whole numbers
    (row,). Images need labels only for ``per_class`` and for the accuracy. Yields `PrototypesAndCriticisms` after every
    prototype and every criticism. Steered above the number of rows it takes all that there are.

    Departures: |w| is divided by its largest value, since else the log-determinant outweighs it for wide kernels and
    criticisms are chosen that criticise nothing. Raises `XaiwidgetsError` for more prototypes and criticisms than rows,
    for ``per_class`` without labels, a layer that is not there, and features that are no finite numbers.
    """

    layer: str = setting("head", help="'head', or the dotted path of a layer whose features are compared", hidden=True)
    _: KW_ONLY
    prototypes: int = setting(18, low=1, high=200, log=True, live=True, help="images that stand for the set")
    criticisms: int = setting(6, low=0, high=100, live=True, help="images that the prototypes stand for badly")
    gamma: float = setting(
        1.0,
        low=0.05,
        high=50.0,
        log=True,
        live=True,
        label="Kernel γ",
        help="how fast likeness falls with distance; at 1 it is 1/e at the median distance",
    )
    spread: float = setting(
        1.0,
        low=0.0,
        high=10.0,
        live=True,
        advanced=True,
        label="Spread of criticisms",
        help="weight of the log-determinant, which keeps criticisms unlike each other; at 0 the witness alone counts",
    )
    per_class: bool = setting(False, help="compare images of the same label only")
    batch: int = setting(64, low=1, high=4096, log=True, help="images that are read at once", advanced=True)
    seed: int = setting(0, low=0, high=2**31 - 1, advanced=True, help="seed of the random sets to compare with")

    def __call__(self, model: ImageModel | nn.Module | None, train: Any) -> Steps[PrototypesAndCriticisms]:
        """Yield ever better answers; live settings change them from then on."""
        settings, rows = self, None
        given, labels = labels_in(model, train)
        refuse_few(self, len(labels))
        if self.per_class and bool((labels < 0).any()):
            raise XaiwidgetsError(
                "per_class=True was given for images without labels; give xw.data.ImageSet(images, labels)."
            )
        for share, rows in read_rows(model, given, labels, self.layer, self.batch):
            value = blank(labels if rows is None else rows.labels)
            settings = (yield Step(value, done=READ * share, total=TOTAL)) or settings
        yield from steered(settings, Critic(rows).answers)
