"""The widget of nearest neighbours."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import nn

from xaiwidgets.compute import Job
from xaiwidgets.methods._answers import class_names_of
from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.methods.case.nearest_neighbors import NearestNeighbors
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.case._layers_choice import LayersChoice, usual_layers
from xaiwidgets.widgets.case._nearest.asked import Asked
from xaiwidgets.widgets.case._nearest.asking_explorer import AskingExplorer
from xaiwidgets.widgets.case._nearest.feature_atlas import FeatureAtlas
from xaiwidgets.widgets.case._nearest.importance_tab import ImportanceTab
from xaiwidgets.widgets.case._nearest.query_panel import QueryPanel
from xaiwidgets.widgets.case._nearest.shares_plot import SharesPlot
from xaiwidgets.widgets.case._nearest.strip import NeighborStrip
from xaiwidgets.widgets.case._nearest.trail import Trail
from xaiwidgets.widgets.case._nearest.words import support_in_words
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.image_drop import ImageDrop
from xaiwidgets.widgets.parts.labelled_sets import sets_for
from xaiwidgets.widgets.parts.method_explorer import Input, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run

_TABS = ("Neighbours", "Map", "What they rest on")
_CALIBRATING = 1000  # test images that calibrate at most
_FIRST = "Run to look for neighbours among {:,} training images."


class NeighborExplorer(AskingExplorer):
    """See the training images nearest to an image in the network's own eyes, and how far they support its answer.

    ``train`` and ``test`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told), ``chosen``
    is the test image that is asked about first; a picture can be dropped in as well. A row shows the nearest images in
    each of ``layers`` (a middle layer and the head unless told); a click on one asks about it in turn, and the trail
    leads back. Shares of the labels stand beside the softmax, and credibility is calibrated on the test images. On the
    map a click asks about an image, a lasso puts training images into ``examples``, which other widgets can be linked
    to. Other keywords are settings of `NearestNeighbors`. Raises `XaiwidgetsError` with a sentence for what does not
    fit.
    """

    kind = NearestNeighbors
    steps_setting = ""
    unit = "%"
    at_once = True

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        test: Any = None,
        layers: Sequence[str] | None = None,
        *,
        chosen: int = 0,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(NeighborExplorer, settings)
        model, self.train, self.test = sets_for(model, train, test, device)
        layers = NearestNeighbors(usual_layers(model) if layers is None else layers, **settings).layers
        self.layer_choice = LayersChoice(model, layers, lambda: self.guarded(self.choice_changed))
        self.names = class_names_of(model, self.train, max(model.layer("").units, int(self.train.labels.max()) + 1))
        self.panel = QueryPanel(self.test, chosen, lambda asked: self.guarded(self.ask, asked))
        self.strip, self.shares, self.evidence = NeighborStrip(self.train), SharesPlot(self.names), Evidence()
        self.trail, self.drop = Trail(self.test, lambda asked: self.guarded(self._return_to, asked)), ImageDrop()
        self.atlas = FeatureAtlas(model, self.train, self.test, self.rests, self.mark_news)
        self.importance = ImportanceTab(model, self.train, self.test)
        self.tabs = widgets.ToggleButtons(options=_TABS, tooltips=("", "", ""))
        self.tabs.add_class("xw-toggle")
        super().__init__(
            model,
            settings,
            title="Nearest neighbours",
            what=[self.panel, self.drop, self.trail, self.layer_choice.part],
            picture=[self.shares.heading, self.shares.plot, self.shares.key, self.atlas.map, self.importance],
            how=[heading("What supports it?"), self.evidence],
        )
        self.evidence.say(_FIRST.format(len(self.train)))
        self._wire()

    def _wire(self) -> None:
        picture = self.children[1].children[1]
        picture.children = (self.tabs, *picture.children)
        self._pages = [
            [self.frame, self.shares.heading, self.shares.plot, self.shares.key],
            [self.atlas.map],
            [self.importance],
        ]
        self._open(_TABS[0])
        self.tabs.observe(lambda change: self.guarded(self._open, change["new"]), "value")
        self.frame.observe(lambda change: self.guarded(self._on_cell, change["new"]), "selected")

    def chosen(self) -> dict[str, Any]:
        """The layers."""
        return {"layers": self.layer_choice.layers}

    def choose(self, method: NearestNeighbors) -> None:
        """Put the layers into their list."""
        self.layer_choice.set(method.layers)

    def inputs(self) -> list[Input]:
        """The training images, what is asked about, and the test images that calibrate."""
        calibrating = self.test[:: -(-len(self.test) // _CALIBRATING)]
        return [
            ("train", self.train, self.train.source),
            ("query", *self.asked.as_query()),
            ("calibration", calibrating, calibrating.source),
        ]

    def run(self) -> "NeighborExplorer":
        """Start with the present settings; returns at once."""
        super().run()
        self.atlas.start(self.layer_choice.layers[-1])
        return self

    def lay_out(self, method: NearestNeighbors) -> None:
        """A row of empty cells for each layer; the pictures of the answer before stay until the next one is there."""
        with get_publisher().lock:
            self.strip.lay_out(self.frame, method.layers, None, self.names)
        self.bar.subject = f"{self.model.name} · {len(self.train):,} training images · {', '.join(method.layers)}"

    def companions(self) -> list[Job]:
        """The look at all images for the map."""
        return self.atlas.jobs

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The neighbours, layer by layer."""
        del width
        if run is self.shown and run.value.k:  # what stands around the pictures must be there before them
            self.strip.lay_out(self.frame, run.value.layers, run.value, self.names)
        return self.strip.pixels(run.value, len(run.value.layers))

    def notes(self, run: Run) -> list[str]:
        """Agreement, class and distance of each."""
        return self.strip.notes(run.value, self.names)

    def draw(self, run: Run) -> None:
        """Neighbours, shares, the query's facts, the map's rings, and the evidence."""
        value: Neighbors = run.value
        asked: Asked = run.remembered["asked"]
        self.atlas.tell(self.panel)
        if not value.indices.shape[1] or not value.k:
            return
        self.strip.lay_out(self.frame, value.layers, value, self.names)
        run.cells = self.frame.cells
        self.frame.set_notes(self.notes(run))
        self.shares.show(value, now=run.job.finished)
        self.panel.tell(value, self.names)
        self.evidence.say(support_in_words(value, asked, self.names) + self._lassoed())
        self.foot.sentence = self._sentence(value)
        self.atlas.highlight(asked, value.layers[-1], value.indices[-1, 0].tolist(), self.trail.steps)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the shares, None before there are neighbours."""
        return self.shares.filled(run.value) if run.value.indices.shape[2] else None

    def title_of(self, run: Run) -> str:
        """What was asked about, and how."""
        return f"{run.remembered['asked'].name} · k = {run.settings.k}"

    def dispose(self) -> None:
        """Stop what runs, the map's work too, and free everything."""
        self.atlas.close()
        super().dispose()

    def _sentence(self, value: Neighbors) -> str:
        looked_at = self.frame.hovered if self.frame.hovered >= 0 else self.selection
        cells = len(self.strip.of(value, len(value.layers)))
        return self.strip.sentence(value, looked_at, self.names) if 0 <= looked_at < cells else ""

    def _lassoed(self) -> str:
        return f"<br>{len(self.examples):,} training images are in <code>examples</code>." if self.examples else ""

    def _on_cell(self, cell: int) -> None:
        """A neighbour was chosen: ask about it."""
        value: Neighbors | None = self.result
        if value is None or cell < 0:
            return
        places = self.strip.of(value, len(value.layers))
        if places[cell] >= 0:
            self.walk_to(places[cell])

    def _open(self, tab: str) -> None:
        """Show one page of the middle."""
        for name, page in zip(_TABS, self._pages, strict=True):
            for part in page:
                part.layout.display = "" if name == tab else "none"
        if tab == _TABS[2]:
            method = self.method()
            self.importance.fill(self.panel.chosen[0], method.layers, method.k)
