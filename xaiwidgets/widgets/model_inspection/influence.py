"""The widget of influence functions."""

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import torch
from torch import nn

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.survey import survey
from xaiwidgets.methods.model_inspection.influence import InfluenceFunctions
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.model_inspection._influence.cards import Cards
from xaiwidgets.widgets.model_inspection._influence.effects import EffectHistogram
from xaiwidgets.widgets.model_inspection._influence.label_tab import LabelTab
from xaiwidgets.widgets.model_inspection._influence.query_panel import QueryPanel
from xaiwidgets.widgets.model_inspection._influence.removal_panel import RemovalPanel
from xaiwidgets.widgets.model_inspection._influence.retraining_explorer import RetrainingExplorer
from xaiwidgets.widgets.model_inspection._influence.trials import Trials
from xaiwidgets.widgets.model_inspection._influence.truth_plot import TruthPlot
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.feature_map import FeatureMap
from xaiwidgets.widgets.parts.labelled_sets import checked_layer, sets_for
from xaiwidgets.widgets.parts.method_explorer import Input, checked_names
from xaiwidgets.widgets.parts.pick import pick
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run

_TABS = ("Influence", "Map", "Wrong labels")
_OWN = "the network's own"


class InfluenceExplorer(RetrainingExplorer):
    """See which training images made a prediction, and check it by really retraining without them.

    ``train`` and ``test`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told),
    ``chosen`` is the test image, or several, whose loss is explained. Cards show the training images that are most
    harmful (the loss falls without) and most helpful (it rises without), each confirmed in the background by
    fitting the head again without it. A click on cards, or a band of the histogram, chooses images; "Remove and
    retrain" removes them together. Once it has run, another test image or damping of a head is answered at once.
    ``layer`` "head" is the network's last linear layer, any other a layer to fit a head on. Other keywords are
    settings of `InfluenceFunctions`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = InfluenceFunctions
    steps_setting = ""
    unit = "%"
    at_once = True

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        test: Any = None,
        layer: str = HEAD,
        *,
        chosen: int | Sequence[int] = 0,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(InfluenceExplorer, settings)
        InfluenceFunctions(layer=layer, **settings)  # refuses here, before the browser hears of anything
        model, self.train, self.test = sets_for(model, train, test, device)
        self._layer = checked_layer(model, layer)
        layers = [name for name, found in model.layers().items() if name and found.units]
        self.head_choice = pick("Head", [_OWN, *(f"fitted on {name}" for name in layers)])
        self.head_choice.value = _head_words(self._layer)
        self.panel = QueryPanel(self.test, chosen)
        self.cards = Cards(self.train)
        self.histogram, self.truth = EffectHistogram(), TruthPlot()
        self.map = FeatureMap(
            self.test, model.device, title="Map of the test images", noun="test image", rests=self.rests
        )
        self.removal = RemovalPanel()
        self.evidence = Evidence()
        self.labels = LabelTab(model, self.train)
        self.trials = Trials(model, self.rests, self.mark_news, self.complain)
        self._survey: Job | None = None
        self.tabs = widgets.ToggleButtons(options=_TABS, tooltips=("", "", ""))
        self.tabs.add_class("xw-toggle")
        super().__init__(
            model,
            settings,
            title="Influence",
            what=[self.panel, self.head_choice],
            picture=[self.histogram.heading, self.histogram.plot, self.map, self.labels],
            how=[heading("Is it true?"), self.evidence, self.truth.heading, self.truth.plot, self.removal],
        )
        self.evidence.say("Run: each effect is predicted, then checked by fitting the head again.")
        self._wire()

    def _wire(self) -> None:
        picture = self.children[1].children[1]
        picture.children = (self.tabs, *picture.children)
        self._pages = [
            [self.frame, self.histogram.heading, self.histogram.plot],
            [self.map],
            [self.labels],
        ]
        self._open(_TABS[0])
        self.tabs.observe(lambda change: self.guarded(self._open, change["new"]), "value")
        self.panel.on_change(lambda: self.guarded(self._another_test))
        self.panel.mistake.on_click(lambda _button: self.guarded(self.next_mistake))
        self.map.on_choose(lambda images: self.guarded(self.choose_test, images))
        self.head_choice.observe(lambda change: self.guarded(self._another_head, change["new"]), "value")
        self.histogram.on_choose(lambda images: self.guarded(self.choose_removal, images))

    def choose_test(self, places: int | Sequence[int]) -> None:
        """Explain the loss of another test image, or the mean loss of several."""
        self.panel.set(places)
        self._another_test()

    def next_mistake(self) -> None:
        """Explain the next test image that the network answers wrongly."""
        self.choose_test(self.panel.next_mistake())

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self._layer}

    def choose(self, method: InfluenceFunctions) -> None:
        """Put the layer into its list."""
        self._take_layer(checked_layer(self.model, method.layer))
        self.head_choice.set_trait("value", _head_words(self._layer))

    def inputs(self) -> list[Input]:
        """The training images and the chosen test images."""
        chosen = self.test.subset(self.panel.chosen)
        return [("train", self.train, self.train.source), ("test", chosen, chosen.source)]

    def remember(self) -> dict[str, Any]:
        """Which test images were looked at."""
        return {"chosen": list(self.panel.chosen)}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Choose them again; refits that another run had ended go on."""
        self.panel.set(remembered["chosen"])
        for tried in self._tried.values():
            if tried.confirming is not None and tried.confirming.status == "cancelled":
                tried.confirming = None

    def run(self) -> "InfluenceExplorer":
        """Start with the present settings; returns at once."""
        super().run()
        if self._survey is None or self._survey.status in {"cancelled", "failed"}:
            steps = survey(self.model, self.test, self._layer)
            self._survey = worker_for(self.model.device).submit(steps, slot=(id(self), "survey"), rest=self.rests)
            self._survey.subscribe(self._on_survey)
            self._on_survey(self._survey)
        return self

    def _on_survey(self, job: Job) -> None:
        if job.status == "failed":
            self.complain(job.error)
        self.mark_news()

    def lay_out(self, method: InfluenceFunctions) -> None:
        """Cards by rank; the pictures of the answer before stay on them until the next one is there."""
        with get_publisher().lock:
            self.cards.lay_out(self.frame)
        head = "its own head" if method.layer == HEAD else f"a head on {method.layer}"
        head = "the whole network" if method.solver == "ekfac" else head
        self.bar.subject = f"{self.model.name} · {len(self.train):,} training images · {head}"

    def companions(self) -> list[Job]:
        """The refits, and the look at all test images."""
        surveying = self._survey is not None and not self._survey.finished
        return [*self.trials.jobs, *([self._survey] if surveying else []), *self.map.jobs]

    def draw(self, run: Run) -> None:
        """Cards, histogram, the test image's facts, and the evidence."""
        found: Influence = run.value
        super().draw(run)
        effects = self._effects(run)
        cards = [card for card in self.cards.of(effects) if card >= 0]
        self.histogram.show(effects.numpy(), cards, self._note(found), now=run.job.finished)
        self.panel.tell(found)
        if self._survey is not None and self._survey.latest is not None:
            self.panel.survey = self._survey.latest.value
            if self.panel.survey.features is not None:
                mistakes = self.panel.survey.mistakes(self.test.labels)
                self.map.show(self.panel.survey.features, mistakes, "answered wrongly")
            self.map.highlight(self.panel.chosen[0] if len(self.panel.chosen) == 1 else -1)

    def plot_of(self, run: Run) -> Any:
        """The histogram."""
        effects = self._effects(run)
        return self.histogram.filled(effects.numpy(), [card for card in self.cards.of(effects) if card >= 0])

    def _note(self, found: Influence) -> str:
        return "" if found.stage == "corrected" else found.stage

    def _another_test(self) -> None:
        """Another test image: answered at once, once it has run."""
        if self.shown is not None or self.current is not None:
            self.run()
        else:
            self.choice_changed()

    def _another_head(self, chosen: str) -> None:
        layer = HEAD if chosen == _OWN else chosen.removeprefix("fitted on ")
        if layer != self._layer:
            self._take_layer(layer)
            self.choice_changed()

    def _take_layer(self, layer: str) -> None:
        """Another head: nothing that was found of the former one is shown beside it."""
        if layer == self._layer:
            return
        self._layer = layer
        if self._survey is not None:
            self._survey.cancel()
            self._survey = None
        with get_publisher().lock:
            self.histogram.reset()
            self.map.clear()
            self.truth.show([])
            self.removal.report("")
            self.evidence.say("Run for the effects on this head.")

    def _open(self, tab: str) -> None:
        """Show one page of the middle."""
        for name, page in zip(_TABS, self._pages, strict=True):
            for part in page:
                part.layout.display = "" if name == tab else "none"
        if tab == _TABS[2]:
            self.labels.fill(self._layer)


def _head_words(layer: str) -> str:
    """How a head is called in the list."""
    return _OWN if layer == HEAD else f"fitted on {layer}"
