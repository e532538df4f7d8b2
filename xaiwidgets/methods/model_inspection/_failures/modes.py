"""Errors in groups, a rule for each group, and the same for errors that are dealt out at random."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.model_inspection._failures.attributes import Attributes, distances
from xaiwidgets.methods.model_inspection._failures.clusters import confusions, k_means, pair_of
from xaiwidgets.methods.model_inspection._failures.rates import Rates
from xaiwidgets.methods.model_inspection._failures.rules import Rule
from xaiwidgets.methods.model_inspection._failures.search import Wish, find_rule

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.failure_modes import FailureModes

CONFUSIONS = "confusions"


class Groups(NamedTuple):
    """How many groups there are, the one of each error (−1 for none), and the distance to its middle."""

    count: int
    of: Int[Tensor, "error"]
    distance: Float[Tensor, "error"]


class Lifts(NamedTuple):
    """How often a search's rules meet errors: their mean lifts, and the best lower end of an interval held out."""

    found: float
    held_out: float
    best: float


@dataclass(frozen=True, eq=False)
class Answered:
    """All images with the network's answers; groups and rules are found on those that are not held out."""

    features: Float[Tensor, "image feature"]
    attributes: Attributes
    labels: Int[Tensor, "image"]
    predicted: Int[Tensor, "image"]
    wrong: Bool[Tensor, "image"]
    held_out: Bool[Tensor, "image"]

    def groups(self, settings: "FailureModes") -> Iterator[Groups]:
        """Yield ever better groups of the errors, of which those that are not held out decide."""
        errors = self.wrong.nonzero().flatten()
        known = errors[~self.held_out[errors]]
        if settings.groups == CONFUSIONS:
            pairs = confusions(self.labels[known], self.predicted[known], settings.clusters)
            of = pair_of(self.labels[errors], self.predicted[errors], pairs)
            yield Groups(len(pairs), of, torch.zeros(len(errors), dtype=torch.double, device=of.device))
            return
        for found in k_means(self.features[known], settings.clusters, settings.seed):
            nearest = distances(self.features[errors].double(), found.centres).min(1)
            yield Groups(len(found.centres), nearest.indices, nearest.values)

    def rules(self, settings: "FailureModes", groups: Groups) -> Iterator[Rule]:
        """Yield the rule of one group after another."""
        wish = Wish(settings.conditions, settings.beta, confident=settings.words == "all")
        finding = ~self.held_out
        attributes, right = self.attributes[finding], ~self.wrong[finding]
        of = torch.full_like(self.labels, -1)
        of[self.wrong] = groups.of
        for group in range(groups.count):
            yield find_rule(attributes, of[finding] == group, right, wish)

    def at_random(self, seed: int) -> "Answered":
        """The same with the errors dealt out anew, as many among the held-out images and among the others as before."""
        draw = torch.Generator().manual_seed(seed)
        wrong = torch.zeros_like(self.wrong)
        for half in (self.held_out, ~self.held_out):
            rows = half.nonzero().flatten()
            wrong[rows] = self.wrong[rows[torch.randperm(len(rows), generator=draw).to(rows.device)]]
        return replace(self, wrong=wrong)

    def lifts(self, settings: "FailureModes") -> Iterator[Lifts | None]:
        """Make the whole search, then tell what it came to; None after each part of it before."""
        *_, groups = self.groups(settings)
        yield None
        covered = []
        for rule in self.rules(settings, groups):
            covered.append(rule.holds(self.attributes))
            yield None
        found, held = (
            Rates.of(torch.stack(covered)[:, half], self.wrong[half]) for half in (~self.held_out, self.held_out)
        )
        yield Lifts(float(found.lift.mean()), float(held.lift.mean()), float(held.interval[:, 0].max()))


def halves(wrong: Bool[Tensor, "image"], seed: int) -> Bool[Tensor, "image"]:
    """Which images are held out: every second one in a random order, of the errors and of the others."""
    draw = torch.Generator().manual_seed(seed)
    held_out = torch.zeros_like(wrong)
    for part in (wrong, ~wrong):
        rows = part.nonzero().flatten()
        held_out[rows[torch.randperm(len(rows), generator=draw).to(rows.device)][1::2]] = True
    return held_out
