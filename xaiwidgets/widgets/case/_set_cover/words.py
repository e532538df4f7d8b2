"""A cover in words."""

from html import escape

from xaiwidgets.methods.case._set_cover.result import Cover
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.words import class_name

Names = tuple[str, ...] | None

_NOTHING = "No ball covers more of its class than of others; make the balls smaller, or let wrong ones weigh less."
_NO_MORE = "No further ball would cover more of its class than of others: to cover more, change their size."


def notes_of(value: Cover, uncovered: list[int], names: Names) -> tuple[list[str], list[str]]:
    """What stands below the pictures: the class and how many each covers newly; or how many are left around it."""
    rows = zip(value.labels[value.prototypes].tolist(), value.newly.tolist(), strict=True)
    rest = zip(value.labels[uncovered].tolist(), value.gap[uncovered].tolist(), strict=True)
    return (
        [f"{class_name(label, names)}, +{count:,}" for label, count in rows],
        [f"{class_name(label, names)}, {count:,}" for label, count in rest],
    )


def prototype_words(value: Cover, place: int, names: Names) -> str:
    """A prototype in a sentence."""
    row = int(value.prototypes[place])
    own = class_name(int(value.labels[row]), names)
    return (
        f"prototype {place + 1} of {len(value.prototypes)}, image {row:,} ({own}): its ball covers "
        f"{int(value.newly[place]):,} images of {own} that none before covered, and {int(value.wrongly[place]):,} of "
        "other classes"
    )


def uncovered_words(value: Cover, row: int, names: Names) -> str:
    """An image that is left out, in a sentence."""
    own = class_name(int(value.labels[row]), names)
    around, wrong = int(value.gap[row]) - 1, int(value.wrong_balls[row])
    near = f"{around:,} more of {own} around it {'are' if around != 1 else 'is'} uncovered too"
    lies = f"; it lies in {wrong} ball{'s' * (wrong != 1)} of other classes" if wrong else ""
    return f"image {row:,} ({own}) is in no ball of its class; {near}{lies}"


def in_words(value: Cover, names: Names) -> str:
    """What is covered, beside random images of the same classes, and each class by itself."""
    count = len(value.prototypes)
    if not count:
        return _NOTHING if value.exhausted else f"{escape(value.stage.capitalize())} …"
    first = (
        f"{count} ball{'s' * (count != 1)} of radius {value.radius:.3g} cover{'s' * (count == 1)} "
        f"<b>{100 * float(value.covered[-1]):.0f} %</b> of {len(value.labels):,} images; "
        f"<b>{100 * float(value.wrong[-1]):.0f} %</b> lie in a ball of another class."
    )
    said = [first, _random_words(value), _NO_MORE if value.exhausted else ""]
    return "<br>".join(filter(None, said)) + _classes(value, names)


def _random_words(value: Cover) -> str:
    """The same of random images."""
    if not len(value.random_covered):
        return ""
    covered, wrong, right = value.random_covered[:, -1], value.random_wrong[:, -1], value.random_accuracy
    said = (
        f"Balls around random images of the same classes cover {100 * float(covered.mean()):.0f} % "
        f"({100 * float(covered.min()):.0f} to {100 * float(covered.max()):.0f} in {len(covered)} draws), wrongly "
        f"{100 * float(wrong.mean()):.0f} %."
    )
    if not len(right):
        return said
    return (
        f"{said}<br>The nearest prototype has the label of <b>{100 * value.accuracy:.0f} %</b> of the other images; "
        f"with those random ones {100 * float(right.mean()):.0f} %."
    )


def _classes(value: Cover, names: Names) -> str:
    """How much of each class is covered, the least first."""
    labels = value.labels.unique().tolist()
    balls = value.labels[value.prototypes]
    facts = sorted((value.covered_of(label), int((balls == label).sum()), label) for label in labels)
    rows = [
        (escape(class_name(label, names)), f"{100 * share:.0f} %, {count} ball{'s' * (count != 1)}")
        for share, count, label in facts
    ]
    return fact_table(rows, "Covered of each class")
