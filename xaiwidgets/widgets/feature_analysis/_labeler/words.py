"""What a search for formulas found, in words."""

from collections.abc import Sequence
from html import escape

from xaiwidgets.methods.feature_analysis._composition.result import Composition


def in_words(found: Composition, names: Sequence[str]) -> str:
    """How far the search is, each unit's formula beside a single concept and chance, and what was left out."""
    lines = [_line(found, row, name) for row, name in enumerate(names)]
    skipped = f"<b>{len(found.skipped)}</b> images were left out. {escape(found.skipped[0])}" if found.skipped else ""
    return "<br>".join(filter(None, [_head(found), *lines, _chance(found), skipped]))


def _head(found: Composition) -> str:
    what = "single concepts" if found.length == 1 else f"formulas of {found.length} concepts"
    words = f"{found.seen:,} of {found.total:,} images were counted for {what}."
    if found.provisional:
        words += " Masks are those of the first images' thresholds for now."
    return words


def _line(found: Composition, row: int, name: str) -> str:
    """The formula, and its overlap beside what it is to be compared with."""
    formula = found.formulas[row]
    if formula is None:
        return f"<b>{escape(name)}</b> " + ("has an empty mask." if bool(found.dead[row]) else "meets no concept.")
    numbers = [f"IoU {float(found.iou[row]):.3f}"]
    single, chance = found.formulas_by_length[row][0], float(found.iou_chance[row, found.length - 1])
    if found.length > 1 and single is not None:
        numbers.append(f"the best single concept, {escape(str(single))}, {float(found.iou_by_length[row, 0]):.3f}")
    if chance >= 0:  # else it was not asked for, and is no number
        numbers.append(f"by chance {chance:.3f}")
    return f"<b>{escape(name)}: {escape(str(formula))}</b><br>{'; '.join(numbers)}"


def _chance(found: Composition) -> str:
    """What chance is, and how much of the gain it makes."""
    by_chance = float(found.gain_by_chance.nanmean())
    if by_chance != by_chance:  # noqa: PLR0124 - NaN
        return ""
    words = "By chance: the same search for masks laid over the image that follows, whose labels they cannot know."
    if found.length == 1:
        return words
    gain = float(found.gain.mean())
    return f"{words} On average more concepts gain <b>{gain:.3f}</b> over one, and <b>{by_chance:.3f}</b> by chance."
