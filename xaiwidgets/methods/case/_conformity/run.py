"""The run: examples are read, regions covered from coarse to fine, then ever more of the image."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.methods.case._conformity.cover import filling
from xaiwidgets.methods.case._conformity.deletion import Deletion
from xaiwidgets.methods.case._conformity.inputs import Inputs
from xaiwidgets.methods.case._conformity.measure import Measure
from xaiwidgets.methods.case._conformity.regions import Level, finest_patch, levels_of
from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.methods.case._conformity.tables import Tables, blank_answer, size_words
from xaiwidgets.models import MicroBatches
from xaiwidgets.models.features import read_layers

if TYPE_CHECKING:
    from xaiwidgets.methods.case.conformity_importance import ConformityImportance

READ, DIVIDED, COVERED, TOTAL = 20.0, 25.0, 85.0, 100.0  # percent done after each stage


def explain(settings: "ConformityImportance", inputs: Inputs) -> Iterator[Step[ConformityMap]]:
    """Yield ever finer maps, then the curves."""
    patch = finest_patch(settings.patch, tuple(inputs.image.shape[1:]))
    answer = blank_answer(inputs, settings.metric, "reading the training images")
    rows: list[Tensor] = []
    for step in read_layers(inputs.model, inputs.train, inputs.layers, batch=settings.batch):
        rows = [features.values for features in step.value]
        yield Step(answer, READ * step.progress, TOTAL)
    measure = Measure(inputs, rows, filling(inputs.image, settings.fill, settings.seed), settings.k, settings.metric)
    levels: list[Level] = []
    for share, levels in levels_of(settings.regions, patch, inputs.image, settings.seed):  # noqa: B007 - used below
        yield Step(replace(answer, stage="dividing the image"), READ + (DIVIDED - READ) * share, TOTAL)
    tables, batches = Tables(answer, levels, measure.whole), MicroBatches(settings.batch)
    total, done = sum(len(level) for level in levels), 0
    for new, answer in _covered(settings, levels, tables, measure, batches):
        done += new
        yield Step(answer, DIVIDED + (COVERED - DIVIDED) * done / total, TOTAL)
    deletion = Deletion(answer, levels[-1], settings.draws, settings.seed)
    start = 0
    while start < len(deletion):
        begun = start
        found, start = batches.run(lambda at: measure(deletion.masks(at)), start, len(deletion))
        answer = replace(deletion.fill(begun, found), stage="done" if start == len(deletion) else "removing regions")
        yield Step(answer, COVERED + (TOTAL - COVERED) * start / len(deletion), TOTAL)


def _covered(
    settings: "ConformityImportance", levels: list[Level], tables: Tables, measure: Measure, batches: MicroBatches
) -> Iterator[tuple[int, ConformityMap]]:
    """Yield how many regions are new, and the answer, after every batch; what is known is not covered again."""
    known: dict[object, tuple[int, int]] = {}
    for place, level in enumerate(levels):
        keys = [level.key(region) for region in range(len(level))]
        new = [region for region, key in enumerate(keys) if key not in known]
        for region in sorted(set(range(len(level))).difference(new)):
            tables.copied(place, region, known[keys[region]])
        stage = size_words(settings.regions, level.size)
        if len(new) < len(level):
            yield len(level) - len(new), tables.answer(stage)
        start = 0
        while start < len(new):
            begun = start
            found, start = batches.run(lambda at: measure(level.masks(new[at])), start, len(new))  # noqa: B023
            tables.fill(place, new[begun:start], found)
            yield start - begun, tables.answer(stage)
        known.update({key: (place, region) for region, key in enumerate(keys)})
