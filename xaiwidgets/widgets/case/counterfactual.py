"""The widget of counterfactuals."""

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import nn

from xaiwidgets.methods._answers import class_names_of
from xaiwidgets.methods.case._counterfactual.result import Counterfactuals
from xaiwidgets.methods.case.counterfactual import Counterfactual
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.case._counterfactual.pictures import ACROSS, lay_out, notes_of, pixels_of
from xaiwidgets.widgets.case._counterfactual.search_plot import SearchPlot
from xaiwidgets.widgets.case._counterfactual.swap_tab import SwapTab
from xaiwidgets.widgets.case._counterfactual.words import in_words, sentence_of
from xaiwidgets.widgets.case._query_picker import QueryPicker
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.labelled_sets import checked_layer, sets_for
from xaiwidgets.widgets.parts.layer_pick import LayerPick
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.words import class_name

_TABS = ("Counterfactual", "Region swap")
_FIRST = "Run to look for the smallest change that gives another answer."
_RUNNER_UP = "the runner-up"


class CounterfactualExplorer(MethodExplorer):
    """See the smallest change of an image that gives another answer, while it forms.

    ``train`` and ``test`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told); ``chosen``
    is the test image that is looked at, ``target`` the class that it should have had (None: the runner-up). The first
    row shows the image, the nearest counterfactual, what changed and the nearest real image of the wanted class; below
    it stands what each start found. The evidence says whether it is plausible among real images, beside a step along
    the gradient's sign. The second tab swaps regions of two images. ``layer`` names the features by which plausibility
    is told. Other keywords are settings of `Counterfactual`. Raises `XaiwidgetsError` with a sentence for what does not
    fit.
    """

    kind = Counterfactual
    steps_setting = ""
    unit = "%"
    portrait = 1

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        test: Any = None,
        layer: str = HEAD,
        *,
        chosen: int = 0,
        target: int | None = None,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(CounterfactualExplorer, settings)
        Counterfactual(target, layer=layer, **settings)  # refuses here, before the browser hears of anything
        model, self.train, self.test = sets_for(model, train, test, device)
        checked_layer(model, layer)
        self.names = class_names_of(model, self.train, model.layer("").units)
        self.picker = QueryPicker(self.test, chosen, list(self.names), target, _RUNNER_UP)
        self.layers = LayerPick(model, layer, lambda: self.guarded(self._another))
        self.search, self.evidence = SearchPlot(), Evidence(_FIRST)
        self.swaps = SwapTab(model, self.test)
        self.tabs = widgets.ToggleButtons(options=_TABS, tooltips=("", ""))
        self.tabs.add_class("xw-toggle")
        super().__init__(
            model,
            settings,
            title="Counterfactuals",
            what=[self.picker, self.layers.part],
            picture=[self.search.heading, self.search.plot, self.search.key, self.swaps],
            how=[heading("Is it true?"), self.evidence],
        )
        self._wire()

    def _wire(self) -> None:
        picture = self.children[1].children[1]
        picture.children = (self.tabs, *picture.children)
        self._pages = [[self.frame, self.search.heading, self.search.plot, self.search.key], [self.swaps]]
        self._open(_TABS[0])
        self.tabs.observe(lambda change: self.guarded(self._open, change["new"]), "value")
        self.picker.on_change(lambda: self.guarded(self._another))

    def choose_image(self, place: int, target: int | None = None) -> None:
        """Look at another test image, and for another class; None for the runner-up."""
        self.picker.choose(place, target)
        self._another()

    def chosen(self) -> dict[str, Any]:
        """The wanted class and the layer."""
        return {"target": self.picker.target, "layer": self.layers.layer}

    def choose(self, method: Counterfactual) -> None:
        """Put them into their lists."""
        checked_layer(self.model, method.layer)
        self.picker.choose(target=method.target)
        self.layers.set(method.layer)

    def inputs(self) -> list[Input]:
        """The training images and the chosen one."""
        query = self.picker.image
        return [("train", self.train, self.train.source), ("query", query, query.source)]

    def remember(self) -> dict[str, Any]:
        """Which image was looked at."""
        return {"place": self.picker.place}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Choose it again."""
        self.picker.choose(remembered["place"], self.picker.target)

    def lay_out(self, method: Counterfactual) -> None:
        """A row for the best start, and a cell for each."""
        _, height, width = self.model.picture_shape
        wanted = _RUNNER_UP if method.target is None else self.names[method.target]
        lay_out(self.frame, method.starts, width / height, wanted)
        self.bar.subject = f"{self.model.name} · test image {self.picker.place:,} · wanted: {wanted}"

    def choice_changed(self) -> None:
        """Something else was chosen: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.search.reset()
                self.evidence.say(_FIRST)

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The image, its counterfactual, the change, a real one, and each start."""
        return pixels_of(run.value, width)

    def notes(self, run: Run) -> list[str]:
        """Probabilities, numbers changed and distances."""
        return notes_of(run.value)

    def draw(self, run: Run) -> None:
        """Numbers below the pictures, the search, and what can be checked."""
        value: Counterfactuals = run.value
        self.frame.set_notes(self.notes(run))
        self.search.show(value, now=run.job.finished)
        self.evidence.say(in_words(value, self.names))
        self.foot.sentence = sentence_of(value, self._start(value), self.names)
        p = float(value.query_probabilities[value.prediction])
        rows = [("answer", f"{escape(class_name(value.prediction, self.names))} {p:.2f}")]
        self.picker.say([*rows, ("wanted", escape(class_name(value.target, self.names)))])

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the search."""
        return self.search.filled(run.value)

    def title_of(self, run: Run) -> str:
        """From which class to which."""
        value = run.value
        if value is None:
            return self.bar.title
        return f"{class_name(value.prediction, self.names)} → {class_name(value.target, self.names)}"

    def _start(self, value: Counterfactuals) -> int:
        """The start of the chosen picture, −1 for none."""
        if self.selection < 0:
            return -1
        return self.selection - ACROSS if self.selection >= ACROSS else value.best

    def _another(self) -> None:
        """Another image, class or layer: once something was run, answer at once."""
        if self.shown is not None or self.current is not None:
            self.run()
        else:
            self.choice_changed()

    def _open(self, tab: str) -> None:
        """Show one page of the middle."""
        for name, page in zip(_TABS, self._pages, strict=True):
            for part in page:
                part.layout.display = "" if name == tab else "none"
        if tab == _TABS[1]:
            self.swaps.fill(self.picker.place, self.picker.target)
