"""The training images that were chosen, and the button that fits the head again without them."""

from collections.abc import Callable

import ipywidgets as widgets

from xaiwidgets.widgets.parts.root import heading

_NAMED = 4


class RemovalPanel(widgets.VBox):
    """How many are chosen, "Remove and retrain", and what came of it."""

    def __init__(self) -> None:
        self.words = widgets.HTML()
        self.result = widgets.HTML()
        self.button = widgets.Button(description="Remove and retrain")
        self.clear = widgets.Button(description="Choose none")
        self.button.add_class("xw-primary")
        for button in (self.button, self.clear):
            button.add_class("xw-button")
        super().__init__([heading("Chosen images"), self.words, self.button, self.clear, self.result])
        self.add_class("xw-removal")
        self.tell([])

    def on_remove(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the removal is asked for."""
        self.button.on_click(lambda _button: callback())

    def on_clear(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the choice is taken back."""
        self.clear.on_click(lambda _button: callback())

    def tell(self, chosen: list[int]) -> None:
        """Say which images are chosen."""
        named = ", ".join(f"{place:,}" for place in chosen[:_NAMED]) + (", …" if len(chosen) > _NAMED else "")
        words = f"{len(chosen):,} chosen: {named}" if chosen else "None yet: click cards, or drag over bars."
        self.words.value = f"<p class='xw-evidence-text'>{words}</p>"

    def report(self, words: str) -> None:
        """What the newest removal did."""
        text = f"<div class='xw-evidence-text'>{words}</div>" if words else ""
        if self.result.value != text:
            self.result.value = text
