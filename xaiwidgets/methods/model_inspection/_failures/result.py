"""What is found of the failures of a network, and what it says of other images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._failures.attributes import Attributes, Means
from xaiwidgets.methods.model_inspection._failures.rates import Rates
from xaiwidgets.methods.model_inspection._failures.rules import Rule
from xaiwidgets.methods.model_inspection._failures.selective import Selective
from xaiwidgets.models import ImageModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Null:
    """What the same search finds where errors are dealt out at random, a number for each run.

    ``found`` and ``held_out`` are the mean lift of its rules on the images that they were found on and on the others,
    ``best`` the largest lower end of a rule's interval on the others.
    """

    found: Float[Tensor, "run"]
    held_out: Float[Tensor, "run"]
    best: Float[Tensor, "run"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What the network answered to the images, and what the rules say of it.

    ``confidence`` is the largest probability, in [0, 1]; ``covered`` tells which rule covers which image.
    """

    predicted: Int[Tensor, "image"]
    confidence: Float[Tensor, "image"]
    labels: Int[Tensor, "image"] | None
    numbers: Float[Tensor, "image number"]
    """The attributes of each image that are numbers, under the names in `SpecificationSheet.names`."""
    covered: Bool[Tensor, "rule image"]

    @property
    def wrong(self) -> Bool[Tensor, "image"]:
        """Which answers are errors."""
        if self.labels is None:
            raise XaiwidgetsError(
                "These images have no labels, so that nobody knows which answers are wrong; give some."
            )
        return self.predicted != self.labels

    @property
    def flagged(self) -> Bool[Tensor, "image"]:
        """Which answers should not be trusted: those under any rule."""
        return self.covered.any(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Flags(Answers):
    """Which answers to other images fall under a rule, and where they are labelled, how it would have fared."""

    @property
    def rates(self) -> Rates:
        """How often the answers under each rule are wrong, and the last for those under any."""
        return Rates.of(torch.cat([self.covered, self.flagged[None]]), self.wrong)

    @property
    def selective(self) -> Selective:
        """The accuracy on what is kept, by the rules in their order and by confidence."""
        return Selective.of(self.covered, self.wrong, self.confidence)


@dataclass(frozen=True, kw_only=True, eq=False)
class SpecificationSheet(Answers):
    """The failure modes of a network: its errors in groups, a rule for each, and how the rules hold.

    Images are those seen so far. ``errors`` are the places of those answered wrongly, ``cluster`` the group of each,
    −1 for none, ``distance`` that to the middle of its group (0 where groups are confusions). The rules come in the
    groups' order; each was found on the images that are not ``held_out``, of which `found` tells; what is claimed is
    what `held` tells, of the others.
    """

    layer: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    images: int
    """How many there are in all."""
    clusters: int
    """How many groups were wanted; there may be fewer."""
    held_out: Bool[Tensor, "image"]
    errors: Int[Tensor, "error"]
    cluster: Int[Tensor, "error"]
    distance: Float[Tensor, "error"]
    rules: tuple[Rule, ...] = ()
    null: Null
    means: Means | None = None
    attributes: int = 0
    """How many of the names are of attributes that were given."""

    @property
    def seen(self) -> int:
        """How many images were looked at."""
        return len(self.predicted)

    @cached_property
    def found(self) -> Rates:
        """The rates of the rules on the images that they were found on."""
        return self._rates(~self.held_out)

    @cached_property
    def held(self) -> Rates:
        """The rates of the rules on the held-out images."""
        return self._rates(self.held_out)

    @property
    def p_value(self) -> Float[Tensor, "rule"]:
        """How often random errors give a best rule as good as each, (1 + runs as good) / (1 + runs).

        Good is the lower end of the interval on held-out images. That the best of all random rules is compared makes up
        for the number of rules. 1 where there are no random runs.
        """
        low = self.held.interval[:, 0]
        return (1 + (self.null.best[None] >= low[:, None]).sum(1)).double() / (1 + len(self.null.best))

    @property
    def order(self) -> Int[Tensor, "rule"]:
        """The rules from the surest to the least sure, as the images that they were found on tell."""
        return self.found.interval[:, 0].argsort(descending=True, stable=True)

    @cached_property
    def selective(self) -> Selective:
        """The accuracy on the held-out images that are kept, by the rules from the surest on, and by confidence."""
        held = self.held_out
        return Selective.of(self.covered[self.order][:, held], self.wrong[held], self.confidence[held])

    @property
    def confident(self) -> Rates:
        """For each rule as many held-out images as it covers, those of the least confidence."""
        order = self.confidence[self.held_out].argsort(stable=True)
        place = torch.empty_like(order).scatter(0, order, torch.arange(len(order)).to(order))
        return Rates.of(place[None] < self.held.covered[:, None], self.wrong[self.held_out])

    def members(self, cluster: int) -> Int[Tensor, "member"]:
        """The places in the set of a group's errors, the nearest to its middle first."""
        of_it = (self.cluster == cluster).nonzero().flatten()
        return self.errors[of_it[self.distance[of_it].argsort(stable=True)]]

    def words(self, rule: int) -> str:
        """A rule as people read it."""
        return self.rules[rule].words(self.class_names)

    def covered_by(self, attributes: Attributes) -> Bool[Tensor, "rule image"]:
        """Which rule covers which image of a table."""
        none = torch.zeros((0, len(attributes)), dtype=torch.bool, device=attributes.numbers.device)
        return torch.cat([none, *(rule.holds(attributes)[None] for rule in self.rules)])

    def flags(self, model: ImageModel | nn.Module, images: Any, attributes: Tensor | None = None) -> Flags:
        """Which of other images fall under a rule, and where they have labels, how flagging them fares.

        The model is the one that was looked at, or another version of it; ``attributes`` are as those of the method.
        Raises `XaiwidgetsError` for images that it cannot look at, and for another number of attributes.
        """
        from xaiwidgets.methods.model_inspection._failures.flagging import flags_of

        return flags_of(self, model, images, attributes)

    def _rates(self, rows: Tensor) -> Rates:
        return Rates.of(self.covered[:, rows], self.wrong[rows])
