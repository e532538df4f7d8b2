"""The run of a search for neighbours: among those read so far, among all, then calibrated."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import torch

from xaiwidgets.core import Step
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods._neighbors.search import Nearest
from xaiwidgets.methods.case._nearest.conformal import Calibration, auroc, label_counts, nonconformity, support
from xaiwidgets.methods.case._nearest.inputs import Inputs, Queries, Rows
from xaiwidgets.methods.case._nearest.layers_search import LayersSearch
from xaiwidgets.methods.case._nearest.result import Neighbors

if TYPE_CHECKING:
    from xaiwidgets.methods.case.nearest_neighbors import NearestNeighbors

ASKED, READ, SEARCHED, TOTAL = 5.0, 55.0, 75.0, 100.0  # percent done after each stage
Part = TypeVar("Part")
_FEW = 64  # queries for which neighbours are shown while the index is read


def explain(settings: "NearestNeighbors", inputs: Inputs) -> Iterator[Step[Neighbors]]:
    """Yield ever better answers."""
    answer = _unknown(settings, inputs)
    queries = yield from _told(inputs.queries(), answer, 0.0, ASKED)
    answer = _unknown(settings, inputs, queries)
    for share, rows in inputs.train():
        if share < 1:
            answer = _so_far(settings, inputs, queries, rows, answer)
            yield Step(answer, ASKED + (READ - ASKED) * share, TOTAL)
    search = _search(settings, inputs, rows)
    ends = SEARCHED if inputs.calibrates else TOTAL
    found = yield from _told(search.nearest(queries.rows, settings.k, queries.exclude), answer, READ, ends)
    answer = _with_neighbors(_unknown(settings, inputs, queries), inputs, found, search.reason)
    if inputs.calibrates:
        known = _kept(settings, inputs, search)
        if known is None:
            yield Step(answer, SEARCHED, TOTAL)
            known = yield from _told(_calibrate(settings, inputs, search), answer, SEARCHED, TOTAL)
        answer = _with_support(answer, inputs, known)
    yield Step(answer, TOTAL, TOTAL)


def _told(
    parts: Generator[float, None, Part], answer: Neighbors, start: float, end: float
) -> Generator[Step[Neighbors], None, Part]:
    """Yield the answer so far with what is done while the parts come, and return what they return."""
    while True:
        try:
            share = next(parts)
        except StopIteration as ended:
            return ended.value
        if share < 1:
            yield Step(answer, start + (end - start) * share, TOTAL)


def _search(settings: "NearestNeighbors", inputs: Inputs, rows: Rows) -> LayersSearch:
    whole = inputs.kept.searched is None and len(rows[0]) == len(inputs.labels)
    keys = inputs.row_keys if whole else ()
    return LayersSearch(settings, inputs.layers, [inputs.kept.rows(layer) for layer in rows], keys)


def _so_far(settings: "NearestNeighbors", inputs: Inputs, queries: Queries, rows: Rows, answer: Neighbors) -> Neighbors:
    """The neighbours among the rows so far; of many queries it is not asked."""
    if len(queries.exclude) > _FEW or len(inputs.kept.rows(rows[0])) <= settings.k:
        return answer
    exact = settings.replace(index="exact")
    found = _returned(_search(exact, inputs, rows).nearest(queries.rows, settings.k, queries.exclude))
    answer = _with_neighbors(_unknown(settings, inputs, queries), inputs, found, "")
    return replace(answer, stage=f"among the first {len(rows[0]):,} training examples")


def _with_neighbors(blank: Neighbors, inputs: Inputs, found: Nearest, reason: str) -> Neighbors:
    """The answer with neighbours, their labels, and how many of them have the predicted class."""
    indices = inputs.kept.named(found.indices)
    labels = inputs.labels[indices]
    shares = label_counts(labels, inputs.classes).double() / (labels.shape[0] * labels.shape[2])
    supported = shares.argmax(1)
    predictions = supported if blank.probabilities.isnan().any() else blank.predictions
    absent = inputs.classes - len(inputs.kept.labels(inputs.labels).unique())
    if absent and reason:
        reason += f"; {absent} of {inputs.classes} classes have no training example and get no support"
    return replace(
        blank,
        indices=indices,
        distances=found.distances,
        labels=labels,
        label_shares=shares,
        conformity=shares.gather(1, predictions[:, None])[:, 0],
        predictions=predictions,
        supported=supported,
        stage="neighbours",
        reason=reason,
    )


def _key_of(settings: "NearestNeighbors", inputs: Inputs, search: LayersSearch) -> str:
    key, method = inputs.key(), settings.replace(batch=1, patience=0.0)
    return key and f"calibration {method.as_code()} {search.kinds} {inputs.classes} {key}"


def _kept(settings: "NearestNeighbors", inputs: Inputs, search: LayersSearch) -> Calibration | None:
    """What an earlier run found of the same calibration examples."""
    key = _key_of(settings, inputs, search)
    return RESULTS.get(key) if key else None


def _calibrate(
    settings: "NearestNeighbors", inputs: Inputs, search: LayersSearch
) -> Generator[float, None, Calibration]:
    """What is known of the calibration examples, kept by content."""
    examples = yield from _halved(inputs.calibration(), 0)
    found = yield from _halved(search.nearest(examples.rows, settings.k, None), 1)
    alphas = nonconformity(inputs.labels[inputs.kept.named(found.indices)], inputs.classes)
    sure = torch.full((len(alphas),), torch.nan) if examples.probabilities is None else examples.probabilities.amax(1)
    answers = alphas.argmin(1) if examples.probabilities is None else examples.probabilities.argmax(1)
    right = answers == examples.labels
    known = Calibration(
        alphas=alphas.gather(1, examples.labels[:, None])[:, 0],
        conformity_auroc=auroc(-alphas.gather(1, answers[:, None])[:, 0].double(), right),
        softmax_auroc=auroc(sure, right),
        accuracy=float(right.double().mean()),
    )
    key = _key_of(settings, inputs, search)
    if key:
        RESULTS.put(key, known, known.alphas.numel() * known.alphas.element_size())
    return known


def _halved(parts: Generator[float, None, Part], half: int) -> Generator[float, None, Part]:
    """The shares of the first or the second of two halves."""
    while True:
        try:
            yield (half + next(parts)) / 2
        except StopIteration as ended:
            return ended.value


def _returned(parts: Generator[float, None, Part]) -> Part:
    """What the parts return, without a stop on the way."""
    while True:
        try:
            next(parts)
        except StopIteration as ended:
            return ended.value


def _with_support(answer: Neighbors, inputs: Inputs, known: Calibration) -> Neighbors:
    found = support(nonconformity(answer.labels, inputs.classes), known.alphas)
    return replace(
        answer,
        supported=found.predictions,
        p_values=found.p_values,
        credibility=found.credibility,
        confidence=found.confidence,
        calibrated=len(known.alphas),
        calibration_accuracy=known.accuracy,
        conformity_auroc=known.conformity_auroc,
        softmax_auroc=known.softmax_auroc,
        stage=f"calibrated on {len(known.alphas):,} examples",
    )


def _unknown(settings: "NearestNeighbors", inputs: Inputs, queries: Queries | None = None) -> Neighbors:
    """An answer of which nothing is known but what the network says."""
    count, device = 0 if queries is None else len(queries.exclude), inputs.labels.device
    places = torch.zeros((len(inputs.layers), count, 0), dtype=torch.long, device=device)
    each = torch.full((count,), torch.nan, dtype=torch.float64, device=device)
    classes = torch.full((count, inputs.classes), torch.nan, dtype=torch.float64, device=device)
    known = queries is not None and queries.probabilities is not None
    predictions = queries.probabilities.argmax(1) if known else torch.full((count,), -1, device=device)
    return Neighbors(
        indices=places,
        distances=places.double(),
        labels=places,
        label_shares=classes,
        conformity=each,
        predictions=predictions,
        supported=torch.full_like(predictions, -1),
        probabilities=queries.probabilities if known else classes,
        p_values=classes,
        credibility=each,
        confidence=each,
        layers=inputs.layers,
        metric=settings.metric,
        rows=len(inputs.labels) if inputs.kept.searched is None else len(inputs.kept.searched),
        stage="reading features",
    )
