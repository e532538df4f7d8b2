"""Set cover: few balls around prototypes that hold most images of their class and few of others."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import nn

from xaiwidgets.core import Method, Step, Steps, XaiwidgetsError, setting
from xaiwidgets.methods.case._prototypes.rows import labels_in, read_rows
from xaiwidgets.methods.case._prototypes.steering import steered
from xaiwidgets.methods.case._set_cover.result import Cover
from xaiwidgets.methods.case._set_cover.run import READ, TOTAL, Coverer, blank
from xaiwidgets.models import ImageModel


@dataclass(frozen=True, eq=False)
class SetCover(Method):
    """Choose prototypes whose balls cover their own class and leave other classes alone.

    Bien and Tibshirani (2011), "Prototype Selection for Interpretable Classification": with the ball B(x) of radius ε
    around each row, minimise the number of rows in no ball of their class, plus the number of rows in balls of other
    classes (each as often as that happens), plus λ for every prototype. Their greedy choice adds the row with the
    largest ΔObj = Δξ − weight · Δη − λ, where Δξ counts the rows of its class in its ball that none covers yet and Δη
    the rows of other classes in it; it ends with ``count`` prototypes, or where no ball has ΔObj > 0. Among equally
    good ones the first is taken. With ``wrong_weight`` 0 and λ 0, a plain set cover, the rows covered are at least
    1 − 1/e of what the best prototypes of the same number cover.

    ``epsilon`` says how large the balls are in a way that means the same for any features: ε is the distance below
    which that share of all pairs of images lie (pairs of at most 1,000, evenly spread over the set), so that at 5 a
    ball holds 5 % of the images on average. The result's ``radius`` is ε itself.

    Called with a model and labelled images, or with ``None`` and (features, labels): Float (row, feature) and whole
    numbers (row,). Yields a `Cover` after every prototype. Departures: a prototype stands for its own class only, where
    the paper may give it any; the weight of wrongly covered rows, which is 1 there. Raises `XaiwidgetsError` for images
    without labels, for more prototypes than rows, a layer that is not there, and features that are no finite numbers.
    """

    layer: str = setting("head", help="'head', or the dotted path of a layer whose features are compared", hidden=True)
    _: KW_ONLY
    epsilon: float = setting(
        5.0,
        low=0.1,
        high=50.0,
        log=True,
        live=True,
        label="Ball size ε",
        unit="% of pairs",
        help="how many of all pairs of images lie closer than the radius of the balls",
    )
    count: int = setting(18, low=1, high=200, log=True, live=True, label="Prototypes", help="balls at most")
    wrong_weight: float = setting(
        1.0,
        low=0.0,
        high=10.0,
        live=True,
        label="Weight of wrong",
        help="how much an image in a ball of another class weighs against one that is newly covered",
    )
    cost: float = setting(
        0.0,
        low=0.0,
        high=100.0,
        live=True,
        advanced=True,
        label="Cost λ",
        unit="images",
        help="how many images a prototype must cover beyond those that it covers wrongly",
    )
    batch: int = setting(64, low=1, high=4096, log=True, help="images that are read at once", advanced=True)
    seed: int = setting(0, low=0, high=2**31 - 1, advanced=True, help="seed of the random rows to compare with")

    def __call__(self, model: ImageModel | nn.Module | None, train: Any) -> Steps[Cover]:
        """Yield ever better answers; live settings change them from then on."""
        settings, rows = self, None
        given, labels = labels_in(model, train)
        if bool((labels < 0).any()):
            raise XaiwidgetsError(
                "The images have no labels, and a ball covers images of its class; give "
                "xw.data.ImageSet(images, labels)."
            )
        if self.count > len(labels):
            raise XaiwidgetsError(f"count={self.count} was given for {len(labels)} examples; give at most as many.")
        for share, rows in read_rows(model, given, labels, self.layer, self.batch):
            value = blank(labels if rows is None else rows.labels)
            settings = (yield Step(value, done=READ * share, total=TOTAL)) or settings
        yield from steered(settings, Coverer(rows).answers)
