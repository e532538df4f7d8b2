"""What the ablation of units finds, so far or in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data._concepts.stores import Concept
from xaiwidgets.methods.feature_analysis._ablation.effects import Effects
from xaiwidgets.methods.feature_analysis._ablation.harmed import Harmed


@dataclass(frozen=True, kw_only=True, eq=False)
class Ablation(Effects):
    """What removing units does to the images with each concept, beside the same for others.

    A row is a removal: ``removed`` are the units that went with it. What `Effects` has is told of the images with each
    of ``concepts``, (name, category); ``without`` tells it of the images without it. ``controls`` and
    ``controls_without`` tell both of the removal of ``control_units``, random other units of the layer.

    ``truth`` is "labels" where the images' labels name their class, of which alone is told then, and "predictions"
    where they do not: then an answer is right where it is the network's own before the removal, so that nothing can be
    gained. ``seen`` images have been looked at; ``counted`` of them are told of. ``class_sum`` is the change of every
    class's probability, summed over the images with a concept, None where that would be too many numbers.
    """

    layer: str
    removed: tuple[tuple[int, ...], ...]
    control_units: tuple[tuple[int, ...], ...]
    concepts: tuple[Concept, ...]
    truth: str
    seen: int
    counted: int
    skipped: tuple[str, ...]
    """What was wrong with the images that were left out, a sentence each."""
    without: Effects
    controls: Effects
    controls_without: Effects
    class_sum: Float[Tensor, "row concept class"] | None
    top: Harmed
    """The images that each removal harms most."""

    @property
    def present(self) -> Int[Tensor, "concept"]:
        """How many images have each concept."""
        return self.images

    @property
    def absent(self) -> Int[Tensor, "concept"]:
        """How many images have it not."""
        return self.without.images

    @property
    def class_change(self) -> Float[Tensor, "row concept class"] | None:
        """The mean change of every class's probability over the images with a concept; sums to 0 over the classes."""
        return None if self.class_sum is None else self.class_sum / self.images.double()[:, None]

    @property
    def p_value(self) -> Float[Tensor, "row concept"]:
        """See `Effects`; NaN where predictions are the truth, since then answers can only be lost."""
        return super().p_value if self.truth == "labels" else torch.full_like(self.change_sum, torch.nan)

    @property
    def as_harmful(self) -> Int[Tensor, "row concept"]:
        """How many of the controls lower the true class's probability at least as much."""
        return (self.controls.score_change[None] <= self.score_change[:, None]).sum(1)

    def place_of(self, name: str, category: str | None = None) -> int:
        """The place of a concept; raises where there is none of this name, or several."""
        found = [
            place for place, known in enumerate(self.concepts) if known[0] == name and category in {None, known[1]}
        ]
        if len(found) != 1:
            what = f"{len(found)} concepts have" if found else "No concept has"
            raise XaiwidgetsError(f"{what} the name {name!r}; see concepts for (name, category), and give both.")
        return found[0]


def ablation(parts: Sequence[Effects], **known: object) -> Ablation:
    """The answer from its effects: of the units with and without each concept, and the same of the controls."""
    with_concept, without, controls, controls_without = parts
    sums = {field.name: getattr(with_concept, field.name) for field in fields(Effects)}
    return Ablation(**sums, without=without, controls=controls, controls_without=controls_without, **known)
