"""What a dissection has looked at, so that it can be continued and put together with others."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis._dissection.pilot import Looked, Pilot
from xaiwidgets.methods.feature_analysis._dissection.quantiles import Histogram

KEY = (
    "network",
    "size of images",
    "layer",
    "training",
    "rotation",
    "seed",
    "upsampling",
    "number of top images",
    "number of units",
    "concepts",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """By id, whether an image's activations were measured and whether its masks were counted.

    ``key`` says what the counts belong to, ``origin`` which set the ids are places of; ``histogram`` is None where
    thresholds were given. ``pilot`` is where provisional
    thresholds come from. ``others`` is how far parts of other sets came that were put together with this one.
    """

    key: tuple[object, ...]
    origin: object
    histogram: Histogram | None
    measured: Bool[Tensor, "id"]
    counted: Bool[Tensor, "id"]
    pilot: Pilot = field(default_factory=Pilot)
    skipped: tuple[str, ...] = ()
    others: tuple["Progress", ...] = ()

    @staticmethod
    def none(key: tuple[object, ...], histogram: Histogram | None, concepts: ConceptSet) -> "Progress":
        """Nothing looked at yet."""
        flags = torch.zeros(concepts.origin_size, dtype=torch.bool)
        return Progress(key=key, origin=concepts.origin, histogram=histogram, measured=flags, counted=flags)

    def after(self, what: str, looked: Looked) -> "Progress":
        """With a batch ``measured`` or ``counted``; images that could not be read are done with too."""
        flags = getattr(self, what).index_fill(0, looked.asked, value=True)
        return replace(self, **{what: flags}, skipped=tuple(dict.fromkeys((*self.skipped, *looked.skipped))))

    def uncounted(self) -> "Progress":
        """The same measurements with nothing counted."""
        others = tuple(other.uncounted() for other in self.others)
        return replace(self, counted=torch.zeros_like(self.counted), others=others)

    def continued(self, fresh: "Progress", ids: Int[Tensor, "image"]) -> "Progress":
        """What a run over these images that would begin as ``fresh`` goes on from; raises where it is another's."""
        if self.key != fresh.key or self.origin is not fresh.origin:
            what = ", ".join(self._differences(fresh)) or "set of images"
            raise XaiwidgetsError(
                f"start= is a result of another {what}; leave it out, or give a result of the same network, layer, "
                "basis and set of concepts."
            )
        outside = self.measured | self.counted
        outside[ids] = False
        if bool(outside.any()):
            raise XaiwidgetsError(
                f"start= has image {int(outside.nonzero()[0, 0])}, which is not in this part of the set; give a result "
                "of this part, or merge the two."
            )
        return self

    def merge(self, other: "Progress") -> "Progress":
        """Both parts; raises where they do not belong together, or share an image."""
        if self.key != other.key:
            raise XaiwidgetsError(
                f"The two results differ in {', '.join(self._differences(other))}; merge parts that were dissected "
                "alike."
            )
        parts = {part.origin: part for part in (self, *self.others)}
        for part in (other, *other.others):
            known = parts.get(part.origin)
            parts[part.origin] = part if known is None else known.joined(part)
        histograms = (self.histogram, other.histogram)
        first, *others = parts.values()
        return replace(
            first,
            histogram=None if None in histograms else self.histogram.merge(other.histogram),
            skipped=tuple(dict.fromkeys((*self.skipped, *other.skipped))),
            others=tuple(replace(part, histogram=None, others=()) for part in others),
        )

    def joined(self, other: "Progress") -> "Progress":
        """Both parts of one set; raises where they share an image."""
        for what in ("measured", "counted"):
            both = getattr(self, what) & getattr(other, what)
            if bool(both.any()):
                image = int(both.nonzero()[0, 0])
                raise XaiwidgetsError(f"Image {image} was {what} in both parts; merge parts that share no image.")
        return replace(self, measured=self.measured | other.measured, counted=self.counted | other.counted)

    def _differences(self, other: "Progress") -> list[str]:
        return [name for name, one, two in zip(KEY, self.key, other.key, strict=True) if one != two]
