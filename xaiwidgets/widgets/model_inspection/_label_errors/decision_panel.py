"""What to do with the label of the chosen picture: keep, flip or drop it, and take that back."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from xaiwidgets.methods.model_inspection._label_errors.decisions import DROP, FLIP, KEEP, Decisions
from xaiwidgets.widgets.model_inspection._label_errors.words import count_in_words
from xaiwidgets.widgets.parts.pick import pick

_NOBODY = "Choose a picture, then say what becomes of its label."


class DecisionPanel(widgets.VBox):
    """Words about the chosen picture, buttons for its label, and how many are decided."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.words, self.count = widgets.HTML(), widgets.HTML()
        self.keep, self.flip, self.drop, self.undo, self.redo = (
            widgets.Button(description=words) for words in ("Keep", "Flip", "Drop", "Undo", "Redo")
        )
        self.target = pick("Flip to", classes)
        self.target.layout.max_width = "280px"
        for button in (self.keep, self.flip, self.drop, self.undo, self.redo):
            button.add_class("xw-button")
        deciding = widgets.HBox([self.keep, self.flip, self.drop])
        taking_back = widgets.HBox([self.undo, self.redo])
        for row in (deciding, taking_back):
            row.add_class("xw-button-row")
        self._told = (-1, -1)
        super().__init__([self.words, self.target, deciding, self.count, taking_back])
        self.add_class("xw-removal")

    def on_decide(self, callback: Callable[[str, int | None], None]) -> None:
        """Call ``callback(decision, new label)`` when a decision is taken."""
        self.keep.on_click(lambda _button: callback(KEEP, None))
        self.flip.on_click(lambda _button: callback(FLIP, self.target.index))
        self.drop.on_click(lambda _button: callback(DROP, None))

    def on_take_back(self, undo: Callable[[], None], redo: Callable[[], None]) -> None:
        """Call these when a decision is taken back, or taken again."""
        self.undo.on_click(lambda _button: undo())
        self.redo.on_click(lambda _button: redo())

    def tell(self, image: int, words: str, suggested: int, decisions: Decisions) -> None:
        """Show what is said of the chosen picture, −1 for none; its likelier class is put into the list, once."""
        _write(self.words, words if image >= 0 else _NOBODY)
        _write(self.count, count_in_words(decisions))
        for button in (self.keep, self.flip, self.drop):
            button.disabled = image < 0
        self.target.disabled = image < 0
        self.undo.disabled, self.redo.disabled = not decisions.can_undo, not decisions.can_redo
        if (image, suggested) != self._told and image >= 0:
            self._told = (image, suggested)
            self.target.index = max(0, suggested)


def _write(box: widgets.HTML, words: str) -> None:
    text = f"<div class='xw-evidence-text'>{words}</div>"
    if box.value != text:
        box.value = text
