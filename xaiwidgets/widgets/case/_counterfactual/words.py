"""What a search found, in words."""

from collections.abc import Sequence
from html import escape

from xaiwidgets.methods.case._counterfactual.result import NEAREST, SIGN, Counterfactuals
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.words import class_name

_ODD = 0.05  # plausibility below which something looks like hardly any real example


def in_words(value: Counterfactuals, names: Sequence[str] | None) -> str:
    """Whether it is valid, how far, how much changed, and whether it looks like anything real."""
    target = escape(class_name(value.target, names))
    if value.already:
        return f"The image is answered with <b>{target}</b> already, so that nothing is to change."
    if value.distance.isnan().any():
        return f"Reading what is usual among training images ({escape(value.stage)})."
    if not value.found:
        nearest = float(value.probability[value.best])
        ended = "Nothing found" if value.stage == "done" else "Nothing found yet"
        return (
            f"<b>{ended}.</b> Tried: {value.tried}. The nearest approach gives {target} a probability of {nearest:.2f}."
            "<br>Try more steps, another class, a larger region, or components instead of features."
        )
    return "<br>".join([_found(value, target), _table(value, target), _doubt(value, target)])


def sentence_of(value: Counterfactuals, cell: int, names: Sequence[str] | None) -> str:
    """A chosen start in a sentence."""
    if cell < 0 or value.distance.isnan().any():
        return ""
    target = class_name(value.target, names)
    reached = "answered with" if bool(value.valid[cell]) else "not yet answered with"
    return (
        f"start {cell + 1}: {reached} {target} (p {float(value.probability[cell]):.2f}), "
        f"{float(value.distance[cell]):,.1f} MADs away, {int(value.changed[cell]):,} numbers changed, plausibility "
        f"{100 * float(value.plausibility[cell]):.0f} %"
    )


def _found(value: Counterfactuals, target: str) -> str:
    best, reached = value.best, int(value.valid.sum())
    numbers = value.query.numel()
    return (
        f"<b>Valid:</b> with {int(value.changed[best]):,} of {numbers:,} numbers changed, by "
        f"{float(value.distance[best]):,.1f} median absolute deviations in all, the answer is <b>{target}</b> "
        f"(p {float(value.probability[best]):.2f}). {reached} of {len(value.valid)} starts got there; {value.tried}."
    )


def _table(value: Counterfactuals, target: str) -> str:
    best, other = value.best, zip(value.other_plausibility, value.other_distance, strict=True)
    known = [(float(share), float(distance)) for share, distance in other]
    rows = [("this counterfactual", float(value.plausibility[best]), float(value.distance[best]))]
    rows.append(("along the gradient's sign", *known[SIGN]))
    if value.nearest >= 0:
        rows.append(("the nearest real one", *known[NEAREST]))
    cells = [(name, f"{100 * share:.0f} %, {distance:,.0f} MADs") for name, share, distance in rows]
    cells.append(("the image itself", f"{100 * value.query_plausibility:.0f} %"))
    title = f"Does it look like {target}? Share of real ones that are at least as far from their nearest (usual: 50 %)"
    return fact_table(cells, title)


def _doubt(value: Counterfactuals, target: str) -> str:
    share = float(value.plausibility[value.best])
    if share >= _ODD:
        return (
            f"In the layer's features it is no farther from real images of {target} than {100 * share:.0f} % of these "
            "are from one another."
        )
    return (
        f"<b>Hardly any real image of {target} is as remote</b>: it may be an adversarial perturbation, which says "
        "more of the network than of the image. Components instead of features, or a margin, ask for more."
    )
