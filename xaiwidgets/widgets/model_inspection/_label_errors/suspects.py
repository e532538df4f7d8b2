"""The pictures of the most suspected labels, a page at a time."""

from typing import Any

import ipywidgets as widgets
import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.decisions import Decisions
from xaiwidgets.methods.model_inspection._label_errors.result import SuspectedLabels
from xaiwidgets.widgets.model_inspection._label_errors.words import NAMES, fate_of, note_of
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.theme import BELOW
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.words import class_name

ACROSS, EACH = 4, 12
_SIDE = 160


class Suspects:
    """Which images stand on the cards: a ranking, and how far one has turned its pages."""

    def __init__(self, images: ImageSet) -> None:
        self._images, self._names = images, images.class_names
        self._thumbnails = Thumbnails(images, _SIDE)
        self._laid: Any = None
        self.page = 0
        self.choice = pick("Rank by", list(NAMES.values()))
        self.earlier, self.later = widgets.Button(description="Earlier"), widgets.Button(description="Next")
        for button in (self.earlier, self.later):
            button.add_class("xw-button")
        self.pages = widgets.HBox([self.earlier, self.later])
        self.pages.add_class("xw-button-row")

    @property
    def ranking(self) -> str:
        """The score by which the labels are ranked."""
        return list(NAMES)[self.choice.index]

    @property
    def last_page(self) -> int:
        """The page with the least suspicious."""
        return (len(self._images) - 1) // EACH

    def of(self, value: SuspectedLabels) -> list[int]:
        """The images of the cards, −1 for a card that is empty."""
        score = value.score(self.ranking)
        places = value.order(self.ranking)[self.page * EACH : (self.page + 1) * EACH]
        cards = [int(place) if score[place] == score[place] else -1 for place in places]
        return cards + [-1] * (EACH - len(cards))

    def pixels(self, value: SuspectedLabels) -> np.ndarray:
        """The pictures."""
        return self._thumbnails(self.of(value))

    def blank(self, frame: FrameView) -> None:
        """Grey cards."""
        frame.set_trait("selected", -1)
        frame.mark([])
        frame.set_notes([""] * EACH)
        frame.show(self._thumbnails([-1] * EACH), lossless=True)

    def notes(self, value: SuspectedLabels, decisions: Decisions) -> list[str]:
        """What each is labelled, what it rather looks like and its score; or what was decided."""
        current = decisions.current
        return [
            ""
            if card < 0
            else f"{class_name(int(value.labels[card]), self._names)}: {fate_of(current[card], self._names)}"
            if card in current
            else note_of(value, card, self.ranking, self._names)
            for card in self.of(value)
        ]

    def lay_out(self, frame: FrameView) -> None:
        """Name the cards of the page, once for each."""
        if self._laid == (self.page, self.ranking):
            return
        self._laid = (self.page, self.ranking)
        first = self.page * EACH
        ranks = [f"{first + place + 1:,}" for place in range(EACH)]
        no_names = [""] * EACH  # the ranks stand above, and class names need the room
        alts = [f"suspected label, rank {rank} by {NAMES[self.ranking]}" for rank in ranks]
        title = {0: f"Suspected labels {ranks[0]} to {ranks[-1]} of {len(self._images):,}, by {NAMES[self.ranking]}"}
        _, height, width = self._images.shape
        frame.set_grid(no_names, alts, no_names, [BELOW] * EACH, width / height, columns=ACROSS, headings=title)
        self.earlier.disabled, self.later.disabled = self.page == 0, self.page >= self.last_page
