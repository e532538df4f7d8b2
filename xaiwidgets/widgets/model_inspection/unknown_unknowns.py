"""The widget of the search for unknown unknowns."""

from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import nn

from xaiwidgets.methods.model_inspection._unknowns.inputs import ANSWERS, LABELS
from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.methods.model_inspection.unknown_unknowns import UnknownUnknowns
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.model_inspection._unknowns.ask_panel import AskPanel
from xaiwidgets.widgets.model_inspection._unknowns.judging import WHO, JudgingExplorer
from xaiwidgets.widgets.model_inspection._unknowns.partition_rows import PartitionRows
from xaiwidgets.widgets.model_inspection._unknowns.search_plot import SearchPlot
from xaiwidgets.widgets.model_inspection._unknowns.verdicts import Verdicts, images_to_judge
from xaiwidgets.widgets.model_inspection._unknowns.words import csv_of, in_words, note_of, sentence_of
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.export import File
from xaiwidgets.widgets.parts.layer_pick import LayerPick
from xaiwidgets.widgets.parts.method_explorer import Input, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import BELOW
from xaiwidgets.widgets.parts.thumbnails import Thumbnails

_SIDE, _SHOWN, _ACROSS = 224, 8, 4


class BlindSpotFinder(JudgingExplorer):
    """Find answers that the network is sure of and that are wrong, asking for few true classes.

    ``images`` are labelled (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told); the search looks at a label
    only when it asks for it. Or you answer yourself (``oracle="answers"``, the only way for images without labels):
    each image that is asked about is shown with what the network says, and you say right or wrong; verdicts can be
    taken back, are part of the code, and are exported as a table. The pictures are what was found, the surest first.
    The plot tells how many were found against how many were asked for, beside other ways of searching. ``layer`` names
    the features that make the partitions. Other keywords are settings of `UnknownUnknowns`. Raises `XaiwidgetsError`
    with a sentence for what does not fit.
    """

    kind = UnknownUnknowns
    steps_setting = ""
    unit = "%"
    at_once = True

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str = HEAD,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(BlindSpotFinder, settings)
        method = UnknownUnknowns(layer=layer, **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.images = images_to_judge(model, images)
        judged = self.images.labels is None or method.right or method.wrong
        if judged and "oracle" not in settings:
            method = method.replace(oracle=ANSWERS)
        self._make(model, method)
        super().__init__(
            model,
            settings,
            title="Blind spot finder",
            what=[self.layers.part, heading("Who says what is wrong?"), self.who, self.panel],
            picture=[self.plot.heading, self.plot.plot, self.plot.key, self.rows.heading, self.rows.view],
            how=[heading("Evidence"), self.evidence],
        )
        self.evidence.say(f"Run to look for sure and wrong answers among {len(self.images):,} images.")
        self.who.observe(lambda _change: self._on_choice(), "value")

    def _make(self, model: ImageModel, method: UnknownUnknowns) -> None:
        """The controls, as they stand for these settings."""
        self.layers = LayerPick(model, method.layer, lambda: self.guarded(self.choice_changed))
        self.who = widgets.ToggleButtons(options=list(WHO), tooltips=("", ""))
        self.who.add_class("xw-toggle")
        self.verdicts = Verdicts()
        self.panel, self.plot, self.rows = AskPanel(self.images), SearchPlot(), PartitionRows()
        self.evidence = Evidence()
        self._thumbnails = Thumbnails(self.images, _SIDE)
        self._before: list[int] = [-1] * _SHOWN
        self._put(method)
        self.panel.tell(None, len(self.verdicts))

    def chosen(self) -> dict[str, Any]:
        """The layer, who answers, and the verdicts."""
        answers = {"oracle": WHO[self.who.value], "right": (), "wrong": ()}
        if answers["oracle"] == ANSWERS:
            answers |= {"right": self.verdicts.right, "wrong": self.verdicts.wrong}
        return {"layer": self.layers.layer, **answers}

    def choose(self, method: UnknownUnknowns) -> None:
        """Put them into their controls."""
        self._put(method)

    def inputs(self) -> list[Input]:
        """The images."""
        return [("images", self.images, self.images.source)]

    def lay_out(self, method: UnknownUnknowns) -> None:
        """Room for what is found; what stands there stays until the next answer, so that verdicts do not flicker."""
        if not self.frame.cells:
            _, height, width = self.model.picture_shape
            ranks = [str(rank + 1) for rank in range(_SHOWN)]
            alts = [f"sure and wrong, rank {rank} by how sure" for rank in ranks]
            blank, colors = [""] * _SHOWN, [BELOW] * _SHOWN
            title = {0: "Sure and wrong: the surest first"}
            self.frame.set_grid(ranks, alts, blank, colors, width / height, columns=_ACROSS, headings=title)
        says = "labels say" if method.oracle == LABELS else "you say"
        self.bar.subject = f"{self.model.name} · {len(self.images):,} images · {says} what is wrong"
        self.panel.layout.display = "none" if method.oracle == LABELS else ""

    def choice_changed(self) -> None:
        """Another layer, or another one who answers: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self._before = [-1] * _SHOWN
                self.frame.set_notes([""] * _SHOWN)
                self.frame.show(self._thumbnails(self._before), lossless=True)
                self.plot.reset()
                self.rows.clear()
                self.panel.tell(None, len(self.verdicts))

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - they are small
        """What was found, the surest first; grey where there is no more."""
        return self._thumbnails(self._before if self._catching_up(run) else self._found(run))

    def notes(self, run: Run) -> list[str]:
        """What each is, and what it was taken for."""
        return ["" if query < 0 else note_of(run.value, query) for query in self._cards(run)]

    def draw(self, run: Run) -> None:
        """Numbers, plot, partitions and what can be checked."""
        value: GuidedExploration = run.value
        if self._catching_up(run):
            return
        self._before = self._found(run)
        self.frame.set_notes(self.notes(run))
        self.plot.show(value, now=run.job.finished)
        self.rows.show(value)
        self.evidence.say(in_words(value))
        self.panel.tell(value, len(self.verdicts))
        query = self._cards(run)[self.selection] if 0 <= self.selection < _SHOWN else -1
        self.foot.sentence = sentence_of(value, query) if query >= 0 else ""

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the search."""
        return self.plot.filled(run.value)

    def title_of(self, run: Run) -> str:
        """How many were found."""
        return f"{int(run.value.wrong.sum())} of {run.value.queries} wrong"

    def exports(self) -> dict[str, File]:
        """The queries as a table too."""
        return {**super().exports(), ".csv": File("the queries", "text/csv", lambda: csv_of(self.result).encode())}

    def _found(self, run: Run) -> list[int]:
        """The images on the cards, −1 for none."""
        return [-1 if query < 0 else int(run.value.queried[query]) for query in self._cards(run)]

    def _cards(self, run: Run) -> list[int]:
        """The queries on the cards, −1 for none."""
        value: GuidedExploration = run.value
        found = value.wrong.nonzero().flatten()
        order = value.confidence[value.places[found]].argsort(descending=True, stable=True)[:_SHOWN]
        cards = found[order].tolist()
        return cards + [-1] * (_SHOWN - len(cards))

    def _put(self, method: UnknownUnknowns) -> None:
        """Show these settings and call nobody; raises with the nearest names for a layer that is not there."""
        self.layers.set(method.layer)
        self._silent = True
        try:
            self.who.value = next(words for words, oracle in WHO.items() if oracle == method.oracle)
        finally:
            self._silent = False
        if method.oracle == ANSWERS:
            self.verdicts.set(method.right, method.wrong)

    def _on_choice(self) -> None:
        if not self._silent:
            self.guarded(self.choice_changed)
