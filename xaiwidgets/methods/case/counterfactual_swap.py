"""Region swaps: which parts of another image would change a prediction."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import nn

from xaiwidgets.core import Method, Steps, setting
from xaiwidgets.methods.case._counterfactual_swap.inputs import read_given
from xaiwidgets.methods.case._counterfactual_swap.result import RegionSwaps
from xaiwidgets.methods.case._counterfactual_swap.run import Swapping
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class CounterfactualSwap(Method):
    """Replace cells of one image's map by cells of another's until the other's class is predicted.

    Goyal, Wu, Ernst, Batra, Parikh and Lee (2019), "Counterfactual Visual Explanations", section 3.1, the greedy
    sequential exhaustive search: of all pairs of a cell of the query's map and one of the distractor's, the swap after
    which the distractor's class has the highest log probability is made, and so on, each cell used once, until that
    class is predicted. Few edits mean that a small part tells the two apart.

    Called with a model, the ``query`` (one image) and ``images``, the distractors, it yields `RegionSwaps`. Distractors
    are the first ``distractors`` images that are answered with ``target`` (None: as the first image that is not
    answered as the query); the one with the fewest edits is shown. ``layer`` is one with a map of h×w cells; all
    (hw)² swaps of a step go through the rest of the network as one batch, in parts. Where that rest adds its cells up
    before a last linear layer (as an average over positions does), which is tried with random swaps, 2 hw passes tell
    all of them, and a step is one table; ``sums`` False does without. The number of edits that random swaps take stands
    beside. Not to flip within ``edits`` is an answer: ``flipped`` is False.

    Departures: the paper swaps in the last convolution's map of networks of which it knows the rest; here any layer
    with a map will do, and how far the pixels below a cell stand for it is left to the eye. Raises `XaiwidgetsError`
    for a layer without a map, for images of another size than the query's, a target that is out of range or the
    query's own class, and where no image is answered with the target.
    """

    layer: str = setting(help="dotted path of a layer with a map of cells", hidden=True)
    _: KW_ONLY
    target: int | None = setting(None, help="class of the distractors; None for the first one's", hidden=True)
    edits: int = setting(20, low=1, high=200, log=True, help="swaps that are made at most")
    distractors: int = setting(4, low=1, high=64, log=True, help="images that are tried, of which the best is shown")
    orders: int = setting(16, low=1, high=256, log=True, advanced=True, help="random orders of random swaps to compare")
    sums: bool = setting(True, advanced=True, help="use that the rest of the network adds cells up, where it does")
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the random swaps")

    def __call__(self, model: ImageModel | nn.Module, query: Any, images: Any) -> Steps[RegionSwaps]:
        """Yield the swaps so far after each edit."""
        model = as_image_model(model)
        model.layer(self.layer)
        given = read_given(model, query, images, self.target, self.distractors)
        yield from Swapping(self, model, given).steps()
