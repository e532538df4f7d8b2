"""What is suspected of labels, in words."""

import math
from collections.abc import Mapping
from html import escape

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._label_errors.decisions import DROP, FLIP, KEEP, Decision, Decisions
from xaiwidgets.methods.model_inspection._label_errors.result import SuspectedLabels
from xaiwidgets.widgets.parts.words import class_name

NAMES = {
    "combined": "loss and neighbours",
    "left_out_loss": "loss without itself",
    "disagreement": "neighbours",
    "self_influence": "self-influence",
    "loss": "plain loss",
}
"""What the rankings are called."""

INSPECTED = 0.1
_BY_HEART = 0.98  # share of labels that are fitted, from which on the wrong ones may be too
_DONE = {KEEP: "kept", FLIP: "flipped to {}", DROP: "dropped"}


def score_in_words(value: SuspectedLabels, index: int, by: str) -> str:
    """A label's score in one ranking."""
    number = float(value.score(by)[index])
    if math.isnan(number):
        return ""
    if by == "combined":
        return _both_in_words(value, index)
    if by == "disagreement":
        count = value.nearest.shape[1]
        return f"{round(number * count)} of {count} neighbours differ"
    return {
        "left_out_loss": f"loss {number:.2f} without it",
        "self_influence": f"own loss {number:+.2f} without it".replace("-", "−"),
        "loss": f"loss {number:.2f}",
    }[by]


def note_of(value: SuspectedLabels, index: int, by: str, names: tuple[str, ...] | None) -> str:
    """What stands below a picture: the label, what it rather looks like, and the score in short."""
    score = score_in_words(value, index, by).replace(" without it", "")
    score = score.replace(" neighbours differ", " differ").replace(" of ", "/")
    return ", ".join(filter(None, [doubt_of(value, index, names), score]))


def doubt_of(value: SuspectedLabels, index: int, names: tuple[str, ...] | None) -> str:
    """The label, and what it rather looks like where that is known."""
    label, likelier = class_name(int(value.labels[index]), names), int(value.suggested[index])
    return f"{label} → {class_name(likelier, names)}?" if likelier >= 0 else label


def fate_of(taken: Decision, names: tuple[str, ...] | None) -> str:
    """What was decided."""
    return _DONE[taken.decision].format("" if taken.new is None else class_name(taken.new, names))


def count_in_words(decisions: Decisions) -> str:
    """How many are decided, and how."""
    parts = [
        f"{decisions.count(what):,} {word}" for what, word in ((KEEP, "kept"), (FLIP, "flipped"), (DROP, "dropped"))
    ]
    return f"<b>{len(decisions):,} decided</b>: {', '.join(parts)}" if len(decisions) else "Nothing is decided yet."


def sentence_of(value: SuspectedLabels, index: int, by: str, names: tuple[str, ...] | None) -> str:
    """A suspect in a sentence."""
    rank, likelier = float(value.ranks(by)[index]), int(value.suggested[index])
    rather = f", rather {class_name(likelier, names)}" if likelier >= 0 else ""
    label = class_name(int(value.labels[index]), names)
    score = score_in_words(value, index, by)
    return f"image {index:,}, labelled {label}{rather} · rank {rank:g} of {len(value.labels):,} by {NAMES[by]}: {score}"


def known_truth_in_words(value: SuspectedLabels, truth: Tensor) -> str:
    """How many of the labels that are known to be wrong each ranking finds."""
    wrong = int((value.labels.cpu() != truth).sum())
    return _recalls(recalls_of(value, truth), f"{wrong:,} wrong labels", len(value.labels))


def planted_in_words(value: SuspectedLabels, truth: Tensor) -> str:
    """How many of the labels that were made wrong on purpose each ranking finds."""
    wrong = int((value.labels.cpu() != truth).sum())
    said = _recalls(recalls_of(value, truth), f"{wrong:,} labels flipped on purpose", len(value.labels))
    return (
        f"{said}<br>Errors of people are harder: they mistake what looks alike, and a network that was trained on "
        "them may have learnt them."
    )


def basis_in_words(value: SuspectedLabels) -> str:
    """What the rankings rest on, and when to mistrust them."""
    if value.fitted != value.fitted:
        return ""
    said = f"The head agrees with {100 * value.fitted:.1f} % of the labels."
    if value.fitted > _BY_HEART:
        said += (
            " <b>If the network was trained on them, it may know the wrong ones by heart</b>: then its loss cannot "
            f"tell them, and “{NAMES['disagreement']}” is the ranking to choose."
        )
    if value.left_out_loss.isnan().all() and value.stage.startswith("the plain loss"):
        said += f" Leaving out is not computed ({escape(value.reason)}): the plain loss takes its place."
    return said


def recalls_of(value: SuspectedLabels, truth: Tensor) -> dict[str, float]:
    """The recall of each ranking that is known, the best first."""
    found = {by: value.recall(truth, INSPECTED, by) for by in value.rankings}
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def checked_truth(truth: object, labels: Tensor) -> Tensor | None:
    """True labels, one for each image; raises for anything else."""
    if truth is None:
        return None
    try:
        given = torch.as_tensor(truth)
    except (TypeError, ValueError, RuntimeError):
        given = torch.empty(0)
    if given.shape != labels.shape or given.is_floating_point():
        raise XaiwidgetsError(
            f"{type(truth).__name__} was given as truth; give the true label of each of the {len(labels):,} images, "
            "as whole numbers."
        )
    return given.long().cpu()


def _both_in_words(value: SuspectedLabels, index: int) -> str:
    """The two scores whose ranks are combined."""
    loss = value.loss if value.left_out_loss.isnan().all() else value.left_out_loss
    said = "" if loss.isnan().all() else f"loss {float(loss[index]):.1f}"
    differing = "" if value.disagreement.isnan().all() else score_in_words(value, index, "disagreement")
    return ", ".join(filter(None, [said, differing]))


def _recalls(found: Mapping[str, float], what: str, rows: int) -> str:
    entries = [f"{escape(NAMES[by])} <b>{100 * share:.0f} %</b>" for by, share in found.items()]
    inspected = round(INSPECTED * rows)
    return (
        f"Of {what}, the first {100 * INSPECTED:.0f} % of a ranking ({inspected:,} images) hold: {', '.join(entries)}; "
        f"in random order {100 * inspected / rows:.0f} %."
    )
