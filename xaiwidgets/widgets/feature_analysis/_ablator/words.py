"""What an ablation found, in words."""

from collections.abc import Sequence
from html import escape

import torch

from xaiwidgets.methods.feature_analysis._ablation.effects import Effects
from xaiwidgets.methods.feature_analysis._ablation.result import Ablation

_RARE = 0.05  # below it chance is no likely cause
_NAMED, _WORTH = 3, 0.005  # classes that the probability goes to, and a change that is worth a word


def in_words(value: Ablation, row: int, place: int | None, name: str, class_names: Sequence[str]) -> str:
    """The effect of one removal, called ``name``, on the images with a concept, beside its null levels."""
    head = f"{value.seen:,} images were looked at. {_truth(value)}"
    if place is None or not int(value.present[place]):
        return head + _skipped(value)
    concept = escape(value.concepts[place][0])
    counts = f"{int(value.lost[row, place]):,} lost, {int(value.gained[row, place]):,} gained"
    right = f"{_accuracy(value, row, place)} right ({counts}). {_chance(value, row, place)}"
    parts = [
        head,
        f"<b>Without {escape(name)}</b>, of the {_images(value, place)} with <b>{concept}</b>: {right}",
        f"The right class's probability: {_change(value, row, place)}.{_goes_to(value, row, place, class_names)}",
        _without(value, row, place, concept),
        _controls(value, row, place, concept),
    ]
    return "<br>".join(filter(None, parts)) + _skipped(value)


def class_name(place: int, class_names: Sequence[str]) -> str:
    """What a class is called."""
    return class_names[place] if class_names else f"class {place}"


def signed(number: float, digits: int = 2) -> str:
    """A number with its sign, such as "−0.31"."""
    return f"{number:+.{digits}f}".replace("-", "−")


def _truth(value: Ablation) -> str:
    if value.truth == "labels":
        left = value.seen - value.counted - len(value.skipped)
        return "Right is what their labels say." + (f" {left:,} without such a label are left out." if left > 0 else "")
    return "No label names a class: right is what the network answers with all units, so that nothing can be gained."


def _images(effects: Effects, place: int) -> str:
    count = int(effects.images[place])
    return f"{count:,} image{'s' * (count != 1)}"


def _accuracy(effects: Effects, row: int, place: int) -> str:
    return f"{float(effects.accuracy_before[place]):.0%} → <b>{float(effects.accuracy[row, place]):.0%}</b>"


def _change(effects: Effects, row: int, place: int) -> str:
    error = float(effects.standard_error[row, place])
    around = f" ± {error:.3f}" if error == error else ""  # noqa: PLR0124 - NaN
    return f"<b>{signed(float(effects.score_change[row, place]), 3)}</b>{around}"


def _chance(value: Ablation, row: int, place: int) -> str:
    """The sign test, corrected for all that was tried (Bonferroni): the most harmed of many concepts is no surprise."""
    if value.truth != "labels":
        return ""
    tried = int((value.present > 0).sum()) * len(value.removed)
    p = min(1.0, tried * float(value.p_value[row, place]))
    words = "is hardly chance" if p < _RARE else "<b>could be chance</b>"
    number = f"p = {p:.2g}" if p >= 1e-4 else "p below 0.0001"  # noqa: PLR2004 - smaller ones tell nothing more
    return f"That {words}: {number} with {tried:,} comparisons made."


def _goes_to(value: Ablation, row: int, place: int, class_names: Sequence[str]) -> str:
    change = value.class_change
    if change is None:
        return ""
    gains, classes = change[row, place].topk(min(_NAMED, change.shape[2]))
    found = [
        f"{escape(class_name(of_class, class_names))} ({signed(gain)})"
        for gain, of_class in zip(gains.tolist(), classes.tolist(), strict=True)
        if gain > _WORTH
    ]
    return f" What gains: {', '.join(found)}." if found else ""


def _without(value: Ablation, row: int, place: int, concept: str) -> str:
    if not int(value.absent[place]):
        return f"Every image has {concept}: there are none to compare with."
    rest = value.without
    return (
        f"Of the {_images(rest, place)} without {concept}: {_accuracy(rest, row, place)} right, "
        f"{_change(rest, row, place)}."
    )


def _controls(value: Ablation, row: int, place: int, concept: str) -> str:
    count = len(value.control_units)
    if not count:
        return "No random units were removed to compare with."
    accuracy, harmful = value.controls.accuracy[:, place], int(value.as_harmful[row, place])
    many = "s" * (len(value.control_units[0]) > 1)
    what = f"{count} random set{'s' * (count > 1)} of units" if many else f"{count} random unit{'s' * (count > 1)}"
    low, high = (float(end) for end in torch.aminmax(accuracy))
    return (
        f"{what[0].upper()}{what[1:]} of the layer leave {float(accuracy.mean()):.0%} right of those with {concept} "
        f"({low:.0%} to {high:.0%}); <b>{harmful} of {count}</b> harm them as much."
    )


def _skipped(value: Ablation) -> str:
    if not value.skipped:
        return ""
    count = len(value.skipped)
    return f"<br><b>{count:,}</b> image{'s were' if count > 1 else ' was'} left out. {escape(value.skipped[0])}"
