"""Who tells whether the network's answer to an image is right: one image at a time."""

from collections.abc import Collection
from typing import NamedTuple

from torch import Tensor


class Verdict(NamedTuple):
    """Whether an answer is wrong, and the true class where it is known, else −1."""

    wrong: bool
    label: int


class LabelOracle:
    """Looks at the label of an image when it is asked for it, and not before."""

    def __init__(self, labels: Tensor, predicted: Tensor) -> None:
        self._labels, self._predicted = labels, predicted

    def __call__(self, image: int) -> Verdict:
        """The verdict on one image."""
        label = int(self._labels[image])
        return Verdict(label != int(self._predicted[image]), label)


class AnswerOracle:
    """Knows the answers that somebody has given so far, and None for any other image."""

    def __init__(self, right: Collection[int], wrong: Collection[int]) -> None:
        self._right, self._wrong = frozenset(right), frozenset(wrong)

    def __call__(self, image: int) -> Verdict | None:
        """The verdict on one image, None where it is still to be given."""
        known = image in self._right or image in self._wrong
        return Verdict(image in self._wrong, -1) if known else None


Oracle = LabelOracle | AnswerOracle
