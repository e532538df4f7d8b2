"""Unknown unknowns: where a network is sure of itself and wrong, found with few questions."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._unknowns.inputs import ANSWERS, LABELS
from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.methods.model_inspection._unknowns.run import TOTAL, Exploring
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class UnknownUnknowns(Method):
    """Search for answers that a network is sure of and that are wrong, asking for as few true classes as possible.

    So Lakkaraju, Kamar, Caruana and Horvitz (2017, "Identifying Unknown Unknowns in the Open World: Representations and
    Policies for Guided Exploration", AAAI) do it in two phases. First (descriptive space partitioning) the images whose
    confidence, the largest probability, is at least ``threshold`` (τ) are sorted into ``partitions`` that are alike in
    features and confidence. Then (the bandit for unknown unknowns, UUB) each partition is an arm: each is asked once,
    and then at time t the one with the largest

        ū_t(i) + b_t(i),   ū_t(i) = 1/N_t(i) Σ_j ϑ_j,t u(x_j),   b_t(i) = √(2 log Σ_k N_t(k) / N_t(i)),

    with N_t(i) = Σ_j ϑ_j,t over the queries j of the arm i. Images that were asked about are gone from an arm, so that
    its reward changes while it shrinks: the discount ϑ_j,t is the number of images that the arm has left at t by the
    number that it had left after query j. The utility of a query is u(x) = 1 − γ where the answer turns out to be wrong
    and −γ where it is right; γ is ``cost``. Within an arm an image is drawn at random. ``budget`` queries are made.

    ``oracle`` "labels": a label is looked at when it is asked for, and the search knows no other. Beside it, with the
    same budget and each with queries of its own, go a search at random, the least confident first, UCB1 (Auer et al.
    2002) and ε-greedy over the same partitions; how many a random search finds is told from all labels
    (hypergeometric). "answers": ``right`` and ``wrong`` are the images that somebody has judged; the run ends at the
    first one that is not judged, which the result names in ``asking``.

    Called with a model and images it yields a `GuidedExploration`: the confident answers while images are read, then
    after each query. Since γ is the same for all queries it shifts all means alike and changes no choice.

    Departures: the paper looks at one critical class and covers the images greedily with readable patterns, whose five
    weights are tuned on held-out images; here all answers are looked at, they are the first partitions (where there are
    not more than partitions), and greedily the partition with the largest sum of squares in the standardised features
    of ``layer`` and the confidence is cut in two by 2-means. ``exploration`` (c) multiplies b, which is the paper's at
    1: where wrong answers are rare that asks all partitions almost alike, and 0.1 finds more. An arm without images
    left is not chosen. Raises `XaiwidgetsError` for images without labels (where these are to answer) or with labels
    that the network does not know, a budget larger than the number of confident images, no confident image, answers
    that contradict each other, a network that does not give one number for each of several classes, and images that it
    cannot look at.
    """

    layer: str = setting(
        "head", help="'head', or the dotted path of the layer whose features make the partitions", hidden=True
    )
    _: KW_ONLY
    budget: int = setting(100, low=1, high=10_000, log=True, help="how many images are asked about", unit="queries")
    threshold: float = setting(
        0.65, low=0, high=1, label="Confident from τ", help="the smallest confidence of an answer that counts as sure"
    )
    partitions: int = setting(20, low=1, high=200, log=True, help="how many partitions the search chooses from")
    exploration: float = setting(
        0.1,
        low=0,
        high=2,
        live=True,
        help="how much a partition's uncertainty counts beside what it gave: 1 is the paper's, 0 only looks back",
    )
    cost: float = setting(
        0.2,
        low=0,
        high=1,
        live=True,
        label="Cost γ",
        help="what a query costs, in wrong answers found; no choice depends on it",
    )
    weight: float = setting(
        1.0,
        low=0,
        high=10,
        label="Weight of confidence",
        help="how much the confidence counts in the partitions, beside all features together",
        advanced=True,
    )
    epsilon: float = setting(0.1, low=0, high=1, label="ε", help="the share of random arms of ε-greedy", advanced=True)
    oracle: str = setting(
        LABELS, choices=(LABELS, ANSWERS), hidden=True, help="who tells what is wrong: the labels, or given answers"
    )
    right: tuple[int, ...] = setting((), low=0, hidden=True, help="images that somebody found to be answered rightly")
    wrong: tuple[int, ...] = setting((), low=0, hidden=True, help="images that somebody found to be answered wrongly")
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the partitions and the draws")

    def __call__(
        self, model: ImageModel | nn.Module, images: ImageSet | Float[Tensor, "image channel height width"]
    ) -> Steps[GuidedExploration]:
        """Yield after each batch of images, each cut, and each query."""
        run = Exploring(self, as_image_model(model), images)
        for done in run.steps():
            run.now = (yield Step(run.value(), done, TOTAL)) or run.now
