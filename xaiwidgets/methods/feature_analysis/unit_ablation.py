"""Unit ablation: what a network can do no longer once some of its units are silent."""

from dataclasses import KW_ONLY, dataclass

from torch import nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ConceptSet, as_concept_set
from xaiwidgets.methods.feature_analysis._ablation.result import Ablation
from xaiwidgets.methods.feature_analysis._ablation.run import Ablating
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class UnitAblation(Method):
    """Remove units of a layer, and measure what the network then answers to the images with each concept.

    So Bau, Zhu, Strobelt, Lapedriza, Zhou and Torralba (2020, "Understanding the role of individual units in a deep
    neural network", PNAS) find the units that a class needs: a unit's activation is set to zero at all positions in the
    forward pass, and the accuracy on the images of the class drops. Here the same is measured for the images with any
    concept, beside those without it: the accuracy in [0, 1], and the probability that the network gives to the image's
    true class. An image has a concept where any of its pixels, or the whole image, is labelled with it.

    The true class is that whose name in ``model.class_names`` is a label of the whole image, or of all of its pixels.
    Where no image has such a label it is what the network itself answers before the removal; the result says which.
    Probabilities are the softmax of the network's output, unless its numbers are probabilities already: at least 0,
    with a sum of 1. Each of ``units`` is removed alone, or with ``together`` all of them at once. ``controls`` random
    other units of the layer (or with ``together`` sets of as many) are removed too, to tell what any unit does.

    Called with a model and a set of concepts it yields an `Ablation`, the same one until all removals of a batch of
    images were made; the first, before any batch, counts no image. Nothing is kept of an image but sums and the images
    that are harmed most, so that memory does not grow with the set. The change of every class's probability is kept
    where it takes at most 2²² numbers for all removals.

    Departures: the paper ranks units of a scene classifier by the accuracy of a two-class problem, the class against
    others in balance; here the answer is right where the true class has the largest of all outputs. A module that runs
    several times in one pass is silent each time. Raises `XaiwidgetsError` for a layer or unit that is not there, the
    output itself as the layer, a network that does not give one number for each of several classes, images that it
    cannot look at, broken files (unless the set skips them), and an output that is not a finite number.
    """

    layer: str = setting(help="dotted path of the layer that the units belong to", hidden=True)
    units: tuple[int, ...] = setting((), low=0, help="units to remove; none means all of the layer's", hidden=True)
    _: KW_ONLY
    together: bool = setting(False, help="remove all units at once instead of each alone")
    controls: int = setting(
        8, low=0, high=64, label="Random units", help="other units of the layer that are removed too, to compare with"
    )
    top: int = setting(
        4, low=1, high=64, log=True, label="Harmed images", help="images that are kept for each unit: those harmed most"
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the random units")

    def __call__(self, model: ImageModel | nn.Module, concepts: ConceptSet) -> Steps[Ablation]:
        """Yield after each removal; the answer so far is that of all whole batches."""
        run = Ablating(self, as_image_model(model), as_concept_set(concepts))
        for done in run.steps():
            yield Step(run.value, done=done, total=len(run.concepts))
