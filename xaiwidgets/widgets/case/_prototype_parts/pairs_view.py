"""Parts of the test image beside the prototypes that they are most like."""

from html import escape

import ipywidgets as widgets
import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.case._prototype_parts.result import LearnedParts, Pair
from xaiwidgets.widgets.case._prototype_parts.boxed import BoxedPictures, color_of
from xaiwidgets.widgets.case._prototype_parts.words import minus
from xaiwidgets.widgets.parts.facts import fact_table
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.theme import MID_GREY
from xaiwidgets.widgets.parts.words import class_name

SHOWN = 4
"""Pairs that are shown."""

_TITLE, _WHICH = "This looks like that", ("this", "that")
_SIDE, _ACROSS = 168, 4


class PairsView(widgets.VBox):
    """The pairs with the most points for a class, and how they add up to its logit; ``choice`` is that class."""

    def __init__(self, train: ImageSet, test: ImageSet, names: list[str]) -> None:
        self._train, self._test, self._names = train, test, names
        self._those, self._these = BoxedPictures(train, _SIDE), BoxedPictures(test, _SIDE)
        self._shown: object = None
        self.frame, self.sums = FrameView(columns=_ACROSS), widgets.HTML()
        self.choice = pick("Points for", ["the predicted class", *names])
        super().__init__([self.frame, self.sums])
        self.blank()

    def blank(self) -> None:
        """Empty cells."""
        self._shown = None
        alts = [f"{which} of pair {place}, once there are parts" for place in range(1, SHOWN + 1) for which in _WHICH]
        self._name(alts, [""] * len(alts), [MID_GREY] * len(alts), _TITLE)
        self.sums.value = ""

    def show(self, value: LearnedParts, query: int) -> None:
        """The pairs of a test image; nothing where they stand there already."""
        now = (value, query, self.choice.index)
        if self._shown == now or query >= len(value.similarities):
            return
        self._shown = now
        label = self.choice.index - 1 if self.choice.index else int(value.predictions[query])
        pairs = value.pairs(query, label)
        shown = [*pairs[:SHOWN], *[None] * (SHOWN - len(pairs))]
        self._lay(shown, query, value, label)
        boxes = value.query_boxes(query)
        colors = [color_of(int(value.classes[pair.prototype])) if pair else "" for pair in shown]
        nothing = (0, 0, 0, 0)
        these = self._these(
            [query if pair else -1 for pair in shown],
            [boxes[pair.prototype].tolist() if pair else nothing for pair in shown],
            colors,
        )
        those = self._those(
            [int(value.images[pair.prototype]) if pair else -1 for pair in shown],
            [value.boxes[pair.prototype].tolist() if pair else nothing for pair in shown],
            colors,
        )
        both = [picture for couple in zip(these, those, strict=True) for picture in couple]
        self.frame.show(np.stack(both), lossless=True)
        self.sums.value = self._added_up(value, query, label, pairs)

    def _lay(self, pairs: list[Pair | None], query: int, value: LearnedParts, label: int) -> None:
        alts, notes, colors = [], [], []
        for place, pair in enumerate(pairs, 1):
            # Names stay while it learns: a picture is taken away where its name changes.
            alts += [f"this of pair {place}: a part of test image {query}", f"that of pair {place}: a training part"]
            notes += [f"similarity {pair.similarity:.2f}", self._worth(value, pair)] if pair else ["", ""]
            colors += [color_of(int(value.classes[pair.prototype])) if pair else MID_GREY] * 2
        self._name(
            alts, [minus(note) for note in notes], colors, f"{_TITLE}: test image {query:,}, why {self._names[label]}"
        )

    def _name(self, alts: list[str], notes: list[str], colors: list[str], above: str) -> None:
        _, height, width = self._test.shape
        labels = [*_WHICH] * SHOWN
        self.frame.set_grid(labels, alts, notes, colors, width / height, columns=_ACROSS, headings={0: above})

    def _worth(self, value: LearnedParts, pair: Pair) -> str:
        """Whose part it is, and what the pair adds."""
        name = class_name(int(value.classes[pair.prototype]), self._names)
        return f"{name} × {pair.weight:.2f} = {pair.points:+.2f}"

    def _added_up(self, value: LearnedParts, query: int, label: int, pairs: list[Pair]) -> str:
        shown, others = sum(pair.points for pair in pairs[:SHOWN]), sum(pair.points for pair in pairs[SHOWN:])
        logit = float(value.logits[query, label])
        rows = [
            (f"the {min(SHOWN, len(pairs))} pairs shown", minus(f"{shown:+.2f} points")),
            (f"{max(0, len(pairs) - SHOWN)} other pairs", minus(f"{others:+.2f}")),
            (f"sum: the logit of {escape(self._names[label])}", minus(f"{logit:+.2f}")),
            ("probability by parts", f"{float(value.logits[query].softmax(0)[label]):.3f}"),
        ]
        if label < value.outputs.shape[1]:
            own = float(value.outputs[query].double().softmax(0)[label])
            rows.append(("by the network itself", f"{own:.3f}"))
        return fact_table(rows)
