"""What somebody decided about labels, as a record that can be taken back, exported and applied."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.data import ImageSet

KEEP, FLIP, DROP = "keep", "flip", "drop"
DECISIONS = (KEEP, FLIP, DROP)


@dataclass(frozen=True)
class Decision:
    """One label's fate: kept, flipped to ``new``, or its image dropped (then ``new`` is None).

    ``score`` is what it had in ``ranking``, by which it was found; None where nobody ranked.
    """

    index: int
    decision: str
    old: int
    new: int | None
    score: float | None = None
    ranking: str = ""


class Decisions:
    """The decisions in the order in which they were taken; of several about one image the newest counts.

    ``labels`` are those before any decision, ``classes`` how many there are to flip to. Raises `XaiwidgetsError` for an
    image or a class that is not there, a flip to no other class, and an undo or redo of nothing.
    """

    def __init__(
        self, labels: Sequence[int] | Tensor, classes: int | None = None, class_names: Sequence[str] | None = None
    ) -> None:
        self._before = torch.as_tensor(labels).cpu()
        self.classes = classes or (len(class_names) if class_names else int(self._before.max()) + 1)
        self.class_names = class_names
        self._taken: list[Decision] = []
        self._undone: list[Decision] = []

    def decide(
        self, index: int, decision: str, new: int | None = None, *, score: float | None = None, ranking: str = ""
    ) -> Decision:
        """Keep, flip (to the class ``new``) or drop an image; what was undone can no longer be redone."""
        taken = self._checked(index, decision, new, score, ranking)
        self._taken.append(taken)
        self._undone.clear()
        return taken

    def undo(self) -> Decision:
        """Take the last decision back; what was decided about its image before counts again."""
        return self._move(self._taken, self._undone, "undo")

    def redo(self) -> Decision:
        """Take again what was undone last."""
        return self._move(self._undone, self._taken, "redo")

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision."""
        return bool(self._taken)

    @property
    def can_redo(self) -> bool:
        """Whether one was undone, and none taken since."""
        return bool(self._undone)

    @property
    def current(self) -> dict[int, Decision]:
        """The decision that counts for each image that has one, the newest last."""
        counting: dict[int, Decision] = {}
        for taken in self._taken:
            counting.pop(taken.index, None)
            counting[taken.index] = taken
        return counting

    def __len__(self) -> int:
        """How many images are decided."""
        return len(self.current)

    def count(self, decision: str) -> int:
        """How many images are kept, flipped or dropped."""
        return sum(taken.decision == decision for taken in self.current.values())

    @property
    def labels(self) -> Int[Tensor, "image"]:
        """All labels with the flips made, those of dropped images too."""
        labels = self._before.clone()
        for taken in self.current.values():
            if taken.decision == FLIP:
                labels[taken.index] = taken.new
        return labels

    @property
    def dropped(self) -> list[int]:
        """The images that are dropped, by their places."""
        return sorted(taken.index for taken in self.current.values() if taken.decision == DROP)

    def applied_to(self, images: ImageSet) -> ImageSet:
        """The set with the flips made and without what was dropped; ``images`` are those that were decided about."""
        if len(images) != len(self._before):
            raise XaiwidgetsError(
                f"{len(images):,} images were given to decisions about {len(self._before):,}; give the same set."
            )
        gone = set(self.dropped)
        if len(gone) == len(images):
            raise XaiwidgetsError("Every image is dropped; keep at least one.")
        kept = [place for place in range(len(images)) if place not in gone]
        return (images.subset(kept) if gone else images).with_labels(self.labels[kept])

    def to_csv(self) -> str:
        """A row for each image that is decided, in the order of the decisions."""
        file = io.StringIO()
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["index", "decision", "old_label", "new_label", "old_name", "new_name", "score", "ranking"])
        for taken in self.current.values():
            row = [taken.index, taken.decision, taken.old, taken.new, self._name(taken.old), self._name(taken.new)]
            table.writerow([*row, "" if taken.score is None else f"{taken.score:.6g}", taken.ranking])
        return file.getvalue()

    def to_json(self) -> str:
        """The same as JSON, which `from_json` reads."""
        names = None if self.class_names is None else list(self.class_names)
        decided = [asdict(taken) for taken in self.current.values()]
        return json.dumps({"images": len(self._before), "class_names": names, "decisions": decided}, indent=1)

    @classmethod
    def from_json(
        cls,
        text: str,
        labels: Sequence[int] | Tensor,
        classes: int | None = None,
        class_names: Sequence[str] | None = None,
    ) -> Self:
        """The record that `to_json` wrote, about the same labels; each decision is checked like a new one."""
        made = cls(labels, classes, class_names)
        try:
            entries = [Decision(**entry) for entry in json.loads(text)["decisions"]]
        except (ValueError, KeyError, TypeError):
            raise XaiwidgetsError("The text is no record of decisions; give what to_json() wrote.") from None
        for entry in entries:
            new = entry.new if entry.decision == FLIP else None
            taken = made.decide(entry.index, entry.decision, new, score=entry.score, ranking=entry.ranking)
            if taken.old != entry.old:
                raise XaiwidgetsError(
                    f"Image {entry.index} has the label {taken.old}, but the record says {entry.old}; give the set "
                    "that was decided about."
                )
        return made

    def _checked(self, index: int, decision: str, new: int | None, score: float | None, ranking: str) -> Decision:
        if not 0 <= index < len(self._before):
            raise XaiwidgetsError(
                f"Image {index} was decided about; there are {len(self._before):,}, 0 to {len(self._before) - 1}."
            )
        if decision not in DECISIONS:
            raise XaiwidgetsError(f"The decision {decision!r} was given; {nearest(str(decision), DECISIONS)}.")
        old = int(self._before[index])
        if decision == FLIP and (new is None or new == old):
            raise XaiwidgetsError(f"Image {index} is to be flipped, but to no other class than {old}; name another.")
        if decision == FLIP and not 0 <= new < self.classes:
            raise XaiwidgetsError(
                f"Image {index} is to be flipped to class {new}; there are {self.classes}, 0 to {self.classes - 1}."
            )
        known = None if score is None or not math.isfinite(score) else float(score)
        kept = {KEEP: old, FLIP: new, DROP: None}[decision]
        return Decision(int(index), decision, old, kept, known, ranking)

    def _name(self, label: int | None) -> str:
        return "" if label is None or not self.class_names else self.class_names[label]

    @staticmethod
    def _move(source: list[Decision], target: list[Decision], what: str) -> Decision:
        if not source:
            raise XaiwidgetsError(f"There is nothing to {what}.")
        target.append(source.pop())
        return target[-1]
