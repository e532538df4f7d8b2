"""The user as the oracle: one image after another, right or wrong."""

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.widgets.model_inspection._unknowns.words import percent
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.theme import category_color

_SIDE = 320  # pixels of the picture
_FIRST = "Run: the first image to judge will stand here."


class AskPanel(widgets.VBox):
    """The next image, what the network says of it, and the buttons for a verdict and for taking the last one back."""

    def __init__(self, images: ImageSet) -> None:
        self._images, self._shown = images, -1
        self.picture = FrameView(columns=1)
        self.words = widgets.HTML()
        self.right, self.wrong, self.undo = (
            widgets.Button(description=words) for words in ("It is right", "It is wrong", "Undo")
        )
        for button in (self.right, self.wrong, self.undo):
            button.add_class("xw-button")
        row = widgets.HBox([self.right, self.wrong])
        row.add_class("xw-button-row")
        super().__init__([self.words, self.picture, row, self.undo])
        self.add_class("xw-removal")
        self._blank()

    def on_verdict(self, callback: Callable[[bool], None]) -> None:
        """Call ``callback(wrong)`` when a verdict is given."""
        self.right.on_click(lambda _button: callback(False))
        self.wrong.on_click(lambda _button: callback(True))

    def on_undo(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the last verdict is taken back."""
        self.undo.on_click(lambda _button: callback())

    def tell(self, value: GuidedExploration | None, given: int) -> None:
        """Show what is asked; ``given`` verdicts can be taken back."""
        asking = -1 if value is None else value.asking
        self.right.disabled = self.wrong.disabled = asking < 0
        self.undo.disabled = not given
        words = f"<div class='xw-evidence-text'>{_words(value, given)}</div>"
        if self.words.value != words:
            self.words.value = words
        if asking != self._shown:
            self._show(asking, value)

    def _show(self, asking: int, value: GuidedExploration | None) -> None:
        self._shown = asking
        if value is None or asking < 0:
            self._blank()
            return
        self._lay(_answer(value), f"image {asking}, which is to be judged")
        self.picture.show(self._images.thumbnail(asking, _SIDE)[None], lossless=True)

    def _blank(self) -> None:
        self._shown = -1
        self._lay("", "no image to judge")
        grey = np.full_like(self._images.thumbnail(0, _SIDE), 128)
        self.picture.show(grey[None], lossless=True)

    def _lay(self, label: str, alt: str) -> None:
        _, height, width = self._images.shape
        self.picture.set_grid([label], [alt], [""], [category_color(0)], aspect=width / height, columns=1)


def _answer(value: GuidedExploration) -> str:
    place = value.confident.tolist().index(value.asking)
    return f"{value.class_names[int(value.answers[place])]}, {percent(float(value.confidence[place]))} sure"


def _words(value: GuidedExploration | None, given: int) -> str:
    if value is None:
        return _FIRST if not given else f"{given} verdicts are kept; run to go on."
    if value.asking >= 0:
        return f"<b>Query {value.queries + 1} of {value.budget}</b>: is what the network says right?"
    if value.queries == value.budget:
        return f"All {value.budget} queries are made: {int(value.wrong.sum())} answers are wrong."
    return "Looking for the next image …"
