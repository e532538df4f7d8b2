"""The run: read what is usual, search, and compare what was found."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.methods.case._counterfactual.answer import Answer
from xaiwidgets.methods.case._counterfactual.coordinates import Coordinates, of_components, of_features
from xaiwidgets.methods.case._counterfactual.inputs import LEAST_ROWS, Inputs, free_of, target_of
from xaiwidgets.methods.case._counterfactual.plausibility import Neighborhood
from xaiwidgets.methods.case._counterfactual.result import Counterfactuals
from xaiwidgets.methods.case._counterfactual.scale import deviations, floored
from xaiwidgets.methods.case._counterfactual.search import Search
from xaiwidgets.models.features import read_features

if TYPE_CHECKING:
    from xaiwidgets.methods.case.counterfactual import Counterfactual

IMAGES, SCALE, FEATURES, SEARCHED, TOTAL = 5.0, 10.0, 20.0, 95.0, 100.0  # percent done after each stage
_CPU_NUMBERS, _NUMBERS = 1 << 17, 1 << 24  # that are asked about at once
_COMPONENT_ROWS = 512

Running = Generator[Step[Counterfactuals], Any, None]


class Explained:
    """One query: what is known of it before the search, filled in by `read`."""

    def __init__(self, settings: "Counterfactual", inputs: Inputs) -> None:
        self.settings, self.inputs, self.query = settings, inputs, inputs.query
        self.batch = max(1, (_CPU_NUMBERS if self.query.device.type == "cpu" else _NUMBERS) // len(self.query))
        self.free = free_of(settings.frozen, settings.region, inputs.answers.shape).to(self.query.device)
        with torch.no_grad():
            scores, self.features = inputs.answers(self.query[None])
        self.scores = scores[0]
        self.target = target_of(settings.target, self.scores, inputs.answers.name)
        self.rows, self.scale = inputs.rows, torch.ones_like(self.query)
        self.neighborhood: Neighborhood | None = None

    def read(self) -> Iterator[tuple[float, str]]:
        """Training examples, their spread, and how far real ones are apart; yields what is done and what is being."""
        yield from self._read_images()
        low, high = self.bounds
        parts = []
        for part in deviations(self.rows):
            parts.append(part)
            yield IMAGES + (SCALE - IMAGES) * sum(map(len, parts)) / len(self.query), "measuring the spread"
        self.scale = floored(torch.cat(parts), high - low, self.settings.floor)
        yield from self._read_features()

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """The least and the greatest value of each feature: 0 and 1 of a pixel, a table's training range else."""
        if self.inputs.images is not None:
            return torch.zeros_like(self.query), torch.ones_like(self.query)
        return self.rows.amin(0).minimum(self.query), self.rows.amax(0).maximum(self.query)

    def place_of(self, row: int) -> int:
        """Where a training row stands among those that plausibility compares with, −1 where it does not."""
        compared = self.compared.tolist()
        return compared.index(row) if row in compared else -1

    def _coordinates(self) -> Coordinates:
        if self.settings.moves == "features":
            return of_features(self.query, *self.bounds, self.free, self.scale)
        step = -(-len(self.rows) // _COMPONENT_ROWS)
        return of_components(self.query, self.bounds, self.free, self.rows[::step], self.settings.components)

    def _read_images(self) -> Iterator[tuple[float, str]]:
        if self.inputs.images is None:
            return
        sampled, parts = self.inputs.sampled, []
        for start in range(0, len(sampled), 64):
            part = self.inputs.images.batch(sampled[start : start + 64]).flatten(1)
            parts.append(part.to(self.query))
            yield IMAGES * min(1.0, (start + 64) / len(sampled)), "reading images"
        self.rows = torch.cat(parts)

    def _read_features(self) -> Iterator[tuple[float, str]]:
        words, share = "looking at real examples", FEATURES - SCALE
        if self.inputs.images is None:
            self.inputs.answers.scale = self.scale
            with torch.no_grad():
                scores, features = self.inputs.answers(self.rows)
                self.features = self.inputs.answers(self.query[None])[1]
        else:
            model, chosen = self.inputs.model, self.inputs.images.subset(self.inputs.sampled)
            for step in read_features(model, chosen, self.settings.layer, outputs=True):
                yield SCALE + 0.7 * share * step.progress, words
            scores, features = step.value.outputs, step.value.values
        self.reached = scores.argmax(1) == self.target
        enough = int(self.reached.sum()) >= LEAST_ROWS
        self.compared = (self.reached if enough else torch.ones_like(self.reached)).nonzero().flatten()
        neighborhood = Neighborhood(features.to(self.query)[self.compared], self.settings.neighbors)
        for done in neighborhood.read():
            yield SCALE + share * (0.7 + 0.3 * done), words
        self.at = self._coordinates()
        self.neighborhood = neighborhood


def explain(settings: "Counterfactual", inputs: Inputs) -> Running:
    """Yield ever better counterfactuals."""
    explained = Explained(settings, inputs)
    answer = Answer(explained)
    for done, stage in explained.read():
        settings = (yield Step(answer.blank(stage), done, TOTAL)) or settings
    answer.compare()
    settings = (yield Step(answer.blank("looking at the query"), FEATURES, TOTAL)) or settings
    if answer.already:
        yield Step(answer.blank("nothing to change"), TOTAL, TOTAL)
        return
    search = Search(settings, inputs.answers, explained.at, explained.target, explained.batch)
    yield from _search(settings, search, answer)


def _search(settings: "Counterfactual", search: Search, answer: Answer) -> Running:
    each, step = (SEARCHED - FEATURES) / settings.steps, 0
    for share in search.begin(answer.unit):
        if share < 1:
            settings = (yield Step(answer.blank("looking at the query"), FEATURES, TOTAL)) or settings
    value = answer.of(search)
    while step < settings.steps and not search.all_finished:
        for share in search.step(settings):
            if share < 1:
                settings = (yield Step(value, FEATURES + each * (step + share), TOTAL)) or settings
        step += 1
        value = answer.of(search)
        settings = (yield Step(value, FEATURES + each * step, TOTAL)) or settings
    yield Step(value, SEARCHED, TOTAL)
    search.trim()
    yield Step(answer.of(search, "done"), TOTAL, TOTAL)
