"""The search of several starts at once: trust regions, and for each start its ladder of λ."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.methods.case._counterfactual.answers import Answers
from xaiwidgets.methods.case._counterfactual.coordinates import Coordinates
from xaiwidgets.methods.case._counterfactual.proximal import PROXIMAL, cost_of
from xaiwidgets.models.memory import MicroBatches

if TYPE_CHECKING:
    from xaiwidgets.methods.case.counterfactual import Counterfactual

_BEYOND = 0.25  # of the query's advantage: how far y′ lies beyond the margin; the squared term never reaches its y′
_ROUNDING = 0.05  # of it too: how far the edges of f, where another class becomes the highest, are rounded
_RADIUS, _SMALLEST = 0.5, 1e-4  # of a feature's range: the first step, and one not worth taking
_POOR, _GOOD, _ACCEPTED = 0.25, 0.75, 0.05  # shares of the predicted gain that was really gained
_CONVERGED = 1e-4  # predicted gain over the objective
_NARROW = 1.02  # quotient of the λ that reached the target and the one that did not
_RUNGS = 60
_TINY = 1e-30


class Asked(NamedTuple):
    """What was answered: the target's advantage, its smooth form f, the target's probability, and ∂f/∂u."""

    advantage: Float[Tensor, "start"]
    smooth: Float[Tensor, "start"]
    probability: Float[Tensor, "start"]
    slope: Float[Tensor, "start number"]


class Search:
    """Tensors with a row for each start; the first weighs features as they are, the others each in its own way.

    Minimises Σ |u_k| + λ (f − y′)² (or Σ u_k²), u in units of the scale, by steps that are exact for the linearised f
    within a region that is trusted; f is the target's logit less the highest other one, its edges a little rounded. λ
    grows until the target is above the wanted margin, and is then narrowed down between the last one that was too small
    and the first that was not.
    """

    def __init__(
        self, settings: "Counterfactual", answers: Answers, coordinates: Coordinates, target: int, batch: int
    ) -> None:
        self._answers, self._at, self.target = answers, coordinates, target
        self.distance, self.margin = settings.distance, settings.margin
        self._batches = MicroBatches(batch)
        self._scale = coordinates.scale * _weights(settings, coordinates.scale)
        self._low, self._high = coordinates.least / self._scale, coordinates.most / self._scale
        self._span = (coordinates.most - coordinates.least) / self._scale
        count, rows = settings.starts, coordinates.origin.expand(settings.starts, -1)
        self.u = torch.zeros_like(self._scale)
        self.radius = self.u.new_full((count,), _RADIUS)
        self.weight = self.u.new_zeros(count)  # λ
        self.below, self.above = self.u.new_zeros(count), self.u.new_full((count,), torch.inf)
        self.rung, self.on_rung = torch.zeros_like(self.radius), torch.zeros_like(self.radius)
        self.finished = torch.zeros_like(self.radius, dtype=torch.bool)
        self.valid, self.best, self.cost = self.finished.clone(), rows.clone(), self.above.clone()
        self.best_moved = self.u.clone()
        self.advantage = self.u.new_full((count,), -torch.inf)  # of the best
        unknown = torch.full_like(self.radius, torch.nan)
        self.now = Asked(unknown, unknown.clone(), unknown.clone(), self.u.clone())
        self.lambdas: list[list[float]] = [[] for _ in range(count)]

    @property
    def all_finished(self) -> bool:
        """Whether no start has anything left to try."""
        return bool(self.finished.all())

    def place(self) -> Float[Tensor, "start feature"]:
        """x′ of each start as it is now."""
        return self._at.place(self.u * self._scale)

    def begin(self, unit: float) -> Iterator[float]:
        """Ask at the query, whose advantage is −``unit``; yields the share of the starts that was asked."""
        everyone = torch.arange(len(self.u), device=self.u.device)
        self.unit, self.wanted = unit, self.margin + _BEYOND * unit
        yield from self._propose(everyone, self.u)
        self._take(everyone, self._new)
        steepest = self.now.slope.abs().amax(1)
        gap = (self.wanted - self.now.smooth).abs()
        self.weight = 1 / (2 * gap * steepest).clamp(min=_TINY)  # where the first feature begins to move
        self.finished = steepest <= 0  # there is no way to follow
        self._note_lambdas(~self.finished)

    def step(self, settings: "Counterfactual") -> Iterator[float]:
        """One step of each start that is not finished; yields the share of them that was asked."""
        rows = (~self.finished).nonzero().flatten()
        reach = self.radius[rows, None] * self._span[rows]
        u, gap = self.u[rows], self.wanted - self.now.smooth[rows]
        proposed = PROXIMAL[self.distance](
            u,
            self.now.slope[rows],
            gap,
            self.weight[rows],
            torch.maximum(self._low[rows], u - reach),
            torch.minimum(self._high[rows], u + reach),
        )
        yield from self._propose(rows, proposed)
        self._judge(rows, proposed, gap, settings)

    def _judge(self, rows: Tensor, proposed: Tensor, gap: Tensor, settings: "Counterfactual") -> None:
        """Take what lowers the objective, trust farther or less far, and climb where a rung is done."""
        weight, u = self.weight[rows], self.u[rows]
        before = cost_of(u, self.distance) + weight * gap.square()
        linear = gap - (self.now.slope[rows] * (proposed - u)).sum(1)
        predicted = before - cost_of(proposed, self.distance) - weight * linear.square()
        left = self.wanted - self._new.smooth
        gained = before - cost_of(proposed, self.distance) - weight * left.square()
        ratio = gained / predicted.clamp(min=_TINY)
        converged = predicted <= _CONVERGED * before
        taken = (ratio > _ACCEPTED) & (predicted > 0)
        self._take(rows[taken], Asked(*(part[taken] for part in self._new)))
        self.u[rows[taken]] = proposed[taken]
        factor = torch.where(ratio < _POOR, 0.5, torch.where(ratio > _GOOD, 2.0, 1.0)).to(ratio)
        self.radius[rows] = (self.radius[rows] * factor).clamp(max=1)
        self.on_rung[rows] += 1
        done = converged | (self.radius[rows] < _SMALLEST) | (self.on_rung[rows] >= settings.rung)
        self._climb(rows[done], settings.growth)

    def _climb(self, rows: Tensor, growth: float) -> None:
        """The next λ: larger while the target was not reached, then between the two that are nearest to reaching it."""
        weight, reached = self.weight[rows], self.now.advantage[rows] > self.margin
        self.above[rows] = torch.where(reached, weight.minimum(self.above[rows]), self.above[rows])
        self.below[rows] = torch.where(reached, self.below[rows], weight.maximum(self.below[rows]))
        low, high = self.below[rows], self.above[rows]
        between = torch.where(low > 0, (low * high).sqrt(), high / growth)
        self.weight[rows] = torch.where(high.isinf(), weight * growth, between)
        self.rung[rows] += 1
        self.on_rung[rows] = 0
        self.radius[rows] = self.radius[rows].clamp(min=_RADIUS / 2)
        self.finished[rows] = (high <= _NARROW * low) | (self.rung[rows] >= _RUNGS)
        climbing = torch.zeros_like(self.finished)
        climbing[rows] = True
        self._note_lambdas(climbing & ~self.finished)

    def trim(self) -> None:
        """Go back towards the query for as long as the target is kept, by halving; nothing where none was found."""
        rows = self.valid.nonzero().flatten()
        if not len(rows):
            return
        moved = self.best_moved[rows]
        short, whole = self.radius.new_zeros(len(rows)), self.radius.new_ones(len(rows))
        for _ in range(8):
            middle = (short + whole) / 2
            for _share in self._propose(rows, moved * middle[:, None], slope=False):
                pass
            kept = self._new.advantage > self.margin
            short, whole = torch.where(kept, short, middle), torch.where(kept, middle, whole)

    def _propose(self, rows: Tensor, moved: Tensor, *, slope: bool = True) -> Iterator[float]:
        """Ask about some starts elsewhere, and note what is better than all before; the answer is in ``_new``."""
        parts, start = [], 0
        while start < len(rows):
            part, start = self._batches.run(lambda at: self._ask(rows[at], moved[at], slope=slope), start, len(rows))
            parts.append(part)
            yield start / len(rows)
        self._new = Asked(*(torch.cat(part) for part in zip(*parts, strict=True)))
        self._note(rows, moved)

    def _ask(self, rows: Tensor, moved: Tensor, *, slope: bool) -> Asked:
        with torch.enable_grad() if slope else torch.no_grad():
            numbers = moved * self._scale[rows]
            places = self._at.place(numbers).detach().requires_grad_(slope)
            scores, _ = self._answers(places)
            smooth = advantage_of(scores, self.target, _ROUNDING * self.unit)
            gradient = torch.zeros_like(places)
            if slope and smooth.requires_grad:
                (gradient,) = torch.autograd.grad(smooth.sum(), places, allow_unused=True, materialize_grads=True)
            probability = scores.detach().softmax(1)[:, self.target]
            advantage = advantage_of(scores.detach(), self.target)
            return Asked(advantage, smooth.detach(), probability, self._at.pull(gradient, numbers) * self._scale[rows])

    def _take(self, rows: Tensor, new: Asked) -> None:
        for known, part in zip(self.now, new, strict=True):
            known[rows] = part

    def _note(self, rows: Tensor, moved: Tensor) -> None:
        """Keep the nearest valid point of each start; before there is one, that of the highest advantage."""
        f, cost = self._new.advantage, cost_of(moved, self.distance)
        valid = f > self.margin
        known = self.valid[rows]
        better = torch.where(valid, ~known | (cost < self.cost[rows]), ~known & (f > self.advantage[rows]))
        kept = rows[better]
        self.best[kept] = self._at.place(moved[better] * self._scale[kept])
        self.best_moved[kept], self.cost[kept] = moved[better], cost[better]
        self.advantage[kept] = f[better]
        self.valid[kept] |= valid[better]

    def _note_lambdas(self, rows: Tensor) -> None:
        for row in rows.nonzero().flatten().tolist():
            self.lambdas[row].append(float(self.weight[row]))


def advantage_of(scores: Float[Tensor, "row class"], target: int, rounding: float = 0.0) -> Float[Tensor, "row"]:
    """The target's logit less the highest other one; ``rounding`` T takes T log Σ exp(z/T) in the maximum's place."""
    others = torch.cat([scores[:, :target], scores[:, target + 1 :]], 1)
    highest = rounding * (others / rounding).logsumexp(1) if rounding > 0 else others.amax(1)
    return scores[:, target] - highest


def _weights(settings: "Counterfactual", scale: Tensor) -> Float[Tensor, "start number"]:
    """How dear each start holds each number: factors around 1, all 1 for the first."""
    draws = [torch.Generator().manual_seed(settings.seed * 1_000_003 + start) for start in range(settings.starts)]
    exponents = torch.stack([torch.randn(len(scale), generator=draw) for draw in draws]) * settings.spread
    exponents[0] = 0
    return exponents.to(scale).exp()
