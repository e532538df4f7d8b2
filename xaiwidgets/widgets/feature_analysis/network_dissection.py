"""The widget of network dissection."""

from html import escape
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.compute import Job
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis._dissection.result import Dissection
from xaiwidgets.methods.feature_analysis.network_dissection import NetworkDissection
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.widgets.feature_analysis._dissector.beside import Beside, Other, scored_like
from xaiwidgets.widgets.feature_analysis._dissector.concept_bars import Bars, Concept, ConceptBars
from xaiwidgets.widgets.feature_analysis._dissector.counts_explorer import CountsExplorer
from xaiwidgets.widgets.feature_analysis._dissector.detector_cards import best_units, masked_tops, note_of
from xaiwidgets.widgets.feature_analysis._dissector.unit_panel import UnitPanel
from xaiwidgets.widgets.feature_analysis._dissector.words import csv_of, in_words
from xaiwidgets.widgets.feature_analysis._tiles import Crops
from xaiwidgets.widgets.parts.concepts_for import concepts_for, model_for, source_of
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.export import File
from xaiwidgets.widgets.parts.layer_choice import LayerChoice
from xaiwidgets.widgets.parts.method_explorer import Input, checked_names
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color

_CARDS, _ACROSS = 8, 4
_ALL = "all concepts"


class Dissector(CountsExplorer):
    """See which concepts the units of a layer detect, while a set of labelled images is counted.

    ``concepts`` is a `ConceptSet` (500 painted scenes unless told), each image shown by its middle in the model's size;
    ``layer`` a dotted path (a middle layer unless told). Bars count the units that detect each concept, cards show the
    best detectors with their masks; a click on a bar shows its concept's units, a click on a card shows the unit. The
    IoU threshold, the denominator and the quantile score the finished counts anew where they can. ``other`` is a second
    network to `compare` with, and ``other_layer`` its layer. Run goes on where a run was stopped. Other keywords are
    settings of `NetworkDissection`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = NetworkDissection
    steps_setting = ""

    def __init__(
        self,
        model: ImageModel | nn.Module,
        concepts: ConceptSet | None = None,
        layer: str | None = None,
        *,
        other: ImageModel | nn.Module | None = None,
        other_layer: str | None = None,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(Dissector, settings)
        NetworkDissection(layer="", **settings)  # refuses here, before the browser hears of anything
        model = model_for(model, concepts, device)
        concepts = concepts_for(model, concepts)
        self.choice, self.concepts = LayerChoice(model, layer, pick_units=False), concepts  # refuses first
        second = None if other is None else Other.of(as_image_model(other, device), other_layer, self.concepts)
        self._crops = Crops(self.concepts.images)
        self._cards: tuple[int, ...] = ()
        self._held: tuple[int, ...] | None = None
        self._laid_out: str | None = None
        self.bars = ConceptBars()
        self.beside = Beside(model, self.concepts, second, self.rests, self.mark_news)
        self.panel = UnitPanel(model, self.concepts, self.rests)
        names = [f"{name} ({category})" for name, category in self.concepts.concepts]
        self.concept = pick("Concept", [_ALL, *names])
        self.evidence = Evidence()
        super().__init__(
            model,
            settings,
            title="Dissector",
            what=[heading("Layer"), self.choice.tree, self.concept, self.beside.choice],
            picture=[self.panel, self.bars.heading, self.bars.plot],
            how=[heading("Evidence"), self.evidence],
        )
        self.evidence.say(f"Run to count {len(self.concepts.concepts):,} concepts in {len(self.concepts):,} images.")
        self._wire()

    def _wire(self) -> None:
        self.observe(self._on_selected, "selection")
        self.choice.on_change(lambda: self.guarded(self.choice_changed))
        self.concept.observe(lambda _change: self._another_concept(), "value")
        self.beside.choice.observe(lambda _change: self.guarded(self._compare), "value")
        self.bars.on_choose(self._on_bar)
        self.panel.draw_button.on_click(lambda _button: self.guarded(self.panel.draw))
        self.panel.open_button.on_click(lambda _button: self.guarded(self.panel.visualize))

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.choice.layer}

    def choose(self, method: NetworkDissection) -> None:
        """Put the layer into the tree."""
        self.choice.set(method.layer, None)

    def inputs(self) -> list[Input]:
        """The set of concepts."""
        return [("concepts", self.concepts, source_of(self.concepts))]

    def run(self) -> "Dissector":
        """Start with the present settings, or go on with what was counted before; returns at once."""
        super().run()
        self.beside.begin(self.method())
        return self

    def lay_out(self, method: NetworkDissection) -> None:
        """A card for each of the best detectors."""
        layer, chosen = method.layer or "the output", self._chosen_concept
        if method.layer != self._laid_out:  # another layer's units are not chosen
            self._laid_out = method.layer
            self._deselect()
        count = min(_CARDS, self.model.layer(method.layer).units)
        what = f"units that detect {chosen[0]}" if chosen else "units that detect a concept"
        _, height, width = self.model.picture_shape
        with get_publisher().lock:
            self.frame.set_grid(
                [str(i + 1) for i in range(count)],
                [f"number {i + 1} of the {what} in layer {layer}: its top image, dark outside" for i in range(count)],
                [""] * count,
                [category_color(0)] * count,
                width / height,
                columns=_ACROSS,
            )
        self.bar.subject = f"{self.model.name} · {layer} · {len(self.concepts):,} images"

    def choice_changed(self) -> None:
        """Another layer: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self._cards = ()
                self.bars.reset()
                self.panel.hide()

    def compare(self, name: str) -> None:
        """Compare with "an untrained copy", "a random basis", "layer …", the other network, or "nothing" again."""
        self.beside.choose(name)

    @property
    def compared(self) -> dict[str, Dissection]:
        """All that the shown run was compared with, by its name, scored as it is."""
        if self.shown is None or self.shown.value is None:
            return {}
        found = self.answer(self.shown)
        return {name: scored_like(one, found) for name, one in self.beside.all_found(self.shown.method).items()}

    def companions(self) -> list[Job]:
        """What is compared with, and what is drawn for the chosen unit."""
        return [*self.beside.jobs, *self.panel.jobs]

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The top image of each card's unit."""
        found = self.answer(run)
        pictures = [masked_tops(found, self._crops, unit, 1)[0] for unit in self._units(run)]
        blank = torch.full(self.concepts.shape, 0.5)
        return to_pixels(torch.stack(pictures + [blank] * (len(run.cells or self.frame.cells) - len(pictures))), width)

    def notes(self, run: Run) -> list[str]:
        """Unit, concept and IoU of each card."""
        notes = [note_of(self.answer(run), unit, self._chosen_concept) for unit in self._units(run)]
        return notes + [""] * (len(run.cells or self.frame.cells) - len(notes))

    def draw(self, run: Run) -> None:
        """Cards, bars, the chosen unit, and the evidence."""
        found, self._cards = self.answer(run), self._units(run)
        self.frame.set_notes(self.notes(run))
        self.bars.show(self._bars(run), now=run.job.finished)
        self.evidence.say(self._words(run))
        if 0 <= self.selection < len(self._cards):
            unit = self._cards[self.selection]
            self.panel.show(found, unit)
            self.foot.sentence = "unit " + note_of(found, unit, self._chosen_concept)
        else:
            self.panel.hide()
            self.foot.sentence = ""

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the bars."""
        return self.bars.filled(self._bars(run))

    def exports(self) -> dict[str, File]:
        """The table too."""
        return super().exports() | {
            ".csv": File("the table of units", "text/csv", lambda: csv_of(self.result).encode())
        }

    def dispose(self) -> None:
        """Stop what runs, and free everything."""
        self.panel.close_inside()
        super().dispose()

    @property
    def _chosen_concept(self) -> Concept | None:
        place = self.concept.index
        return self.concepts.concepts[place - 1] if place else None

    def _units(self, run: Run) -> tuple[int, ...]:
        """The units of the cards; while one is chosen nothing moves under the pointer."""
        if self._held is not None and run is self.shown:
            return self._held
        return best_units(self.answer(run), self._chosen_concept, _CARDS)

    def _bars(self, run: Run) -> Bars:
        found, beside = self.answer(run), self.beside.found(run.method)
        alike = None if beside is None else scored_like(beside, found)
        return Bars(found, alike, self.beside.name, self._chosen_concept)

    def _words(self, run: Run) -> str:
        found, others = self.answer(run), self.compared if run is self.shown else {}
        error = self.beside.error(run.method)
        said = [f"<b>{escape(self.hint)}</b>" if self.hint else "", in_words(found, others), escape(error)]
        return "<br>".join(filter(None, said))

    def _compare(self) -> None:
        """Something else to compare with was chosen."""
        if self.shown is not None:
            self.beside.begin(self.shown.method)
        self.mark_news()

    def _deselect(self) -> None:
        self._held = None
        self.frame.set_trait("selected", -1)

    def _on_selected(self, change: Any) -> None:
        self._held = self._cards if change["new"] >= 0 else None

    def _on_bar(self, chosen: Concept | None) -> None:
        self.concept.index = 0 if chosen is None else self.concepts.concepts.index(chosen) + 1

    def _another_concept(self) -> None:
        """Cards of another concept's units."""
        with get_publisher().lock:
            self._deselect()
            self.lay_out(self.method() if self.shown is None else self.shown.method)
            if self.shown is not None:
                self.shown.cells = self.frame.cells
        self.redraw()
