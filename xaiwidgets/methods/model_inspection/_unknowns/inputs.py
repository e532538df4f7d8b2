"""What a search is given, once it is known to fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.unknown_unknowns import UnknownUnknowns

LABELS, ANSWERS = "labels", "answers"
"""Who tells whether the network is right: the images' labels, or the answers that were given."""


def refuse_without_labels(images: ImageSet) -> None:
    """Raise where the labels are to answer and there are none."""
    if images.labels is None:
        raise XaiwidgetsError(
            "The images have no labels, so that nobody can tell whether an answer is right; give "
            f"xw.data.ImageSet(images, labels), or choose oracle={ANSWERS!r} and answer yourself."
        )


def refuse_decisions(settings: "UnknownUnknowns", count: int) -> None:
    """Raise for answers about images that are not there, or that contradict each other."""
    outside = [image for image in (*settings.right, *settings.wrong) if image >= count]
    if outside:
        raise XaiwidgetsError(f"An answer about image {outside[0]} was given; there are {count:,} images, from 0 on.")
    both = sorted(set(settings.right) & set(settings.wrong))
    if both:
        raise XaiwidgetsError(f"Image {both[0]} was said to be answered both rightly and wrongly; take one away.")


def refuse_budget(settings: "UnknownUnknowns", confidence: Tensor, places: Sequence[int] | Tensor) -> None:
    """Raise where no image is answered with confidence, or fewer are than may be asked for."""
    tau = settings.threshold
    if not len(places):
        raise XaiwidgetsError(
            f"No image is answered with a confidence of at least threshold={tau:g}; the largest confidence is "
            f"{float(confidence.max()):.4g}: lower threshold."
        )
    if settings.budget > len(places):
        raise XaiwidgetsError(
            f"budget={settings.budget:,} was given, but only {len(places):,} images are answered with a confidence of "
            f"at least {tau:g}; lower budget or threshold, or give more images."
        )
