"""Compositional labels: what a unit detects as a formula of concepts."""

from dataclasses import KW_ONLY, dataclass

from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ConceptSet, as_concept_set
from xaiwidgets.methods.feature_analysis._composition.result import Composition
from xaiwidgets.methods.feature_analysis._composition.run import Composing
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class CompositionalLabels(Method):
    """Label units by formulas of concepts, such as "(water OR grass) AND NOT red".

    Mu and Andreas (2020) seek among formulas L_F of up to N concepts the one whose mask is most like the unit's mask M:
    IoU(M, L_F) = Σ|M ∩ L_F| / Σ|M ∪ L_F|, summed over all images. As in network dissection M = up(a) > T, with
    P(a > T) = ``quantile`` over all positions. A beam search keeps the best formulas f of each unit and joins each with
    every concept c: f AND c, f OR c, f AND NOT c. N is ``length``.

    A first pass over the images finds thresholds, and one for each length counts |f ∩ c| and |M ∩ f ∩ c|, from which
    the overlaps of all three follow by inclusion and exclusion. Nothing is kept of an image but counts, so that memory
    does not grow with the set. Called with a model and a set of concepts it yields a `Composition` after every batch:
    during the first pass single concepts under thresholds of the first 64 images, marked as provisional, later the best
    formulas by the images counted so far. Of equal ones the shorter is taken, then the one whose concepts come first.

    Longer formulas fit any mask better, a meaningless one too. ``chance`` makes the same search for each unit's masks
    laid over the image that follows, whose labels they cannot know: what this gains by more concepts is what chance
    does. Masks keep their shape and place, so that it holds what is explained by where things are in all images;
    neighbours that are alike, as in a set ordered by scene, raise it.

    Departures: the paper keeps all masks in memory, and knows no chance level. Formulas that cover equally many pixels,
    inside of the mask and outside, count as one, so that a beam is not filled with one formula in other words.
    Quantiles come from a histogram, see `Histogram`; upsampling is bilinear between the middles of receptive fields.
    Raises `XaiwidgetsError` for a layer or unit that is not there, a layer without a grid, images that the network
    cannot look at, thresholds that are not one for each unit, and broken files (unless the set skips them).
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    units: tuple[int, ...] = setting((), low=0, help="units of the layer; none means all of them", hidden=True)
    _: KW_ONLY
    length: int = setting(3, low=1, high=10, help="how many concepts a formula has at most")
    beam: int = setting(5, low=1, high=1000, log=True, help="how many formulas are kept for each unit and made longer")
    quantile: float = setting(
        0.005, low=1e-4, high=0.5, log=True, help="share of positions at which a unit's mask is on"
    )
    thresholds: Tensor | None = setting(  # noqa: RUF009 - it makes a field
        None, help="threshold of each of units, in the layer's own units; given ones skip the first pass", hidden=True
    )
    upsampling: str = setting(
        "receptive_field",
        choices=("receptive_field", "plain"),
        help="where a position stands: in the middle of its receptive field, or evenly divided",
    )
    chance: bool = setting(True, help="search for masks laid over other images too, to know what chance gives")
    top: int = setting(6, low=1, high=64, log=True, label="Top images", help="images that are kept for each unit")

    def __call__(self, model: ImageModel | nn.Module, concepts: ConceptSet) -> Steps[Composition]:
        """Yield the best formulas so far after every batch."""
        run = Composing(self, as_image_model(model), as_concept_set(concepts))
        for _ in run.steps():
            yield Step(run.value, done=run.done, total=run.total)
