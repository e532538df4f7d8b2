"""What the explorers of prototypes share."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from xaiwidgets.core import Method
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.case._prototypes.cards import Cards, Group, filled
from xaiwidgets.widgets.case._prototypes.curves import CurvePlot, Curves
from xaiwidgets.widgets.case._prototypes.members import Members
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.labelled_sets import checked_layer, labelled_set
from xaiwidgets.widgets.parts.layer_pick import LayerPick
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run


class PrototypeWidget(MethodExplorer):
    """Cards in two groups, the chosen one with its images, a plot against the number, and the evidence.

    A subclass says what its cards are called (``groups``) and answers what is abstract here.
    """

    steps_setting = ""
    unit = "%"
    title: ClassVar[str]
    groups: ClassVar[tuple[Group, Group]]

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        layer: str = HEAD,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(type(self), settings)
        self.kind(layer=layer, **settings)  # refuses here, before the browser hears of anything
        model, self.train = labelled_set(model, train, device)
        checked_layer(model, layer)
        self.layers = LayerPick(model, layer, lambda: self.guarded(self.choice_changed))
        self.cards, self.members, self.evidence = Cards(self.train, self.groups), Members(self.train), Evidence()
        self.curves = self.make_plot()
        super().__init__(
            model,
            settings,
            title=self.title,
            what=[self.layers.part, self.members],
            picture=[self.curves.heading, self.curves.plot, self.curves.key],
            how=[heading("Is it true?"), self.evidence],
        )
        self.evidence.say(f"Run to choose prototypes of {len(self.train):,} images.")
        self.add_pages()

    def add_pages(self) -> None:
        """Put other widgets beside the parts."""

    @abstractmethod
    def make_plot(self) -> CurvePlot:
        """The plot, empty."""

    @abstractmethod
    def counts(self, method: Method) -> tuple[int, int]:
        """How many cards there are of each group."""

    @abstractmethod
    def rows(self, value: Any) -> tuple[list[int], list[int]]:
        """The images of the cards so far."""

    @abstractmethod
    def captions(self, value: Any) -> tuple[Sequence[str], Sequence[str]]:
        """What stands below them."""

    @abstractmethod
    def about(self, value: Any, group: int, place: int) -> tuple[str, list[int], str]:
        """A card in a sentence, the images that belong to it, and what these are called."""

    @abstractmethod
    def words(self, value: Any) -> str:
        """What can be checked."""

    @abstractmethod
    def curves_of(self, value: Any) -> Curves:
        """What is reached against the number of prototypes."""

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.layers.layer}

    def choose(self, method: Any) -> None:
        """Put the layer into its list."""
        self.layers.set(method.layer)

    def inputs(self) -> list[Input]:
        """The labelled images."""
        return [("train", self.train, self.train.source)]

    def lay_out(self, method: Any) -> None:
        """Room for as many cards as will be there."""
        self.cards.lay_out(self.frame, self.counts(method))
        head = "features of its head" if method.layer == HEAD else f"features of {method.layer}"
        self.bar.subject = f"{self.model.name} · {len(self.train):,} labelled images · {head}"

    def take_settings(self, changes: Any) -> None:
        """Once it has run other live settings are answered at once, from what is known."""
        live = all(self.kind.specs()[name].live for name in changes)
        if live and self.shown is not None and (self.current is None or self.current.job.finished):
            self.run()
        else:
            super().take_settings(changes)

    def choice_changed(self) -> None:
        """Another layer: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.frame.set_trait("selected", -1)
                self.curves.reset()
                self.members.show(-1)
                self.evidence.say(f"Run to choose prototypes of {len(self.train):,} images.")

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - they are small
        """The images of both groups, grey where there is none yet."""
        counts = self.counts(run.settings)
        if run is self.shown:  # its settings may have changed on the way
            self.cards.lay_out(self.frame, counts)
        return self.cards.pixels(self.rows(run.value), counts)

    def notes(self, run: Run) -> list[str]:
        """What stands below them."""
        return filled(self.captions(run.value), self.counts(run.settings), "")

    def draw(self, run: Run) -> None:
        """Captions, the chosen picture with its images, the plot, and what can be checked."""
        self.cards.lay_out(self.frame, self.counts(run.settings))
        run.cells = self.frame.cells
        self.frame.set_notes(self.notes(run))
        self.foot.sentence = self._show_chosen(run)
        self.curves.note("" if run.value.stage == "done" else run.value.stage)
        self.curves.show(self.curves_of(run.value), now=run.job.finished)
        self.evidence.say(self.words(run.value))

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of what is reached."""
        return self.curves.filled(self.curves_of(run.value))

    def _show_chosen(self, run: Run) -> str:
        """The chosen card in a sentence, "" for none; its images are shown."""
        first, _ = self.counts(run.settings)
        group, place = (0, self.selection) if self.selection < first else (1, self.selection - first)
        rows = self.rows(run.value)[group]
        if not 0 <= place < len(rows):
            self.members.show(-1)
            return ""
        sentence, members, title = self.about(run.value, group, place)
        self.members.show(rows[place], members, title)
        return sentence
