"""How far the neighbours support a prediction, in words."""

from collections.abc import Sequence
from html import escape

from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.widgets.case._nearest.asked import TEST, Asked

_LITTLE = 0.1


def support_in_words(value: Neighbors, asked: Asked, names: Sequence[str]) -> str:
    """What was counted, what it is worth, and how well that is known to work."""
    if not value.indices.shape[2] or not len(value.predictions):
        return "Looking for neighbours."
    said = [_counted(value, names), _credible(value, asked, names), _checked(value), escape(value.reason)]
    return "<br>".join(filter(None, said))


def _counted(value: Neighbors, names: Sequence[str]) -> str:
    total, predicted = len(value.layers) * value.k, int(value.predictions[0])
    shares = value.label_shares[0]
    order = [label for label in shares.argsort(descending=True, stable=True).tolist() if shares[label] > 0]
    counts = [f"{round(float(shares[label]) * total):,} {escape(names[label])}" for label in order[:4]]
    more = " and others" if len(order) > len(counts) else ""
    where = "" if len(value.layers) == 1 else f" in {len(value.layers)} layers"
    return (
        f"<b>{float(value.conformity[0]):.0%} of the neighbours{where} are {escape(names[predicted])}</b>, the "
        f"prediction: of {total:,}, {', '.join(counts)}{more}."
    )


def _credible(value: Neighbors, asked: Asked, names: Sequence[str]) -> str:
    if not value.calibrated:
        return ""
    credibility, supported = float(value.credibility[0]), int(value.supported[0])
    said = (
        f"Credibility <b>{credibility:.2f}</b>: about {credibility:.0%} of {value.calibrated:,} unseen images are "
        f"supported no better by their neighbours than {escape(names[supported])} is here."
    )
    if credibility < _LITTLE:
        said += " <b>Little in the training data is like this.</b>"
    if supported != int(value.predictions[0]):
        said += f" The neighbours favour {escape(names[supported])}."
    if asked.kind == TEST:
        said += " This image may be among them, which adds one."
    return said


def _checked(value: Neighbors) -> str:
    if value.conformity_auroc != value.conformity_auroc:
        return ""
    said = f"On these images conformity tells right answers from wrong ones with AUROC {value.conformity_auroc:.2f}"
    if value.softmax_auroc == value.softmax_auroc:
        said += f", softmax with {value.softmax_auroc:.2f}"
    return f"{said} (0.5 is a coin, 1 never errs)."
