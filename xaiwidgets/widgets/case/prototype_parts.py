"""The widget of prototype parts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.methods.case._prototype_parts.inputs import refuse_empty_classes
from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.methods.case.prototype_parts import PrototypeParts
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.case._prototype_parts.accuracy_plot import AccuracyPlot
from xaiwidgets.widgets.case._prototype_parts.deepest_map import deepest_map
from xaiwidgets.widgets.case._prototype_parts.gallery import Gallery
from xaiwidgets.widgets.case._prototype_parts.pairs_view import SHOWN, PairsView
from xaiwidgets.widgets.case._prototype_parts.query_panel import QueryPanel
from xaiwidgets.widgets.case._prototype_parts.words import in_words, sentence_of
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.labelled_sets import sets_for
from xaiwidgets.widgets.parts.layer_pick import LayerPick
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run

_FIRST = "Run to learn parts from {:,} training images; they are judged on {:,} test images."


class PrototypePartViewer(MethodExplorer):
    """Watch a network learn parts that stand for its classes, and read its answers as "this looks like that".

    ``train`` and ``test`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told), ``layer``
    names the frozen layer whose maps are cut into parts (the deepest with a grid unless told). The first pictures are
    the parts of each class on their training images: a frame marks all pixels that a part can depend on, the rest is
    dimmed. Below, a test image's parts stand beside the prototypes that they are most like, with similarity × weight =
    points, which add up to the logit; `explain` chooses the image. The curve tells how many held-out images are right,
    beside the network itself and random patches. Other keywords are settings of `PrototypeParts`. Raises
    `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = PrototypeParts
    steps_setting = ""
    unit = "%"

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        test: Any = None,
        layer: str | None = None,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(PrototypePartViewer, settings)
        method = PrototypeParts(layer=layer or "", **settings)  # refuses here, before the browser hears of anything
        model, self.train, self.test = sets_for(model, train, test, device)
        count = refuse_empty_classes(self.train, self.test)
        self.layers = LayerPick(
            model,
            deepest_map(model) if layer is None else layer,
            lambda: self.guarded(self.choice_changed),
            label="Parts of layer",
            head=False,
        )
        names = self.train.class_names or ()
        self.names = [*names[:count], *(f"class {label}" for label in range(len(names), count))]
        self.gallery = Gallery(self.train, self.names)
        self.query, self.pairs = QueryPanel(self.test), PairsView(self.train, self.test, self.names)
        self.plot, self.evidence = AccuracyPlot(method.epochs), Evidence()
        super().__init__(
            model,
            settings,
            title="Prototype parts",
            what=[self.layers.part, self.gallery.choice, self.query, self.pairs.choice],
            picture=[self.pairs, self.plot.heading, self.plot.plot, self.plot.key],
            how=[heading("Is it true?"), self.evidence],
        )
        self.evidence.say(_FIRST.format(len(self.train), len(self.test)))
        self._wire()

    def _wire(self) -> None:
        self.query.on_change(self.mark_news)
        self.query.mistake.on_click(lambda _button: self.guarded(self._on_mistake))
        self.gallery.choice.observe(lambda _change: self.guarded(self._on_class), "index")
        self.pairs.choice.observe(lambda _change: self.mark_news(), "index")

    def explain(self, query: int, label: int | None = None) -> None:
        """Show the pairs of another test image, for the predicted class unless told."""
        self.query.set(query)
        self.pairs.choice.index = 0 if label is None else 1 + label
        self.mark_news()

    def show_class(self, label: int | None = None) -> None:
        """Show the parts of one class, of every class for None."""
        self.gallery.choice.index = 0 if label is None else 1 + label

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.layers.layer}

    def choose(self, method: PrototypeParts) -> None:
        """Put the layer into its list."""
        self.layers.set(method.layer)

    def inputs(self) -> list[Input]:
        """Training and test images."""
        return [("train", self.train, self.train.source), ("test", self.test, self.test.source)]

    def remember(self) -> dict[str, Any]:
        """Which test image was explained."""
        return {"query": self.query.place}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Choose it again."""
        self.query.set(remembered["query"])

    def lay_out(self, method: PrototypeParts) -> None:
        """Room for the parts, and axes for the epochs."""
        self.gallery.lay_out(self.frame, method.prototypes)
        if self.shown is None:
            self.plot.epochs = method.epochs
            self.plot.reset()
            self.pairs.blank()
        self.bar.subject = f"{self.model.name} · parts of {method.layer} · {len(self.train):,} training images"

    def choice_changed(self) -> None:
        """Another layer: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            self.evidence.say(_FIRST.format(len(self.train), len(self.test)))

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - they are small
        """The parts on their images."""
        return self.gallery.pixels(run.value, run.method.prototypes)

    def notes(self, run: Run) -> list[str]:
        """The weight of each part, or how far its prototype is from it."""
        return self.gallery.notes(run.value, run.method.prototypes)

    def draw(self, run: Run) -> None:
        """Notes, the pairs of the test image, the curve, the chosen part in a sentence, and what can be checked."""
        value: LearnedParts = run.value
        self.frame.set_notes(self.notes(run))
        self.query.tell(value)
        self.pairs.show(value, self.query.place)
        self.plot.show(value, now=run.job.finished)
        cards = self.gallery.cards(value, run.method.prototypes)
        chosen = cards[self.selection] if 0 <= self.selection < len(cards) else -1
        self.foot.sentence = sentence_of(value, chosen, self.names) if chosen >= 0 else ""
        self.evidence.say(in_words(value, SHOWN))

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the accuracies."""
        self.plot.epochs = run.method.epochs
        return self.plot.filled(run.value)

    def title_of(self, run: Run) -> str:
        """The layer and how many parts each class has."""
        return f"{run.settings.layer} · {run.settings.prototypes} per class"

    def _on_mistake(self) -> None:
        self.explain(self.query.next_mistake())

    def _on_class(self) -> None:
        """Other parts on the cards."""
        with get_publisher().lock:
            self.frame.set_trait("selected", -1)
            self.gallery.lay_out(self.frame, (self.shown.method if self.shown else self.method()).prototypes)
            if self.shown is not None and self.shown.value is not None:
                self.frame.show(self._picture, lossless=True)
        self.mark_news()
