"""What is told of a search: its counterfactuals beside the query and what they are compared with."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.case._counterfactual.others import nearest_real, sign_steps
from xaiwidgets.methods.case._counterfactual.result import Counterfactuals
from xaiwidgets.methods.case._counterfactual.search import Search, advantage_of

if TYPE_CHECKING:
    from xaiwidgets.methods.case._counterfactual.run import Explained

_SAME = 1e-6  # of a feature's range


class Known(NamedTuple):
    """What is known of some points."""

    advantage: Float[Tensor, "point"]
    probability: Float[Tensor, "point"]
    distance: Float[Tensor, "point"]
    changed: Int[Tensor, "point"]
    plausibility: Float[Tensor, "point"]
    remoteness: Float[Tensor, "point"]


class Answer:
    """Makes answers: each belongs to nobody else, and nothing in it is written to later."""

    def __init__(self, explained: "Explained") -> None:
        self._explained = explained
        self.already = int(explained.scores.argmax()) == explained.target
        self.unit = max(1e-6, abs(float(advantage_of(explained.scores[None], explained.target))))
        self._others, self._nearest = explained.query.expand(2, -1), -1
        self._other_known = self._unknown(2)
        self._plausible = float("nan")
        self._history: list[Tensor] = []

    @torch.no_grad()
    def compare(self) -> None:
        """Look for the examples to compare with, once the training examples are known."""
        explained = self._explained
        query = explained.query
        self._nearest = nearest_real(explained.at, explained.rows, explained.reached)
        steps = sign_steps(explained.inputs.answers, query, explained.bounds, explained.free, explained.target)
        kept = advantage_of(self._asked(steps)[0], explained.target)
        valid = (kept > explained.settings.margin).nonzero().flatten().tolist()
        sign = steps[valid[0] if valid else int(kept.argmax())]
        self._others = torch.stack([query if self._nearest < 0 else explained.rows[self._nearest], sign])
        own = torch.tensor([explained.place_of(self._nearest), -1], device=query.device)
        self._other_known = self.known(self._others, own)
        self._plausible = float(explained.neighborhood.told(explained.features)[0])

    @torch.no_grad()
    def known(self, points: Float[Tensor, "point feature"], own: Tensor | None = None) -> Known:
        """What is to be told of points."""
        explained = self._explained
        scores, features = self._asked(points)
        apart = (points - explained.query).abs()
        low, high = explained.bounds
        return Known(
            advantage_of(scores, explained.target),
            scores.softmax(1)[:, explained.target],
            explained.at.measure(points),
            (apart > _SAME * (high - low)).sum(1),
            *explained.neighborhood.told(features, own),
        )

    def blank(self, stage: str) -> Counterfactuals:
        """The query itself in the place of every counterfactual."""
        explained, starts = self._explained, self._explained.settings.starts
        known = self._unknown(starts)
        rows = explained.query.expand(starts, -1).clone()
        valid = torch.full((starts,), self.already, device=rows.device)
        if explained.neighborhood is not None:
            known = self.known(rows)
        return self._made(rows, valid, known, 0, (), stage)

    @torch.no_grad()
    def of(self, search: Search, stage: str = "searching") -> Counterfactuals:
        """The newest answer of a search, whose present state joins the history while it goes on."""
        if stage == "searching":
            distance = self._explained.at.measure(search.place())
            self._history.append(
                torch.stack([search.weight, search.now.probability, distance, search.now.advantage], 1)
            )
        known = self.known(search.best)
        cost = torch.where(search.valid, known.distance, torch.inf)
        best = int(cost.argmin()) if bool(search.valid.any()) else int(known.advantage.argmax())
        return self._made(search.best.clone(), search.valid.clone(), known, best, tuple(search.lambdas[best]), stage)

    def _asked(self, points: Tensor) -> tuple[Tensor, Tensor]:
        answers, batch = self._explained.inputs.answers, self._explained.batch
        parts = [answers(points[at : at + batch]) for at in range(0, len(points), batch)]
        scores, features = (torch.cat(part) for part in zip(*parts, strict=True))
        return scores, features

    def _unknown(self, points: int) -> Known:
        nothing = self._explained.query.new_full((points,), torch.nan)
        return Known(nothing, nothing, nothing, torch.zeros_like(nothing, dtype=torch.int64), nothing, nothing)

    def _made(
        self,
        rows: Tensor,
        valid: Bool[Tensor, "start"],
        known: Known,
        best: int,
        lambdas: tuple[float, ...],
        stage: str,
    ) -> Counterfactuals:
        explained, other, shape = self._explained, self._other_known, self._explained.inputs.answers.shape
        history = torch.stack(self._history) if self._history else rows.new_empty(0, len(rows), 4)
        return Counterfactuals(
            query=explained.query.reshape(shape).clone(),
            counterfactuals=rows.reshape(-1, *shape),
            valid=valid,
            **known._asdict(),
            best=best,
            target=explained.target,
            prediction=int(explained.scores.argmax()),
            query_probabilities=explained.scores.softmax(0),
            query_plausibility=self._plausible,
            others=self._others.reshape(-1, *shape).clone(),
            other_valid=other.advantage > explained.settings.margin,
            **{f"other_{name}": part for name, part in other._asdict().items() if name != "advantage"},
            nearest=self._nearest if self._nearest < 0 else explained.inputs.sampled[self._nearest],
            scale=explained.scale.reshape(shape).clone(),
            history=history,
            history_steps=tuple(range(len(self._history))),
            lambdas=lambdas,
            stage=stage,
        )
