"""Which image is asked about next: the guided search and what it is compared with."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Policy(Protocol):
    """Chooses one image after another; ``exploration`` is the newest setting."""

    def choose(self, exploration: float) -> int:
        """The place of the next image."""

    def learn(self, *, wrong: bool) -> None:
        """The verdict on the image that was chosen last."""


class InOrder:
    """Asks for the images in an order that is known from the beginning."""

    def __init__(self, order: Int[Tensor, "image"]) -> None:
        self._order, self._next = order.tolist(), 0

    def choose(self, exploration: float) -> int:
        """The next in the order."""
        del exploration
        self._next += 1
        return self._order[self._next - 1]

    def learn(self, *, wrong: bool) -> None:
        """An order does not learn."""


class Bandit(ABC):
    """Each partition is an arm; an image is drawn from the chosen one at random, and never again.

    Each arm is chosen once first, in the order of the partitions; then the one with the largest `index`, of equal ones
    the first. An arm without images left is never chosen.
    """

    def __init__(self, partition: Int[Tensor, "image"], seed: int) -> None:
        sizes = partition.bincount()
        self.left = sizes.tolist()
        self.asked, self.found = [0] * len(sizes), [0] * len(sizes)
        self._orders = [_shuffled((partition == arm).nonzero().flatten(), seed, arm) for arm in range(len(sizes))]
        self.arm = -1

    @abstractmethod
    def index(self, exploration: float) -> Sequence[float]:
        """How promising each arm is."""

    def choose(self, exploration: float) -> int:
        """Draw an image of the most promising arm."""
        self.arm = self.asked.index(0) if 0 in self.asked else self._best(exploration)
        self.left[self.arm] -= 1
        return self._orders[self.arm][-1 - self.left[self.arm]]

    def learn(self, *, wrong: bool) -> None:
        """Keep the reward: 1 for a wrong answer, else 0."""
        self.asked[self.arm] += 1
        self.found[self.arm] += wrong

    def _best(self, exploration: float) -> int:
        index = self.index(exploration)
        open_arms = [arm for arm, left in enumerate(self.left) if left]
        return max(open_arms, key=lambda arm: (index[arm], -arm))


class GuidedSearch(Bandit):
    """The bandit for unknown unknowns (UUB): what an arm gave before it shrank counts less.

    With R_j the images that were left in the arm after its j-th query, and R those that are left now, that query counts
    ϑ_j = R / R_j. N = Σ_j ϑ_j is what the arm's queries count together, ū = Σ_j ϑ_j u_j / N its mean reward, and its
    index is ū + c √(2 log(Σ N of all arms) / N). Since ϑ_j = R · (1/R_j), two running sums are enough.
    """

    def __init__(self, partition: Int[Tensor, "image"], seed: int) -> None:
        super().__init__(partition, seed)
        self._weight, self._reward = [0.0] * len(self.left), [0.0] * len(self.left)

    def learn(self, *, wrong: bool) -> None:
        """Keep the reward, weighed by what is left; an arm that is empty now is never asked again."""
        super().learn(wrong=wrong)
        left = self.left[self.arm]
        self._weight[self.arm] += 1 / left if left else 0.0
        self._reward[self.arm] += wrong / left if left else 0.0

    @property
    def counts(self) -> list[float]:
        """N of each arm: 0 before its first query and once it is empty, else at least 1."""
        return [left * weight for left, weight in zip(self.left, self._weight, strict=True)]

    @property
    def means(self) -> list[float]:
        """The discounted mean ū of each arm, in [0, 1]; 0 before its first query."""
        return [reward / weight if weight else 0.0 for reward, weight in zip(self._reward, self._weight, strict=True)]

    def bonuses(self, exploration: float) -> list[float]:
        """What each arm's index has beyond its mean: infinite before its first query, 0 once it is empty."""
        counts = self.counts
        total = math.log(max(1.0, sum(counts)))
        return [
            exploration * math.sqrt(2 * total / count) if count else (math.inf if left else 0.0)
            for count, left in zip(counts, self.left, strict=True)
        ]

    def index(self, exploration: float) -> Sequence[float]:
        """The mean and the bonus."""
        return [mean + bonus for mean, bonus in zip(self.means, self.bonuses(exploration), strict=True)]


class UCB1(Bandit):
    """The upper confidence bound of Auer, Cesa-Bianchi and Fischer (2002), as if arms did not shrink."""

    def index(self, exploration: float) -> Sequence[float]:
        """The mean, and c √(2 log t / n) for n of t queries."""
        total = math.log(sum(self.asked))
        return [
            found / asked + exploration * math.sqrt(2 * total / asked)
            for found, asked in zip(self.found, self.asked, strict=True)
        ]


class EpsilonGreedy(Bandit):
    """The arm with the largest mean, but with probability ε any that has images left."""

    def __init__(self, partition: Int[Tensor, "image"], seed: int, epsilon: float) -> None:
        super().__init__(partition, seed)
        self._epsilon, self._draw = epsilon, torch.Generator().manual_seed(seed)

    def index(self, exploration: float) -> Sequence[float]:
        """The mean, or noise."""
        del exploration
        if float(torch.rand((), generator=self._draw)) < self._epsilon:
            return torch.rand(len(self.left), generator=self._draw).tolist()
        return [found / asked for found, asked in zip(self.found, self.asked, strict=True)]


def baselines(
    partition: Int[Tensor, "image"], confidence: Float[Tensor, "image"], seed: int, epsilon: float
) -> dict[str, Policy]:
    """What guided search is compared with, by name."""
    return {
        "random": InOrder(_shuffled(torch.arange(len(partition)), seed, len(partition))),
        "least confident first": InOrder(confidence.argsort(stable=True)),
        "UCB1": UCB1(partition, seed),
        "ε-greedy": EpsilonGreedy(partition, seed, epsilon),
    }


def _shuffled(places: Int[Tensor, "image"], seed: int, occurrence: int) -> Int[Tensor, "image"]:
    draw = torch.Generator().manual_seed(seed * 1_000_003 + occurrence)
    return places[torch.randperm(len(places), generator=draw)]
