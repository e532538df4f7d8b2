"""Rules that people can read: conditions on named attributes, all of which must hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from xaiwidgets.methods.model_inspection._failures.attributes import KINDS, Attributes


@dataclass(frozen=True)
class Condition:
    """``low`` ≤ attribute < ``high``; for an attribute that is a class, its number is ``label``."""

    attribute: str
    low: float = -math.inf
    high: float = math.inf
    label: int = -1

    def holds(self, attributes: Attributes) -> Bool[Tensor, "image"]:
        """Of which images it is true."""
        column = attributes.column(self.attribute)
        if self.attribute in KINDS:
            return column == self.label
        return (column >= self.low) & (column < self.high)

    def words(self, class_names: Sequence[str]) -> str:
        """As people say it."""
        if self.attribute in KINDS:
            return f"{self.attribute} {class_names[self.label]}"
        low, high = f"{self.low:g}", f"{self.high:g}"
        if math.isinf(self.low):
            return f"{self.attribute} under {high}"
        return f"{self.attribute} at least {low}" + ("" if math.isinf(self.high) else f" and under {high}")


@dataclass(frozen=True)
class Rule:
    """Conditions that must all hold; without any the rule is true of no image, as where nothing was found."""

    conditions: tuple[Condition, ...] = ()

    def holds(self, attributes: Attributes) -> Bool[Tensor, "image"]:
        """Of which images it is true."""
        if not self.conditions:
            return torch.zeros(len(attributes), dtype=torch.bool, device=attributes.numbers.device)
        return torch.stack([condition.holds(attributes) for condition in self.conditions]).all(0)

    def words(self, class_names: Sequence[str]) -> str:
        """As people say it, classes first."""
        ordered = sorted(self.merged, key=lambda condition: condition.attribute not in KINDS)
        return ", ".join(condition.words(class_names) for condition in ordered) or "no rule"

    @property
    def attributes(self) -> tuple[str, ...]:
        """What it speaks of."""
        return tuple(dict.fromkeys(condition.attribute for condition in self.conditions))

    @property
    def merged(self) -> tuple[Condition, ...]:
        """The same with one condition for each number."""
        found: dict[str, Condition] = {}
        for one in self.conditions:
            known = found.get(one.attribute, Condition(one.attribute))
            found[one.attribute] = Condition(
                one.attribute, max(known.low, one.low), min(known.high, one.high), max(known.label, one.label)
            )
        return tuple(found.values())
