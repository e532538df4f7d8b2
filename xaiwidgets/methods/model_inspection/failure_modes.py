"""Failure modes: when a network is wrong, told in words that hold for images it was not told from."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._failures.modes import CONFUSIONS
from xaiwidgets.methods.model_inspection._failures.result import SpecificationSheet
from xaiwidgets.methods.model_inspection._failures.run import Looking
from xaiwidgets.models import ImageModel, as_image_model

# How far a run is when all images are read, when their attributes are known, and at its end.
_READ, _PREPARED, _TOTAL = 45.0, 50.0, 100.0


@dataclass(frozen=True, eq=False)
class FailureModes(Method):
    """Sort the errors of a network into groups, and tell for each by a readable rule when it occurs.

    Bansal, Farhadi and Parikh (2014, "Towards Transparent Systems: Semantic Characterization of Failure Modes") make
    such a specification sheet, in which a face recogniser may say that it is likely to fail on blurred images. The
    images are cut into two halves at random, each with half of the errors. On the first the errors are sorted into
    ``clusters`` groups, by k-means in the features of ``layer`` ("head" is the input of the last linear layer, any
    other dotted path a layer's output averaged over positions), or as the most frequent confusions of two classes.
    For each group a rule is sought that covers its errors and not the right answers: at most ``conditions`` conditions
    on the predicted class, the runner-up, the class whose mean features are nearest, the distance to them, the
    confidence, its margin, and what the picture looks like (brightness, contrast, filled share, sharpness, see
    `picture_numbers`), or on ``attributes`` that are given. The rule with the largest F_β is taken; errors of other
    groups count neither for it nor against it.

    The claim is made by the second half, on which nothing was sought: how often the answers under a rule are wrong,
    with its 95 % interval (Wilson), beside the share of errors overall and among as many answers of the least
    confidence. ``null`` times the whole search is made for errors dealt out at random: the null level.

    Called with a model and labelled images it yields a `SpecificationSheet`: the errors while images are read, then
    groups, one rule after another, and the null level. Its ``flags`` says which other images fall under a rule. A
    network without errors gives a sheet without groups. Changed live settings start the search anew; images are read
    once.

    Departures: the paper sorts errors in the space of attributes, by sparse logistic regression, and asks people for
    the attributes; here groups are made in the network's own features, and a beam search finds the rules. The halves
    are cut at random, so that near copies of an image in both flatter every rule. Raises `XaiwidgetsError` for images
    without labels or with labels that the network does not know, fewer images than groups, a network that is wrong
    always, or that does not give one number for each of several classes, and images that it cannot look at.
    """

    layer: str = setting(
        "head", help="'head', or the dotted path of the layer whose features sort the errors", hidden=True
    )
    _: KW_ONLY
    clusters: int = setting(
        4, low=1, high=12, live=True, label="Groups", help="how many groups the errors are sorted into"
    )
    groups: str = setting(
        "features",
        choices=("features", CONFUSIONS),
        live=True,
        label="Sorted by",
        help="errors with similar features, or the most frequent confusions of one class with another",
    )
    conditions: int = setting(3, low=1, high=5, live=True, help="how many conditions a rule has at most")
    beta: float = setting(
        1.0,
        low=0.125,
        high=4,
        log=True,
        live=True,
        label="Reach β",
        help="how much covering all errors of a group counts beside covering nothing else; 1 weighs both alike",
    )
    words: str = setting(
        "all",
        choices=("all", "without confidence"),
        live=True,
        label="Rules speak of",
        help="all attributes, or all but the network's confidence and its margin",
    )
    null: int = setting(
        19,
        low=0,
        high=999,
        label="Random runs",
        help="how often errors are dealt out at random to compare with",
        advanced=True,
    )
    attributes: Tensor | None = setting(  # noqa: RUF009 - it makes a field
        None, help="numbers (image, attribute) that rules may speak of too", hidden=True
    )
    attribute_names: str = setting("", help="their names, with commas between", hidden=True)
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the halves, the groups and the random runs")

    def __call__(
        self, model: ImageModel | nn.Module, images: ImageSet | Float[Tensor, "image channel height width"]
    ) -> Steps[SpecificationSheet]:
        """Yield the sheet so far: after each batch of images, each sorting, each rule, and each random run."""
        settings, run = self, Looking(self, as_image_model(model), images)
        done = 0.0
        for sheet in run.read(settings.clusters):
            done = _READ * sheet.seen / sheet.images
            settings = (yield Step(sheet, done, _TOTAL)) or settings
        for sheet, share in run.prepare(settings.clusters):
            done = _READ + (_PREPARED - _READ) * share
            settings = (yield Step(sheet, done, _TOTAL)) or settings
        finding, begun = run.find(settings), done
        while (found := next(finding, None)) is not None:
            sheet, share = found
            done = _TOTAL if share == 1 else begun + (_TOTAL - begun) * share
            newer = yield Step(sheet, done, _TOTAL)
            if newer is not None and settings.difference(newer):
                # What is left of the progress is that of the new search, so that it never stands still.
                settings, finding, begun = newer, run.find(newer), done
