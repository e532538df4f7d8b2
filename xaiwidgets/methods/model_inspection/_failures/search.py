"""The search for a rule: conditions are added one after another while they help, the best few rules being kept."""

import math
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xaiwidgets.methods.model_inspection._failures.attributes import CONFIDENCE, KINDS, MARGIN, Attributes
from xaiwidgets.methods.model_inspection._failures.rules import Condition, Rule

_BEAM = 8  # rules that are kept to be made longer
_CLASSES = 8  # values of a class attribute that are tried: the most frequent ones among what is sought
_PARTS = 10  # numbers are cut at tenths of the images
_FINENESS = 20  # a threshold is told in steps of at most so small a part of the middle half's width
_WORTH = 0.1  # by which part a condition must raise the score to be worth reading


class Wish(NamedTuple):
    """What a rule should be: of at most so many conditions, ``beta`` times as much for recall as for precision."""

    conditions: int
    beta: float
    confident: bool = True
    """Whether it may speak of confidence and margin."""


class _Cover(NamedTuple):
    """A rule with what it is true of, among what is sought and among what is not."""

    rule: tuple[Condition, ...]
    sought: Float[Tensor, "sought"]
    others: Float[Tensor, "other"]


def find_rule(attributes: Attributes, sought: Bool[Tensor, "image"], others: Bool[Tensor, "image"], wish: Wish) -> Rule:
    """The rule with the largest F_β found for the ``sought`` images against the ``others``; the rest does not count.

    F_β = (1+β²)·tp / ((1+β²)·tp + β²·fn + fp). A rule grows by one condition at a time, from the eight best so far, and
    stays as it is where that raises F_β by less than a tenth.
    """
    tried = list(candidates(attributes, attributes[sought], wish))
    if not tried:
        return Rule()
    tables = [table_of(tried, attributes[rows]).float() for rows in (sought, others)]
    best, beam = 0.0, [_Cover((), *(table.new_ones(table.shape[1]) for table in tables))]
    found: tuple[Condition, ...] = ()
    for _ in range(wish.conditions):
        beam, score = _grown(beam, tried, tables, wish.beta)
        if not beam or score <= best * (1 + _WORTH):
            break
        best, found = score, beam[0].rule
    return Rule(found)


def _grown(beam: list[_Cover], tried: list[Condition], tables: list[Tensor], beta: float) -> tuple[list[_Cover], float]:
    """The best rules of one condition more, and the score of the first; of those that cover alike one."""
    sought, others = tables
    tp = torch.stack([cover.sought for cover in beam]) @ sought.T
    fp = torch.stack([cover.others for cover in beam]) @ others.T
    scores = f_score(tp.double(), fp.double(), sought.shape[1], beta).flatten()
    alike = list(zip(tp.flatten().tolist(), fp.flatten().tolist(), strict=True))
    order, listed = scores.argsort(descending=True, stable=True).tolist(), scores.tolist()
    kept: list[_Cover] = []
    seen: set[tuple[float, float]] = set()
    for place in order:
        if listed[place] == 0 or len(kept) == _BEAM:
            break
        if alike[place] not in seen:
            seen.add(alike[place])
            cover, added = beam[place // len(tried)], place % len(tried)
            both = (cover.sought * sought[added], cover.others * others[added])
            kept.append(_Cover((*cover.rule, tried[added]), *both))
    return kept, listed[order[0]]


def table_of(tried: list[Condition], attributes: Attributes) -> Bool[Tensor, "condition image"]:
    """Which condition holds for which image, those of one attribute at once: there are hundreds."""
    rows = []
    for name, conditions in groupby(tried, key=lambda condition: condition.attribute):
        column = attributes.column(name)
        if name in KINDS:
            label = column.new_tensor([condition.label for condition in conditions])
            rows.append(column == label[:, None])
        else:
            low, high = column.new_tensor([(condition.low, condition.high) for condition in conditions]).T
            rows.append((column >= low[:, None]) & (column < high[:, None]))
    return torch.cat(rows)


def f_score(tp: Tensor, fp: Tensor, sought: int, beta: float) -> Tensor:
    """F_β from how many of the sought and of the others are covered."""
    weight = beta * beta
    return (1 + weight) * tp / (tp + fp + weight * sought).clamp(min=torch.finfo(torch.double).tiny)


def candidates(attributes: Attributes, sought: Attributes, wish: Wish) -> Iterator[Condition]:
    """The conditions that are tried: classes frequent among the sought images, and both sides of each threshold."""
    for kind in KINDS:
        values, counts = sought.column(kind).unique(return_counts=True)
        for place in counts.argsort(descending=True, stable=True)[:_CLASSES].tolist():
            yield Condition(kind, label=int(values[place]))
    for name in attributes.names:
        if wish.confident or name not in {CONFIDENCE, MARGIN}:
            for threshold in thresholds(attributes.column(name), sought.column(name)):
                yield Condition(name, high=threshold)
                yield Condition(name, low=threshold)


def thresholds(everywhere: Float[Tensor, "image"], sought: Float[Tensor, "sought"]) -> list[float]:
    """Tenths of all images and of the sought ones, each rounded to no more digits than it needs, in their order.

    The rule is read with these digits, so that it is computed with them too.
    """
    if not len(sought):
        return []
    parts = torch.linspace(0, 1, _PARTS + 1, dtype=torch.double, device=everywhere.device)
    cuts = torch.cat([everywhere.quantile(parts), sought.quantile(parts)]).tolist()
    quarter, three_quarters = everywhere.quantile(parts.new_tensor([0.25, 0.75])).tolist()
    digits = _digits((three_quarters - quarter) or (max(cuts) - min(cuts)))
    grid = 10.0**digits
    rounded = {round(side(cut * grid) / grid, digits) for cut in cuts for side in (math.floor, math.ceil)}
    low, high = float(everywhere.min()), float(everywhere.max())
    return sorted(cut for cut in rounded if low < cut <= high)


def _digits(spread: float) -> int:
    return min(12, max(0, math.ceil(-math.log10(spread / _FINENESS)))) if spread > 0 else 2
