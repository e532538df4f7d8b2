"""What is found without a region, in words."""

from collections.abc import Sequence
from html import escape

from torch import Tensor

from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.widgets.parts.facts import fact_table

_NAMED = 3
_LOW = 0.5
_MINUS = "−"


def count_words(shares: Tensor, neighbors: Tensor, names: Sequence[str]) -> str:
    """How many of the neighbours have which label, the most first: "52 Shirt, 20 Coat, 3 others" of 75."""
    total = neighbors.numel()
    counts = (shares * total).round().long().tolist()
    order = sorted((label for label in range(len(counts)) if counts[label]), key=lambda label: -counts[label])
    said = [f"{counts[label]} {names[label]}" for label in order[:_NAMED]]
    others = sum(counts[label] for label in order[_NAMED:])
    return ", ".join([*said, *([f"{others} other"] if others else [])])


def signed(number: float) -> str:
    """Two digits and a sign."""
    return ("+" if number > 0 else _MINUS if number < 0 else "") + f"{abs(number):.2f}"


def without_in_words(value: ConformityMap, region: int, names: Sequence[str]) -> str:
    """What becomes of the conformity without a region, in one short line."""
    if region < 0:
        return "not looked at yet"
    before, after = value.conformity, float(value.conformities[region])
    first = int(value.label_shares[region].argmax())
    then = "" if first == value.predicted else f", then mostly {names[first]}"
    return f"{before:.2f} → {after:.2f}{then}"


def place_words(value: ConformityMap, region: int) -> str:
    """Which region it is."""
    level, (top, left, bottom, right) = int(value.levels[region]), value.boxes[region].tolist()
    kind = "super-pixel" if len(value.segments) else f"patch of {value.sizes[level]} px"
    return f"{kind} at rows {top} to {bottom - 1}, columns {left} to {right - 1}"


def sentence_of(value: ConformityMap, region: int, names: Sequence[str]) -> str:
    """A region in a sentence."""
    before = count_words(value.whole_shares, value.whole_neighbors, names)
    after = count_words(value.label_shares[region], value.neighbors[region], names)
    drop = float(value.drops[region])
    verb = "supports the prediction" if drop > 0 else "speaks against it" if drop < 0 else "changes nothing"
    softmax = f"probability {value.probability:.2f} → {float(value.probabilities[region]):.2f}"
    return f"{place_words(value, region)} {verb} ({signed(drop)}): neighbours {before} → {after}; {softmax}"


def evidence_html(value: ConformityMap, names: Sequence[str]) -> str:
    """What the prediction rests on, and how far map and curves can be trusted."""
    if value.predicted < 0:
        return "Reading the training images …"
    total = value.whole_neighbors.numel()
    named = escape(names[value.predicted])
    said = [
        fact_table(
            [
                ("prediction", named),
                ("conformity", f"{value.conformity:.2f}, {round(value.conformity * total)} of {total}"),
                ("softmax", f"{value.probability:.2f}"),
            ]
        )
    ]
    if value.conformity < _LOW:
        most = escape(names[int(value.whole_shares.argmax())])
        said.append(f"<b>The data do not support this prediction</b>: most neighbours are {most}.")
    said.append(_agreement(value))
    said.append(_curve(value))
    return "".join(f"<div>{part}</div>" for part in said if part)


def _agreement(value: ConformityMap) -> str:
    """Rank correlations of both drops, level by level."""
    rows = []
    for level, size in enumerate(value.sizes[: value.finest + 1]):
        found = value.correlation(level)
        name = f"{size} super-pixels" if len(value.segments) else f"patches of {size} px"
        rows.append((name, "–" if found != found else f"{found:.2f}"))  # noqa: PLR0124 - NaN is not itself
    note = "“–”: no region of this size changes anything." if any(row[1] == "–" for row in rows) else ""
    return fact_table(rows, title="rank correlation with softmax; 0 by chance") + note if rows else ""


def _curve(value: ConformityMap) -> str:
    """What is lost by removing the regions ranked first, beside random ones."""
    if not value.removed.numel() or bool(value.random.isnan().any()):
        return ""
    conformity, probability = value.gains.tolist()
    rows = [("conformity", signed(conformity)), ("softmax", signed(probability))]
    table = fact_table(rows, title="removing by this map, below random orders; 0 by chance")
    warned = " <b>The map tells no more than chance here.</b>" if conformity <= 0 else ""
    return table + warned
