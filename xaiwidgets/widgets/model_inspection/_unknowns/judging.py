"""What somebody says of the network's answers: the half of the blind spot finder that asks."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._unknowns.inputs import ANSWERS, LABELS
from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.widgets.model_inspection._unknowns.ask_panel import AskPanel
from xaiwidgets.widgets.model_inspection._unknowns.verdicts import Verdicts
from xaiwidgets.widgets.parts.method_explorer import MethodExplorer
from xaiwidgets.widgets.parts.run import Run

WHO = {"the labels": LABELS, "you": ANSWERS}


class JudgingExplorer(MethodExplorer):
    """Asks about one image after another, and runs the search again with each verdict.

    The other half makes ``who``, ``verdicts`` and ``panel`` before ``__init__``.
    """

    who: widgets.ToggleButtons
    verdicts: Verdicts
    panel: AskPanel

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.panel.on_verdict(lambda wrong: self.guarded(self._on_verdict, wrong))
        self.panel.on_undo(lambda: self.guarded(self.undo))

    def judge(self, wrong: bool) -> None:
        """Say whether the network's answer to the image that is asked about is wrong; the search goes on at once."""
        value: GuidedExploration | None = self.result
        if value is None or value.asking < 0:
            raise XaiwidgetsError("No image is asked about; let you be the one who says, and run.")
        self.verdicts.give(value.asking, wrong=wrong)
        self.run()

    def undo(self) -> None:
        """Take the last verdict back: its image is asked about again."""
        self.verdicts.take_back()
        self.run()

    def remember(self) -> dict[str, Any]:
        """The order of the verdicts, where they were asked for."""
        return {"verdicts": list(self.verdicts)} if WHO[self.who.value] == ANSWERS else {}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Take it up again; a run by labels takes no verdict away."""
        self.verdicts[:] = remembered.get("verdicts", self.verdicts)

    def _settle(self, run: Run) -> None:
        """One entry in the history for all verdicts that were given one after another."""
        before = self.runs.get(self.history.chosen)
        entry = self.history.chosen
        super()._settle(run)
        if run.value is None or before is None or run.settings.oracle != ANSWERS:
            return
        if before.settings.difference(run.settings).keys() <= {"right", "wrong"}:
            self.history.remove(entry)
            self.runs.pop(entry, None)

    def _catching_up(self, run: Run) -> bool:
        """Whether the verdicts that were given are gone through again, which takes no time: what is shown stays."""
        replayed = run.settings.oracle == ANSWERS and run.value.queries < len(self.verdicts)
        return replayed and not run.job.finished

    def _on_verdict(self, wrong: bool) -> None:
        if self.result is not None and self.result.asking >= 0:  # else it was pressed twice
            self.judge(wrong)
