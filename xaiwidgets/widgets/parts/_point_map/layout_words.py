"""What a layout shows and what it does not, in words below the map."""

from html import escape

from xaiwidgets.methods._plane import Kept
from xaiwidgets.methods._tsne import PCA, Layout


def layout_words(layout: Layout | None, progress: float, other: Kept | None, noun: str, failed: str = "") -> str:
    """How far the layout is, and how much of the neighbourhoods it keeps beside the ``other`` one and chance."""
    if failed:
        return escape(failed)
    if layout is None:
        return "Looking for places."
    parts = [_method(layout, progress), _kept(layout, other, noun), _sampled(layout, noun)]
    return " ".join(part for part in parts if part)


def _method(layout: Layout, progress: float) -> str:
    if layout.method == PCA:
        return "The two axes of largest variance."
    done = "t-SNE" if progress >= 1 else f"t-SNE, {progress:.0%} done"
    return f"{done}: who is near whom; far distances, axes and the sizes of groups mean nothing."


def _kept(layout: Layout, other: Kept | None, noun: str) -> str:
    kept = layout.kept
    if kept is None:
        return ""
    beside = f"{other.share:.0%} by {'t-SNE' if layout.method == PCA else PCA}, " if other else ""
    return (
        f"Of the {kept.neighbors} {noun}s nearest to each by the features, {kept.share:.0%} are among its "
        f"{kept.neighbors} nearest on the map ({beside}{kept.chance:.1%} by chance); "
        f"trustworthiness {kept.trustworthiness:.2f} of 1."
    )


def _sampled(layout: Layout, noun: str) -> str:
    count = len(layout.places)
    if layout.sampled == count:
        return ""
    return (
        f"{layout.sampled:,} of {count:,} {noun}s, drawn at random, were laid out; each other one stands between the "
        "three of them that are nearest to it."
    )
