"""What is said of parts."""

from html import escape

from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.words import class_name

_EQUAL = 1e-9  # d² of a prototype that is a real patch


def note_of(value: LearnedParts, prototype: int) -> str:
    """What stands below a part: its weight for its class, or how far it is from the patch that is shown for it."""
    distance = float(value.distances[prototype])
    if distance > _EQUAL:
        return f"d² {distance:.2f}"
    return minus(f"× {float(value.weights[prototype, int(value.classes[prototype])]):.2f}")


def sentence_of(value: LearnedParts, prototype: int, names: list[str]) -> str:
    """A part in a sentence."""
    if int(value.images[prototype]) < 0:
        return ""
    top, left, bottom, right = value.boxes[prototype].tolist()
    label, distance = int(value.classes[prototype]), float(value.distances[prototype])
    weights = value.weights[prototype]
    other = int(weights.index_fill(0, weights.new_tensor([label]).long(), -float("inf")).argmax())
    kind = "a real part" if distance <= _EQUAL else f"the part nearest to it, d² {distance:.2f}"
    said = (
        f"part of {class_name(label, names)}: {kind} of training image {int(value.images[prototype]):,}, rows {top} to "
        f"{bottom - 1}, columns {left} to {right - 1} · weight {float(weights[label]):.2f}, the largest for another "
        f"class {float(weights[other]):.2f} ({class_name(other, names)})"
    )
    return minus(said.replace("-0.00", "0.00"))


def in_words(value: LearnedParts, shown: int) -> str:
    """What can be checked: accuracies on held-out images, how real the parts are, what the shown pairs carry."""
    known = value.accuracy
    if known.now != known.now:
        return f"{escape(value.stage).capitalize()} …"
    rows = [
        (name, _percent(share))
        for name, share in (
            ("parts, now", known.now),
            ("network itself", known.own),
            ("before projection", known.trained),
            ("projected", known.projected),
            ("random patches", known.by_chance),
        )
        if share == share  # noqa: PLR0124 - NaN is not itself
    ]
    table = fact_table(rows, f"Right of {len(value.labels):,} held-out images")
    return "<br>".join(filter(None, [table, _gap(value), _reality(value), _carried(value, shown)]))


def minus(text: str) -> str:
    """Numbers with a real minus sign."""
    return text.replace("-", "−")


def _gap(value: LearnedParts) -> str:
    """What is lost, or won, by answering with parts alone."""
    gap = 100 * (value.accuracy.now - value.accuracy.own)
    if gap != gap:  # noqa: PLR0124 - NaN is not itself
        return ""
    return f"With parts alone <b>{abs(gap):.1f} points {'less' if gap < 0 else 'more'}</b> than the network itself."


def _reality(value: LearnedParts) -> str:
    real = int((value.distances <= _EQUAL).sum())
    places = list(zip(value.images.tolist(), map(tuple, value.cells.tolist()), strict=True))
    distinct = f"{len(set(places)):,} of them different"
    if real == len(places):
        return f"All {real:,} prototypes are real training parts (distance 0), {distinct}."
    return (
        "Prototypes are on the move: the nearest training part is shown for each, and they are put on it at the next "
        "projection."
    )


def _carried(value: LearnedParts, shown: int) -> str:
    """The share of the predicted logit that the pairs with the most points carry, over the held-out images."""
    if bool((value.distances > _EQUAL).any()):
        return ""
    points = value.similarities.double()[:, :, None] * value.weights.double()
    predicted = value.predictions
    own = points[range(len(predicted)), :, predicted]
    most = own.topk(min(shown, own.shape[1]), dim=1).values.sum(1)
    share = float((most / own.sum(1)).median())
    return f"The {shown} pairs with the most points make {100 * share:.0f} % of the predicted class's logit (median)."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
