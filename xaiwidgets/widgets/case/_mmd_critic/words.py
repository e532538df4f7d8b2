"""Prototypes and criticisms in words."""

from html import escape

from xaiwidgets.methods.case._mmd_critic.result import PrototypesAndCriticisms
from xaiwidgets.widgets.parts.words import class_name

Names = tuple[str, ...] | None

_WORSE = 1.02  # a rise that is worth a sentence
_CAVEAT = (
    "A small MMD² says that prototypes lie among the features as the images do, at the width of this kernel. It does "
    "not say that somebody who sees them understands the network."
)


def notes_of(value: PrototypesAndCriticisms, names: Names) -> tuple[list[str], list[str]]:
    """What stands below the pictures: the class with how many images a prototype stands for, or what is criticised."""
    stands_for = value.stands_for.tolist()
    labels = value.labels[value.prototypes].tolist()
    first = [f"{class_name(label, names)}, {count:,}" for label, count in zip(labels, stands_for, strict=True)]
    rest = zip(value.labels[value.criticisms].tolist(), value.witness.tolist(), strict=True)
    return first, [f"{class_name(label, names)}, {'too few' if sign > 0 else 'too many'}" for label, sign in rest]


def prototype_words(value: PrototypesAndCriticisms, place: int, names: Names) -> str:
    """A prototype in a sentence."""
    row, members = int(value.prototypes[place]), value.members(place)
    own = int(value.labels[row])
    agree = int((value.labels[members] == own).sum())
    return (
        f"prototype {place + 1} of {len(value.prototypes)}, image {row:,} ({class_name(own, names)}): the nearest to "
        f"{len(members):,} of {len(value.labels):,} images, {agree:,} of them labelled {class_name(own, names)} too"
    )


def criticism_words(value: PrototypesAndCriticisms, place: int, names: Names) -> str:
    """A criticism in a sentence."""
    row = int(value.criticisms[place])
    witness = f"{float(value.witness[place]):+.4f}".replace("-", "−")
    nearest = int(value.nearest[row]) + 1
    return (
        f"criticism {place + 1}, image {row:,} ({class_name(int(value.labels[row]), names)}): {value.meaning(place)} "
        f"(witness {witness}); its nearest prototype is number {nearest}"
    )


def in_words(value: PrototypesAndCriticisms) -> str:
    """What can be checked: the discrepancy and the nearest prototype as a classifier, beside random sets."""
    if not len(value.prototypes) or not value.random_mmd2.numel():
        return f"{escape(value.stage.capitalize())} …"
    count = len(value.prototypes)
    own, random = float(value.mmd2[-1]), value.random_mmd2[:, count - 1]
    mean = float(random.mean())
    times = f": {mean / own:.1f} times as large" if own > 0 else ""
    first = (
        f"MMD² between {count} prototypes and all {len(value.labels):,} images is <b>{own:.4f}</b> (0: distributed "
        f"alike). Of as many random images it is {mean:.4f}{times} ({float(random.min()):.4f} to "
        f"{float(random.max()):.4f} in {len(random)} draws)."
    )
    return "<br>".join(filter(None, [first, _smallest_words(value), _accuracy_words(value), _CAVEAT]))


def _smallest_words(value: PrototypesAndCriticisms) -> str:
    """Where fewer prototypes were nearer to the set: the search adds one also where every row makes it worse."""
    best = int(value.mmd2.argmin())
    if float(value.mmd2[-1]) <= float(value.mmd2[best]) * _WORSE:
        return ""
    return f"It was smallest with {best + 1} prototype{'s' * (best > 0)}: {float(value.mmd2[best]):.4f}."


def _accuracy_words(value: PrototypesAndCriticisms) -> str:
    """The nearest prototype as a classifier, where there are labels."""
    found = value.random_accuracy
    if not len(found):
        return ""
    return (
        f"The nearest prototype has the label of <b>{100 * value.accuracy:.0f} %</b> of the other images; with random "
        f"ones {100 * float(found.mean()):.0f} % ({100 * float(found.min()):.0f} to {100 * float(found.max()):.0f})."
    )
