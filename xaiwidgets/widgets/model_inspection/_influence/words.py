"""What the explorer says."""

import csv
import io
import math
from collections.abc import Mapping
from html import escape

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._influence.agreement import Agreement
from xaiwidgets.methods.model_inspection._influence.result import STATIONARY_ENOUGH, Influence
from xaiwidgets.methods.model_inspection._influence.retraining import Removal
from xaiwidgets.widgets.parts.facts import fact_table

_NAMED = 4
_TOO_SMALL = 0.8  # a slope under which the uncorrected effects are said to be too small
_MINUS = "\u2212"


def signed(number: float) -> str:
    """A change with its sign, three digits where it is not tiny."""
    if math.isnan(number):
        return "?"
    size = abs(number)
    digits = f"{size:.3f}" if size >= 0.001 else f"{size:.1e}".replace("e-0", "e-").replace("-", _MINUS)  # noqa: PLR2004
    return "0" if number == 0 else (_MINUS if number < 0 else "+") + digits


def effect_in_words(number: float) -> str:
    """A change of a loss: "lowers this loss by 0.031 nats"."""
    verb = "raises" if number > 0 else "lowers"
    return f"{verb} this loss by {signed(abs(number)).lstrip('+')} nats"


def tier_in_words(found: Influence) -> str:
    """Which computation it is, what it rests on, and how exact it is."""
    if not found.tier:
        return ""
    rows = [("residual", f"{found.residual:.0e}"), ("gradient at the optimum", f"{found.stationarity:.0e}")]
    said = [fact_table([row for row in rows if row[1] != "nan"], title=found.tier), escape(found.reason)]
    if found.stationarity > STATIONARY_ENOUGH:
        said.append("<b>The head is not at its optimum yet: no effect is to be trusted.</b>")
    if found.uncovered:
        more = ", …" if len(found.uncovered) > _NAMED else ""
        said.append(f"Not covered: {escape(', '.join(found.uncovered[:_NAMED]))}{more}")
    return "<br>".join(said)


def agreement_in_words(tried: Agreement | None) -> str:
    """How well predictions agree with real retraining, beside what chance would give."""
    count = 0 if tried is None else len(tried.examples)
    if count < 3:  # noqa: PLR2004 - no correlation before
        return "Each picture is being confirmed: the head is really fitted again without it."
    corrected = not bool(tried.corrected.isnan().any())
    r, slope = (tried.corrected_r, tried.corrected_slope) if corrected else (tried.r, tried.slope)
    rows = [
        (f"{count} removals tried", f"r {_short(r)}"),
        ("slope, corrected" if corrected else "slope", f"{slope:.2f}"),
        *([("slope, uncorrected", f"{tried.slope:.2f}")] if corrected else []),
        ("r by chance", f"under {min(1.0, 1.96 / (count - 1) ** 0.5):.2f}"),
    ]
    said = [fact_table(rows, title="against real retraining")]
    if 0 < tried.slope < _TOO_SMALL:
        said.append(
            f"<b>Uncorrected effects are too small here</b>: {tried.slope:.2f} of the truth. A larger damping mends it."
        )
    return "".join(said)


def _short(r: float) -> str:
    """A correlation, cut and not rounded: 0.99996 is not 1."""
    return "–" if math.isnan(r) else f"{int(r * 10_000) / 10_000:.4f}"


def removal_in_words(removal: Removal, seconds: float | None) -> str:
    """Predicted beside actual, for the mean over the test images."""
    count = len(removal.examples)
    rows = [
        ("predicted", signed(float(removal.predicted.mean()))),
        (
            "actual" if seconds is None else f"actual, refit in {max(seconds, 0.01):.2g} s",
            signed(float(removal.actual.mean())),
        ),
    ]
    return fact_table(rows, title=f"{count:,} image{'s' * (count != 1)} removed")


def csv_of(found: Influence, train: ImageSet, actual: Mapping[int, float]) -> str:
    """A row for each training image: its label, its effects on the mean loss in nats, and what a refit has shown."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["image", "label", "effect", "corrected", "self_influence", "refit"])
    columns = [found.effect.mean(0), found.corrected.mean(0), found.self_influence]
    for place, numbers in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        row = ["" if math.isnan(number) else f"{number:.6g}" for number in numbers]
        table.writerow([place, train.label_name(place), *row, f"{actual[place]:.6g}" if place in actual else ""])
    return file.getvalue()
