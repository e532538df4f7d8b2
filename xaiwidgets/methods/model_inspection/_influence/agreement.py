"""How far predictions agree with real retraining."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.methods.model_inspection._influence.head import Examples, Head
from xaiwidgets.methods.model_inspection._influence.newton import newton_cg
from xaiwidgets.methods.model_inspection._influence.retraining import removals

_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Agreement:
    """Single removals: changes of the loss of a test example in nats, predicted in two ways and actual.

    A correlation hides an error of scale, so the slopes are predicted over actual: 1 is right, under 1 too small.
    """

    examples: Int[Tensor, "example"]
    influence: Float[Tensor, "example"]
    corrected: Float[Tensor, "example"]
    actual: Float[Tensor, "example"]

    @property
    def r(self) -> float:
        """Pearson's correlation of influence with the actual changes."""
        return correlation(self.influence, self.actual)

    @property
    def slope(self) -> float:
        """The regression of influence on the actual changes."""
        return slope(self.influence, self.actual)

    @property
    def corrected_r(self) -> float:
        """Pearson's correlation of the corrected effects with the actual changes."""
        return correlation(self.corrected, self.actual)

    @property
    def corrected_slope(self) -> float:
        """The regression of the corrected effects on the actual changes."""
        return slope(self.corrected, self.actual)


@dataclass(frozen=True, eq=False)
class DatamodelingScore:
    """Linear datamodeling score (Park et al. 2023): Spearman's correlation of predicted and actual losses over subsets.

    ``per_test`` has one for each test example; ``interval`` is a 95 % bootstrap interval of their mean over subsets,
    NaN before the last subset.
    """

    mean: float
    interval: tuple[float, float]
    per_test: Float[Tensor, "test"]
    predicted: Float[Tensor, "subset test"]
    actual: Float[Tensor, "subset test"]


def left_out_one_by_one(
    head: Head,
    test: Examples,
    examples: Int[Tensor, "example"],
    effects: tuple[Float[Tensor, "train"], Float[Tensor, "train"]],
) -> Iterator[Step[Agreement]]:
    """Refit without each of the examples in turn: yield an `Agreement` of those so far after each.

    Of several test rows the mean change counts, and ``effects`` are the means too.
    """
    actual = []
    for place, example in enumerate(examples):
        for step in removals(head, test, example[None]):
            removal = step.value
        actual.append(removal.actual.mean())
        seen = examples[: place + 1]
        influence, corrected = (effect[seen].double() for effect in effects)
        yield Step(Agreement(seen, influence, corrected, torch.stack(actual)), done=place + 1, total=len(examples))


def datamodeling(
    head: Head, test: Examples, effect: Float[Tensor, "test train"], subsets: int, share: float, seed: int
) -> Iterator[Step[DatamodelingScore]]:
    """Fit on random subsets of the training rows: yield the score of those so far from the third on.

    Each subset has its own mean, as Park et al. train: λ weighs the same against a mean of fewer losses.
    """
    generator, rows = torch.Generator().manual_seed(seed), head.problem.rows
    precondition = None if head.inverse is None else head.inverse.times
    predicted, actual = [], []
    for place in range(subsets):
        order = torch.randperm(rows, generator=generator).to(head.problem.labels.device)
        kept, left_out = order[: round(share * rows)], order[round(share * rows) :]
        for fit in newton_cg(head.problem.among(kept), head.theta, precondition=precondition):
            theta = fit.theta
        predicted.append(effect[:, left_out].double().sum(1))
        actual.append(test.loss(theta))
        if place > 1:
            score = _score(torch.stack(predicted), torch.stack(actual), seed if place + 1 == subsets else None)
            yield Step(score, done=place + 1, total=subsets)


def _score(
    predicted: Float[Tensor, "subset test"], actual: Float[Tensor, "subset test"], seed: int | None
) -> DatamodelingScore:
    """The score of the subsets so far, with its interval where there is a seed to draw subsets anew."""
    per_test, interval = spearman(predicted.T, actual.T), (float("nan"), float("nan"))
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randint(len(actual), (_RESAMPLES, len(actual)), generator=generator).to(actual.device)
        tests = zip(predicted.T, actual.T, strict=True)
        means = torch.stack([spearman(one[drawn], other[drawn]) for one, other in tests]).nanmean(0)
        ends = torch.tensor([0.025, 0.975], dtype=means.dtype, device=means.device)
        interval = tuple(means.nanquantile(ends).tolist())
    return DatamodelingScore(float(per_test.mean()), interval, per_test, predicted, actual)


def correlation(one: Float[Tensor, "n"], other: Float[Tensor, "n"]) -> float:
    """Pearson's; NaN where one of them is constant."""
    return float(_pearson(one.double()[None], other.double()[None])[0])


def slope(predicted: Float[Tensor, "n"], actual: Float[Tensor, "n"]) -> float:
    """The slope of predicted over actual."""
    p, a = predicted.double() - predicted.double().mean(), actual.double() - actual.double().mean()
    return float((p * a).sum() / a.square().sum())


def spearman(one: Float[Tensor, "row n"], other: Float[Tensor, "row n"]) -> Float[Tensor, "row"]:
    """Spearman's rank correlation of each row; equal numbers share their middle rank."""
    return _pearson(_ranks(one), _ranks(other))


def _ranks(values: Tensor) -> Tensor:
    below = (values[:, None] < values[:, :, None]).sum(2)
    return below.double() + 0.5 * (values[:, None] == values[:, :, None]).sum(2)


def _pearson(one: Tensor, other: Tensor) -> Tensor:
    one, other = (values - values.mean(1, keepdim=True) for values in (one, other))
    return (one * other).sum(1) / (one.square().sum(1) * other.square().sum(1)).sqrt()
