"""What a search for unknown unknowns finds, so far or in the end."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xaiwidgets.methods.model_inspection._unknowns import chance


@dataclass(frozen=True, kw_only=True, eq=False)
class GuidedExploration:
    """The confident answers of a network, and which of them were asked about.

    ``confident`` are the places in the set of the images whose ``confidence``, the largest probability in [0, 1], is at
    least the threshold; ``answers`` is the class that the network gives to each, ``partition`` the partition that each
    belongs to (−1 before there are any). ``queried`` are the images that the guided search asked about, in its order,
    ``wrong`` says of each whether the network is wrong (an unknown unknown), ``labels`` is its true class, −1 where it
    was not told.

    ``means`` and ``bonuses`` are what the next choice goes by: the discounted mean of a partition's verdicts in [0, 1],
    and what is added for what is not known of it (infinite before its first query, 0 once nothing is left).
    """

    confident: Int[Tensor, "confident"]
    answers: Int[Tensor, "confident"]
    confidence: Float[Tensor, "confident"]
    partition: Int[Tensor, "confident"]
    queried: Int[Tensor, "query"]
    wrong: Bool[Tensor, "query"]
    labels: Int[Tensor, "query"]
    means: Float[Tensor, "partition"]
    bonuses: Float[Tensor, "partition"]
    baseline_queries: Int[Tensor, "policy query"]
    """The images that the policies in ``baselines`` asked about on the same budget."""
    baseline_wrong: Bool[Tensor, "policy query"]
    band: Int[Tensor, "3 point"]
    """Numbers of queries, and between which two numbers a search at random finds in 95 of 100 cases."""
    baselines: tuple[str, ...]
    seen: int
    images: int
    threshold: float
    budget: int
    cost: float
    total: int | None
    """How many confident answers are wrong: what the check knows from all labels, and no search looks at."""
    asking: int
    """The image whose verdict is waited for, −1 for none."""
    class_names: tuple[str, ...]

    @property
    def queries(self) -> int:
        """How many verdicts the guided search has asked for."""
        return len(self.queried)

    @property
    def found(self) -> Int[Tensor, "query"]:
        """The images that were found: answered with confidence, and wrongly; in the order of the search."""
        return self.queried[self.wrong]

    @property
    def found_so_far(self) -> Int[Tensor, "query"]:
        """How many had been found after each query."""
        return self.wrong.cumsum(0)

    @property
    def baseline_found(self) -> Int[Tensor, "policy query"]:
        """The same for each of ``baselines``."""
        return self.baseline_wrong.cumsum(1)

    @property
    def utility(self) -> Float[Tensor, "query"]:
        """The sum of utilities after each query: 1 for each that was found, less the cost of each query."""
        return self.found_so_far.double() - self.cost * torch.arange(1, self.queries + 1).double()

    @property
    def sizes(self) -> Int[Tensor, "partition"]:
        """How many images each partition has."""
        return self._count(torch.arange(len(self.confident)))

    @property
    def asked(self) -> Int[Tensor, "partition"]:
        """How many of them were asked about."""
        return self._count(self.places)

    @property
    def found_in(self) -> Int[Tensor, "partition"]:
        """How many of those were found to be wrong."""
        return self._count(self.places[self.wrong])

    @property
    def places(self) -> Int[Tensor, "query"]:
        """Where each queried image stands among the confident ones."""
        return torch.searchsorted(self.confident, self.queried)

    @property
    def expected(self) -> float | None:
        """How many as many queries at random find on average, None where that is not known."""
        return None if self.total is None else self.queries * self.total / max(1, len(self.confident))

    @property
    def interval(self) -> tuple[int, int] | None:
        """Between which two numbers as many queries at random find in 95 of 100 cases (hypergeometric)."""
        return None if self.total is None else chance.interval(len(self.confident), self.total, self.queries)

    @property
    def p_value(self) -> float | None:
        """The probability that as many queries at random find at least as many."""
        if self.total is None:
            return None
        return chance.at_least(len(self.confident), self.total, self.queries, int(self.wrong.sum()))

    @property
    def estimated_total(self) -> tuple[float, float]:
        """How many confident answers are wrong, as the verdicts suggest, with about one standard error.

        Each partition is drawn from at random, so that its share of wrong ones is that among its queries; partitions
        that were not asked about count as the rest does. The error takes (found + 1) / (asked + 2) for the share, since
        a few verdicts that agree do not make a share certain.
        """
        asked, known = self.asked, self.asked > 0
        if not bool(known.any()):
            return 0.0, 0.0
        asked, found, size = (part[known].double() for part in (asked, self.found_in, self.sizes))
        scale = len(self.confident) / float(size.sum())
        careful = (found + 1) / (asked + 2)
        variance = careful * (1 - careful) / asked * (1 - asked / size)
        return scale * float((size * found / asked).sum()), scale * float((size.square() * variance).sum().sqrt())

    def mean_confidence(self) -> Float[Tensor, "partition"]:
        """Of the images in each partition."""
        sums = torch.zeros(len(self.sizes), dtype=torch.double)
        return sums.index_add(0, self.partition, self.confidence.double()) / self.sizes.clamp(min=1)

    def _count(self, places: Int[Tensor, "place"]) -> Int[Tensor, "partition"]:
        """How many of some confident images lie in each partition; none before there are partitions."""
        if not len(self.means):
            return torch.zeros(0, dtype=torch.int64)
        return self.partition[places].bincount(minlength=len(self.means))
