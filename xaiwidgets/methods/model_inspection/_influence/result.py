"""What influence functions say, and how it is put to the test."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.methods.model_inspection._influence.agreement import (
    Agreement,
    DatamodelingScore,
    datamodeling,
    left_out_one_by_one,
)
from xaiwidgets.methods.model_inspection._influence.head import Examples, Head
from xaiwidgets.methods.model_inspection._influence.retraining import Removal, checked_examples, places_among, removals

STATIONARY_ENOUGH = 1e-8


@dataclass(frozen=True, eq=False)
class Influence:
    """The effect of each training example on the loss of each test example.

    ``effect`` in nats: what removing the training example adds to the test example's loss, to first order.
    Positive: the example was helpful, without it the loss rises; negative: it was harmful. ``corrected`` is the
    same by one Newton step, without linearising the loss; ``self_influence`` is an example's effect on its own
    loss, ``left_out_loss`` its loss once it is left out. What is not known (yet) is NaN. ``train_loss`` and
    ``test_loss`` are at the head's optimum (for the whole network: as it is).

    ``stage`` says what the answer rests on so far, ``tier`` which computation was chosen and ``reason`` why,
    ``bytes`` what it takes. ``stationarity`` is the norm of the objective's gradient at the head's optimum,
    ``residual`` is |Hx − b| / |b|. ``covered`` and ``uncovered`` name the parameters that are (not) counted.
    """

    effect: Float[Tensor, "test train"]
    corrected: Float[Tensor, "test train"]
    self_influence: Float[Tensor, "train"]
    left_out_loss: Float[Tensor, "train"]
    train_loss: Float[Tensor, "train"]
    test_loss: Float[Tensor, "test"]
    test_probabilities: Float[Tensor, "test class"]
    train_labels: Int[Tensor, "train"]
    test_labels: Int[Tensor, "test"]
    damping: float
    stage: str
    tier: str = ""
    reason: str = ""
    bytes: int = 0
    residual: float = float("nan")
    stationarity: float = float("nan")
    covered: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    head: Head | None = None
    test: Examples | None = None

    @property
    def best(self) -> Float[Tensor, "test train"]:
        """The corrected effects, and where there are none the plain ones."""
        return torch.where(self.corrected.isnan(), self.effect, self.corrected)

    @property
    def relative(self) -> Float[Tensor, "test train"]:
        """RelatIF (Barshan, Brunet and Dziugaite 2020): the effect over the square root of the self-influence.

        So the same outliers do not top every list. NaN where the self-influence is not known.
        """
        return self.effect / self.self_influence.clamp_min(torch.finfo(self.effect.dtype).tiny).sqrt()

    def helpful(self, test: int = 0, count: int = 6) -> Int[Tensor, "example"]:
        """The training examples without which the loss rises most, the strongest first; those with an effect alone."""
        return self._strongest(self.best[self._row(test)], _counted(count))

    def harmful(self, test: int = 0, count: int = 6) -> Int[Tensor, "example"]:
        """The training examples without which the loss falls most, the strongest first; those with an effect alone."""
        return self._strongest(-self.best[self._row(test)], _counted(count))

    def retrain_without(self, examples: Sequence[int] | Tensor) -> Removal:
        """Fit the head again without some training examples, from the same optimum, to a gradient norm of 1e-10.

        Returns the predicted beside the actual change of each test example's loss. Removing nothing is the null check:
        it changes nothing. Raises `XaiwidgetsError` for an example that is not there, and for all of a class.
        """
        head, test = self.fitted()
        return last(removals(head, test, checked_examples(head, examples)))

    def leave_one_out(
        self, test: int = 0, examples: Sequence[int] | Tensor | None = None, *, count: int = 20, seed: int = 0
    ) -> Agreement:
        """Refit without each of some examples, one at a time.

        ``examples`` left out means `sample`: the most influential and as many at random. Raises `XaiwidgetsError` for
        an empty selection.
        """
        head, rows = self.fitted()
        test = self._row(test)
        chosen = self.sample(test, count, seed) if examples is None else self._learnable(places_among(head, examples))
        if len(chosen) == 0:
            raise XaiwidgetsError("No examples were given to be left out; give at least one place.")
        one = Examples(rows.features[test : test + 1], rows.labels[test : test + 1])
        return last(left_out_one_by_one(head, one, chosen, (self.effect[test], self.corrected[test])))

    def lds(self, subsets: int = 50, *, share: float = 0.5, seed: int = 0) -> DatamodelingScore:
        """The linear datamodeling score over so many random subsets of ``share`` of the training examples."""
        if not 0 < share < 1:
            raise XaiwidgetsError(f"share={share!r} was given; give a number between 0 and 1, both excluded.")
        if not isinstance(subsets, int) or subsets < 3:  # noqa: PLR2004 - no rank correlation before
            raise XaiwidgetsError(f"subsets={subsets} was given; give at least 3, for ranks to be correlated.")
        head, test = self.fitted()
        if not 0 < round(share * head.problem.rows) < head.problem.rows:
            raise XaiwidgetsError(
                f"share={share!r} was given, which keeps none or all of {head.problem.rows:,} training examples; give "
                "a share that leaves some out."
            )
        return last(datamodeling(head, test, self.effect, subsets, share, seed))

    def sample(self, test: int | None = 0, count: int = 20, seed: int = 0) -> Int[Tensor, "example"]:
        """Half of ``count`` the most influential training examples of either sign, the others at random.

        ``test`` None asks for those of most influence on the mean loss of all test examples.
        """
        effect, count = self.best.mean(0) if test is None else self.best[self._row(test)], _counted(count)
        top = effect.abs().nan_to_num(-1).argsort(descending=True, stable=True)[: count - count // 2]
        order = torch.randperm(len(effect), generator=torch.Generator().manual_seed(seed)).to(top.device)
        others = order[~torch.isin(order, top)][: count // 2]
        return self._learnable(torch.cat([top, others]))

    def _row(self, test: int) -> int:
        """The test example's place from 0; raises where there is none."""
        count = len(self.test_labels)
        if not isinstance(test, int) or not -count <= test < count:
            raise XaiwidgetsError(f"Test example {test!r} was asked for; there are {count:,}, from 0.")
        return test % count

    def _learnable(self, places: Int[Tensor, "example"]) -> Int[Tensor, "kept"]:
        """Those that are not the only one of their class, of which nothing could be learnt without."""
        counts = torch.bincount(self.train_labels)
        return places[counts[self.train_labels[places]] > 1]

    def _strongest(self, signed: Float[Tensor, "train"], count: int) -> Int[Tensor, "example"]:
        order = signed.nan_to_num(-torch.inf).argsort(descending=True, stable=True)[:count]
        return order[signed[order] > 0]

    def fitted(self) -> tuple[Head, Examples]:
        """The head at its optimum with the test rows; raises for a whole network, which no refit can check at once."""
        if self.head is not None and self.stationarity > STATIONARY_ENOUGH:
            raise XaiwidgetsError(
                f"The head is not at its optimum yet (the gradient is {self.stationarity:.0e}), so that a refit would "
                "be compared with nothing; let the run finish."
            )
        if self.head is None or self.test is None:
            raise XaiwidgetsError(
                f"Only a head can be fitted again in no time, and this is {self.tier or 'no finished answer'}; retrain "
                "the network yourself without the examples, over several seeds."
            )
        return self.head, self.test


def _counted(count: int) -> int:
    """The count; raises for what is none."""
    if not isinstance(count, int) or count < 0:
        raise XaiwidgetsError(f"count={count!r} was given; give a whole number of at least 0.")
    return count
