"""The run of a search for wrong labels: compare neighbours, fit the head, leave each example out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.methods.model_inspection._influence import run as influence_run
from xaiwidgets.methods.model_inspection._influence.guess import blank
from xaiwidgets.methods.model_inspection._influence.head import Head
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.tiers import EXACT
from xaiwidgets.methods.model_inspection._label_errors.neighbors import disagreement, nearest_rows
from xaiwidgets.methods.model_inspection._label_errors.ranks import combined
from xaiwidgets.methods.model_inspection._label_errors.result import SuspectedLabels
from xaiwidgets.methods.model_inspection._label_errors.rows import Rows
from xaiwidgets.methods.model_inspection.influence import InfluenceFunctions
from xaiwidgets.models.features import HEAD

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.label_errors import LabelErrors

READ, COMPARED, TOTAL = 35.0, 50.0, 100.0  # percent done after each stage
_SUGGESTED_AT_ONCE = 1 << 22  # numbers


def at_first(settings: "LabelErrors", rows: Rows) -> SuspectedLabels:
    """What the network's own head says of the rows so far: their loss; nothing for a head that is yet to be fitted."""
    inputs, count = rows.inputs, rows.inputs.rows
    unknown = torch.full((count,), torch.nan, device=rows.features.device)
    loss, seen = unknown.clone(), len(inputs.train.labels)
    if settings.layer == HEAD and bool(inputs.start.any()):
        loss[:seen] = inputs.train.loss(inputs.start).float()
    labels = torch.nn.functional.pad(inputs.train.labels, (0, count - seen), value=-1)
    return SuspectedLabels(
        combined=combined(loss, unknown),
        left_out_loss=unknown,
        disagreement=unknown,
        self_influence=unknown,
        loss=loss,
        labels=labels,
        suggested=torch.full_like(labels, -1),
        nearest=labels.new_empty(0, settings.neighbors),
        classes=inputs.classes,
        damping=settings.damping,
        stage="reading features; the network's own loss",
    )


def compare(settings: "LabelErrors", rows: Rows, answer: SuspectedLabels) -> Iterator[Step[SuspectedLabels]]:
    """Yield the answer with the neighbours of ever more rows."""
    labels = rows.inputs.train.labels
    for nearest in nearest_rows(rows.features, settings.neighbors):
        differing = answer.disagreement.clone()
        differing[: len(nearest)] = disagreement(nearest, labels)
        answer = replace(
            answer,
            nearest=nearest,
            disagreement=differing,
            combined=combined(answer.loss, differing),
            stage="comparing neighbours",
        )
        yield Step(answer, done=READ + (COMPARED - READ) * len(nearest) / len(labels), total=TOTAL)


def leave_out(settings: "LabelErrors", rows: Rows, answer: SuspectedLabels) -> Iterator[Step[SuspectedLabels]]:
    """Yield ever better answers from a head that is fitted, and from leaving each row out.

    The head is that of influence functions with the same layer and damping, and is kept in the same place.
    """
    method = InfluenceFunctions(settings.layer, damping=settings.damping)
    steps = influence_run.explain(method, rows.inputs, blank(rows.inputs, settings.damping))
    for step in steps:
        if step.value.head is not None:
            answer = _with_head(answer, step.value)
        way = (step.done - READ) / (influence_run.LEFT_OUT - READ)
        if _is_ready(step.value):
            break
        yield Step(answer, done=COMPARED + (TOTAL - COMPARED) * min(max(0.0, way), 0.99), total=TOTAL)
    steps.close()  # what removing does to test rows is not asked
    head = step.value.head
    stage = "left out one by one" if head.left_out is not None else "the plain loss: the head is too large to invert"
    yield Step(replace(answer, suggested=suggested(head, answer.nearest), stage=stage), done=TOTAL, total=TOTAL)


def suggested(head: Head, nearest: Int[Tensor, "row neighbor"]) -> Int[Tensor, "row"]:
    """For each row the class other than its label with the most of the head's probability and of its neighbours."""
    problem, probabilities = head.problem, head.fit.point.probabilities
    step, found = max(1, _SUGGESTED_AT_ONCE // problem.classes), []
    each = torch.full(nearest.shape, 1 / nearest.shape[1], dtype=torch.float64, device=nearest.device)
    for start in range(0, problem.rows, step):
        rows = slice(start, start + step)
        sums = probabilities[rows].double().scatter_add(1, problem.labels[nearest[rows]], each[rows])
        found.append(sums.scatter(1, problem.labels[rows, None], -1.0).argmax(1))
    return torch.cat(found)


def _is_ready(found: Influence) -> bool:
    """Whether the head has all that is needed of it."""
    if found.head is None:
        return False
    return found.head.left_out is not None if found.tier == EXACT else found.stage != "fitting the head"


def _with_head(answer: SuspectedLabels, found: Influence) -> SuspectedLabels:
    """The answer with the losses of the head so far."""
    head, exact = found.head, found.head.left_out is not None
    labels, loss = head.problem.labels, found.train_loss
    return replace(
        answer,
        combined=combined(found.left_out_loss if exact else loss, answer.disagreement),
        left_out_loss=found.left_out_loss,
        self_influence=found.self_influence,
        loss=loss,
        damping=found.damping,
        stage=found.stage,
        reason=found.reason,
        fitted=float((head.fit.point.probabilities.argmax(1) == labels).double().mean()),
        stationarity=found.stationarity,
    )
