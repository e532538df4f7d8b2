"""The first images of a dissection, from which provisional thresholds come."""

from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods.feature_analysis._dissection.tally import Labels

_IMAGES = 64
_MOST_KEPT = 1 << 26  # numbers


class Looked(NamedTuple):
    """A batch as the network sees it, and its labels; ``asked`` are the ids that were to be read."""

    asked: Int[Tensor, "asked"]
    activation: Float[Tensor, "image unit position"]
    largest: Float[Tensor, "image unit"]
    labels: Labels
    skipped: tuple[str, ...]

    @property
    def ids(self) -> Int[Tensor, "image"]:
        """The ids of the images that could be read."""
        return self.labels.ids


@dataclass(frozen=True, eq=False)
class Pilot:
    """Keeps the first batches, to count them again whenever thresholds are found anew.

    That is when the number of images has doubled, up to 64 (fewer where an image has many activations). ``anew`` says
    that it has with the last batch.
    """

    kept: tuple[Looked, ...] = ()
    due: int = 1
    full: bool = False
    anew: bool = False

    def after(self, looked: Looked) -> "Pilot":
        """With another batch."""
        if self.full:
            return Pilot(full=True)
        kept = (*self.kept, looked)
        count = sum(len(batch.ids) for batch in kept)
        if count < self.due:
            return Pilot(kept, self.due)
        most = max(1, min(_IMAGES, _MOST_KEPT // looked.activation[0].numel()))
        return Pilot(kept, 2 * count, full=count >= most, anew=True)
