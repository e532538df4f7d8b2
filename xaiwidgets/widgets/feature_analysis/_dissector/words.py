"""What a dissection found, in words and as a table."""

import csv
import io
from collections.abc import Mapping
from html import escape

from xaiwidgets.methods.feature_analysis._dissection.result import Dissection

_ROUGH, _FEW = 5e-4, 20  # of all values, a tenth of the paper's quantile; and values that are no share to speak of


def in_words(found: Dissection, beside: Mapping[str, Dissection]) -> str:
    """How many units detect how many concepts, how sure that is, and what others find."""
    units, detectors = len(found.threshold), int(found.detectors.sum())
    parts = [
        f"{found.seen:,} of {found.total:,} images.",
        (
            f"<b>{detectors} of {units}</b> units detect a concept (IoU above {found.iou_threshold:g}): "
            f"<b>{found.unique_detectors}</b> different ones with one label a unit, "
            f"<b>{found.unique_detectors_by_category}</b> summed over categories."
        ),
        _doubts(found, detectors),
        _table({"this": found, **beside}) if beside else "",
        f"Masks are counted over {_OVER[found.denominator]}.",
        _rank(found),
    ]
    return "<br>".join(filter(None, parts)) + skipped_in_words(found)


_OVER = {
    "original": "the images that have a label of the concept's category",
    "lite": "the images in which they touch a label of the concept's category, which makes every IoU larger",
    "all": "all images",
}


def skipped_in_words(found: Dissection) -> str:
    """How many images were left out, and why the first was."""
    if not found.skipped:
        return ""
    count = len(found.skipped)
    return f"<br><b>{count}</b> image{'s were' if count != 1 else ' was'} left out. {escape(found.skipped[0])}"


def csv_of(found: Dissection) -> str:
    """A row for each unit: its label with category and IoU, the interval, and what is known of the unit."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        ["unit", "label", "category", "iou", "low", "high", "stability", "detector", "doubtful", "dead", "threshold"]
    )
    rows = zip(
        found.labels,
        found.best_iou.tolist(),
        found.interval.tolist(),
        found.stability.tolist(),
        found.detectors.tolist(),
        found.doubtful.tolist(),
        found.dead.tolist(),
        found.threshold.tolist(),
        strict=True,
    )
    for unit, (label, iou, (low, high), stability, *rest) in enumerate(rows):
        numbers = [f"{number:.6g}" if number == number else "" for number in (iou, low, high, stability)]  # noqa: PLR0124 - NaN
        writer.writerow([unit, *(label or ("", "")), *numbers, *rest])
    return buffer.getvalue()


def _doubts(found: Dissection, detectors: int) -> str:
    dead = int(found.dead.sum())
    words = f"{dead} unit{'s have' if dead != 1 else ' has'} an empty mask." if dead else ""
    if found.provisional or not detectors or not bool(found.interval.isfinite().any()):
        return words
    doubtful = int(found.doubtful.sum())
    return f"<b>{doubtful}</b> of the {detectors} labels could be chance: other images might change them. {words}"


def _table(all_found: Mapping[str, Dissection]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{int(one.detectors.sum())} of {len(one.threshold)}</td>"
        f"<td>{one.unique_detectors}</td></tr>"
        for name, one in all_found.items()
    )
    head = "<tr><th scope='col'></th><th scope='col'>detectors</th><th scope='col'>concepts</th></tr>"
    return f"<table class='xw-table'>{head}{rows}</table>"


def _rank(found: Dissection) -> str:
    error, values = float(found.rank_error.nan_to_num().max()), found.progress.histogram
    if values is None or error <= max(_ROUGH, _FEW / max(1, values.total)):
        return ""
    return (
        f"Some unit has many equal values: up to {error:.1%} of its values lie where its threshold does, so that its "
        "mask may be larger or smaller than asked for."
    )
