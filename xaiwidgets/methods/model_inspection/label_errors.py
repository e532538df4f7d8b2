"""Label errors: which labels of a training set are most likely wrong."""

from collections.abc import Generator, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from torch import nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.methods.model_inspection._label_errors.result import SuspectedLabels
from xaiwidgets.methods.model_inspection._label_errors.rows import Rows, given_rows, labelled, read_rows
from xaiwidgets.methods.model_inspection._label_errors.run import READ, TOTAL, at_first, compare, leave_out
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class LabelErrors(Method):
    """Rank the labels of a training set by how suspicious they are.

    Koh and Liang (2017), "Understanding Black-box Predictions via Influence Functions", section 5.4, rank by the
    self-influence g_iᵀ H⁻¹ g_i / N of each example; that is one of five scores of `SuspectedLabels`, higher for more
    suspicious: the loss of each example at the parameters without it (by one Newton step, as in `InfluenceFunctions`),
    the share of its nearest examples with another label (Wilson 1972), its plain loss and its self-influence. The
    default ranking is by the mean of the ranks of the first two. ``recall`` says how well each ranking finds wrong
    labels where the true ones are known.

    The head (softmax regression with λ/2 |θ|²) and its ``layer`` are those of `InfluenceFunctions`; neighbours are
    nearest by the cosine between the same features, without the column of ones. A larger ``damping`` fits wrong labels
    less: on features of a network 1e-1 and 1e-2 find most, on pixels 1e-2 and 1e-3 (the benchmark prints it).

    Called with a model and labelled images, or with ``None`` and (features, labels): Float (row, feature) and whole
    numbers (row,), to which no intercept is added. Yields a `SuspectedLabels`, first by the network's own loss while
    features are read.

    Mind what the network has learnt: one that was trained on the wrong labels until it knew them by heart has a small
    loss on them; then ``disagreement`` finds more than all else, and a damping of 1e-1 more than 1e-2. Departures: the
    paper ranks by self-influence alone. Raises `XaiwidgetsError` for images without labels, labels of a single class or
    out of range, and as many neighbours as there are examples, besides what `InfluenceFunctions` raises.
    """

    layer: str = setting("head", help="'head', or the dotted path of a layer to fit a head on", hidden=True)
    _: KW_ONLY
    neighbors: int = setting(20, low=1, high=1000, log=True, help="nearest images whose labels are compared")
    damping: float = setting(
        1e-2, low=1e-6, high=1.0, log=True, live=True, label="Damping λ", help="weight of λ/2 |θ|² in the objective"
    )
    batch: int = setting(64, low=1, high=4096, log=True, help="images that are read at once", advanced=True)

    def __call__(self, model: ImageModel | nn.Module | None, train: Any) -> Steps[SuspectedLabels]:
        """Yield ever better answers; a change of the damping fits the head anew."""
        settings, rows, answer = self, None, None
        for share, rows in self._read(model, train):
            answer = at_first(settings, rows)
            settings = (yield Step(answer, READ * share, TOTAL)) or settings
        for step in compare(settings, rows, answer):
            answer = step.value
            settings = (yield step) or settings
        yield from self._steered(settings, rows, answer)

    def _steered(
        self, settings: Self, rows: Rows, answer: SuspectedLabels
    ) -> Generator[Step[SuspectedLabels], Self | None, None]:
        """Fit and leave out, anew for another damping; what is done never falls."""
        done, steps = 0.0, leave_out(settings, rows, answer)
        while (step := next(steps, None)) is not None:
            done = max(done, step.done)
            newer = yield Step(step.value, done, step.total)
            if newer is not None and newer.damping != settings.damping:
                settings, steps = newer, leave_out(newer, rows, step.value)

    def _read(self, model: Any, train: Any) -> Iterator[tuple[float, Rows]]:
        """Yield the share that is read and the rows so far."""
        if model is None:
            yield 1.0, given_rows(train, self.neighbors)
            return
        model = as_image_model(model)
        images = labelled(train, model)
        yield from read_rows(model, images, self.layer, self.neighbors, self.batch)
