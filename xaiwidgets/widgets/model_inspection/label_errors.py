"""The widget of label errors."""

from html import escape
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.compute import Job
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.decisions import FLIP, Decisions
from xaiwidgets.methods.model_inspection._label_errors.result import RANKINGS, SuspectedLabels
from xaiwidgets.methods.model_inspection.label_errors import LabelErrors
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.model_inspection._label_errors.check import Check
from xaiwidgets.widgets.model_inspection._label_errors.closer_look import CloserLook
from xaiwidgets.widgets.model_inspection._label_errors.decision_panel import DecisionPanel
from xaiwidgets.widgets.model_inspection._label_errors.inputs import checked_inputs, class_words
from xaiwidgets.widgets.model_inspection._label_errors.recall_plot import RecallPlot
from xaiwidgets.widgets.model_inspection._label_errors.suspects import EACH, Suspects
from xaiwidgets.widgets.model_inspection._label_errors.words import (
    checked_truth,
    doubt_of,
    fate_of,
    score_in_words,
    sentence_of,
)
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.export import File
from xaiwidgets.widgets.parts.layer_pick import LayerPick
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run

_FIRST = "Run to look for wrong labels among {:,}."


class LabelChecker(MethodExplorer):
    """Find labels that are probably wrong, and decide of each whether to keep it, flip it, or drop its image.

    ``train`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told), ``truth`` their true
    labels where they are known. The pictures are the most suspicious by the ranking that is chosen, a page at a time;
    the arrow keys walk over them. `decide`, or the buttons, record what becomes of a label; it can be undone and
    redone, ``decisions`` holds the record, which is exported as CSV and JSON, and `cleaned` gives the set with it
    applied. The plot tells how many of the wrong labels each ranking finds: of those that ``truth`` knows, else of
    labels that are flipped on purpose. ``layer`` names the features. Other keywords are settings of `LabelErrors`.
    Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = LabelErrors
    steps_setting = ""
    unit = "%"
    at_once = True

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        truth: Any = None,
        layer: str = HEAD,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(LabelChecker, settings)
        method = LabelErrors(layer=layer, **settings)  # refuses here, before the browser hears of anything
        model, self.train = checked_inputs(model, train, method, device)
        self.truth = checked_truth(truth, self.train.labels)
        names = class_words(model, self.train, layer)
        self.layers = LayerPick(model, layer, lambda: self.guarded(self.choice_changed))
        self.decisions = Decisions(self.train.labels, len(names), self.train.class_names)
        self.suspects, self.panel, self.look = Suspects(self.train), DecisionPanel(names), CloserLook(self.train)
        self.plot, self.evidence = RecallPlot(), Evidence()
        self.check = Check(model, self.train, self.truth, self.rests, self.mark_news)
        super().__init__(
            model,
            settings,
            title="Label checker",
            what=[self.suspects.choice, self.layers.part, self.look],
            picture=[self.suspects.pages, self.panel, self.plot.heading, self.plot.plot, self.plot.key],
            how=[heading("Is it true?"), self.evidence],
        )
        self.evidence.say(_FIRST.format(len(self.train)))
        self.panel.tell(-1, "", -1, self.decisions)
        self._wire()

    def _wire(self) -> None:
        self.suspects.choice.observe(lambda _change: self.guarded(self.turn_to, 0), "index")
        self.suspects.earlier.on_click(lambda _button: self.guarded(self.turn_to, self.suspects.page - 1))
        self.suspects.later.on_click(lambda _button: self.guarded(self.turn_to, self.suspects.page + 1))
        self.panel.on_decide(lambda decision, new: self.guarded(self._on_decide, decision, new))
        self.panel.on_take_back(lambda: self.guarded(self.undo), lambda: self.guarded(self.redo))

    def rank_by(self, ranking: str) -> None:
        """Show the most suspicious by another score; raises with the nearest name for one that is not there."""
        if ranking not in RANKINGS:
            raise XaiwidgetsError(f"There is no ranking {ranking!r}; give one of {', '.join(RANKINGS)}.")
        self.suspects.choice.index = RANKINGS.index(ranking)

    def turn_to(self, page: int) -> None:
        """Show another page of suspects, from 0."""
        with get_publisher().lock:
            self.suspects.page = min(max(0, page), self.suspects.last_page)
            self.frame.set_trait("selected", -1)
            self.suspects.lay_out(self.frame)
            self.frame.show(self._picture, lossless=True)
        self.mark_news()

    def decide(self, decision: str, index: int | None = None, new: int | None = None) -> None:
        """Record "keep", "flip" or "drop" for an image: the chosen one unless told, flipped to its likelier class."""
        value: SuspectedLabels | None = self.result
        chosen = self.chosen_image if index is None else int(index)
        if chosen < 0 and index is None:
            raise XaiwidgetsError("No picture is chosen; click one, or name its index.")
        known = value is not None and 0 <= chosen < len(self.train)
        if decision == FLIP and new is None and known:
            new = int(value.suggested[chosen])
        ranking = self.suspects.ranking
        score = float(value.score(ranking)[chosen]) if known else None
        self.decisions.decide(chosen, decision, new, score=score, ranking=ranking if known else "")
        self.mark_news()

    def undo(self) -> None:
        """Take the last decision back."""
        self.decisions.undo()
        self.mark_news()

    def redo(self) -> None:
        """Take again what was undone last."""
        self.decisions.redo()
        self.mark_news()

    def cleaned(self) -> ImageSet:
        """The images with the decisions applied: flips made, dropped ones left out."""
        return self.decisions.applied_to(self.train)

    @property
    def chosen_image(self) -> int:
        """The image of the chosen picture, −1 for none."""
        value = self.result
        return -1 if value is None or not 0 <= self.selection < EACH else self.suspects.of(value)[self.selection]

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.layers.layer}

    def choose(self, method: LabelErrors) -> None:
        """Put the layer into its list."""
        self.layers.set(method.layer)

    def inputs(self) -> list[Input]:
        """The labelled images."""
        return [("train", self.train, self.train.source)]

    def lay_out(self, method: LabelErrors) -> None:
        """Room for a page of suspects."""
        self.suspects.lay_out(self.frame)
        head = "features of its head" if method.layer == HEAD else f"features of {method.layer}"
        self.bar.subject = f"{self.model.name} · {len(self.train):,} labelled images · {head}"

    def choice_changed(self) -> None:
        """Another layer: nothing is known of it, but what was decided stays."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.suspects.blank(self.frame)
                self.plot.reset()
                self.look.show(None, -1)
                self.panel.tell(-1, "", -1, self.decisions)
                self.evidence.say(_FIRST.format(len(self.train)))

    def companions(self) -> list[Job]:
        """The check with flipped labels."""
        return self.check.jobs

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - they are small
        """The suspects of the page."""
        return self.suspects.pixels(run.value)

    def notes(self, run: Run) -> list[str]:
        """Label, likelier class and score of each, or what was decided."""
        return self.suspects.notes(run.value, self.decisions)

    def draw(self, run: Run) -> None:
        """Notes and marks, the chosen picture, what the rankings find, and the record."""
        value: SuspectedLabels = run.value
        names = self.train.class_names
        cards, decided, chosen = self.suspects.of(value), self.decisions.current, self.chosen_image
        self.frame.set_notes(self.notes(run))
        self.frame.mark(place for place, card in enumerate(cards) if card in decided)
        sentence = sentence_of(value, chosen, self.suspects.ranking, names) if chosen >= 0 else ""
        fate = f" · {fate_of(decided[chosen], names)}" if chosen in decided else ""
        self.panel.tell(chosen, self._about(value, chosen), int(value.suggested[max(0, chosen)]), self.decisions)
        self.foot.sentence = sentence + fate
        self.look.show(value, chosen)
        if run.job.status == "done":
            self.check.start(run)
        found = self.check.found(run)
        if found is not None:
            self.plot.show(found, now=run.job.finished)
        self.evidence.say(self.check.in_words(run))

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of what the rankings find, None while nothing is known of it."""
        found = self.check.found(run)
        return None if found is None else self.plot.filled(found)

    def title_of(self, run: Run) -> str:
        """The damping."""
        return f"λ = {run.settings.damping:g}"

    def exports(self) -> dict[str, File]:
        """The decisions too."""
        return super().exports() | {
            ".csv": File("the decisions", "text/csv", lambda: self.decisions.to_csv().encode()),
            ".json": File("the decisions", "application/json", lambda: self.decisions.to_json().encode()),
        }

    def _about(self, value: SuspectedLabels, chosen: int) -> str:
        """The chosen picture in words, for the panel."""
        if chosen < 0:
            return ""
        names, taken = self.train.class_names, self.decisions.current.get(chosen)
        doubt, score = doubt_of(value, chosen, names), score_in_words(value, chosen, self.suspects.ranking)
        said = f"Image {chosen:,}: {doubt} {score}."
        return escape(said) + (f"<br><b>{escape(fate_of(taken, names))}</b>" if taken else "")

    def _on_decide(self, decision: str, new: int | None) -> None:
        """A button was pressed: record it, and go on to the next picture."""
        self.decide(decision, new=new)
        if self.selection + 1 < EACH:
            self.frame.set_trait("selected", self.selection + 1)
        elif self.suspects.page < self.suspects.last_page:
            self.turn_to(self.suspects.page + 1)
            self.frame.set_trait("selected", 0)
