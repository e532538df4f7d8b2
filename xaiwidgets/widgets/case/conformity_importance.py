"""The widget of importance by leaving out."""

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._answers import class_names_of
from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.methods.case.conformity_importance import ConformityImportance
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.case._conformity.curve import DeletionCurve
from xaiwidgets.widgets.case._conformity.neighbor_rows import NeighborRows
from xaiwidgets.widgets.case._conformity.picture import enlarged, legend_html, outlined, over_image, without
from xaiwidgets.widgets.case._conformity.place_map import PlaceMap
from xaiwidgets.widgets.case._conformity.size_pick import SizePick
from xaiwidgets.widgets.case._conformity.words import evidence_html, sentence_of, signed
from xaiwidgets.widgets.case._layers_choice import LayersChoice
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.labelled_sets import sets_for
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.query_panel import QueryPanel
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import ABOVE, MID_GREY, category_color

_MAPS = ("conformity", "softmax")
_FIRST = "Run to cover the image region by region, and to see which training images it is like without each."


class ConformityViewer(MethodExplorer):
    """See which parts of an image make the training data support its prediction, by leaving them out.

    ``train`` and ``test`` are labelled images (`xw.data.ImageSet`; the packaged Fashion-MNIST unless told), ``chosen``
    is the place of the test image. Two maps over it show what its conformity, the share of its nearest training images
    with the predicted class, and its softmax probability lose without each place: blue supports the prediction, orange
    speaks against it. Point at a place, or walk there with the arrow keys, to see the nearest training images with and
    without it. The curve tells what is left after the most important places are removed, beside random ones. ``layer``
    names the features, or several layers. Other keywords are settings of `ConformityImportance`. Raises
    `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = ConformityImportance
    steps_setting = ""
    unit = "%"
    at_once = True

    def __init__(
        self,
        model: ImageModel | nn.Module,
        train: Any = None,
        test: Any = None,
        layer: str | Sequence[str] = HEAD,
        *,
        chosen: int = 0,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(ConformityViewer, settings)
        layer = settings.pop("layers", layer) or HEAD
        method = ConformityImportance(**settings)  # refuses here, before the browser hears of anything
        model, self.train, self.test = sets_for(model, train, test, device)
        if method.k > len(self.train):
            raise XaiwidgetsError(
                f"k={method.k} neighbours were asked for among {len(self.train)} training images; give a smaller k."
            )
        self.features = LayersChoice(model, layer, lambda: self.guarded(self.choice_changed))
        self.panel = QueryPanel(self.test, chosen)
        self.panel.mistake.layout.display = "none"
        self.size = SizePick(self._another_size)
        self.places = PlaceMap(self.mark_news)
        self._outlined = -1
        self.near, self.curve = NeighborRows(self.train), DeletionCurve()
        self.legend, self.evidence = widgets.HTML(), Evidence(_FIRST)
        below = widgets.HBox([self.places, self.near.frame])
        below.layout.flex_flow, below.layout.grid_gap = "row wrap", "12px"
        self.places.layout.flex, self.near.frame.layout.flex = "1 1 170px", "2 1 340px"
        super().__init__(
            model,
            settings,
            title="Conformity",
            what=[self.panel, self.features.part, self.size.part],
            picture=[self.legend, below, self.curve.heading, self.curve.plot, self.curve.key],
            how=[heading("Is it true?"), self.evidence],
        )
        self.panel.on_change(lambda: self.guarded(self._another_image))

    def choose_test(self, place: int) -> None:
        """Look at another test image."""
        self.panel.set(place)
        self._another_image()

    @property
    def region(self) -> int:
        """The region that is looked at: the one pointed at, else the chosen one, else the most important; −1 before."""
        value: ConformityMap | None = self.result
        if value is None:
            return -1
        chosen = next((region for region in (self.places.pointed, self.places.region) if region >= 0), None)
        return value.top(self.size.level(value)) if chosen is None else chosen

    def chosen(self) -> dict[str, Any]:
        """The layers."""
        layers = self.features.layers
        return {"layers": () if layers == (HEAD,) else layers}

    def choose(self, method: ConformityImportance) -> None:
        """Put the layers into their list."""
        self.features.set(method.layers)

    def inputs(self) -> list[Input]:
        """The training images and the chosen test image."""
        query = self.test.subset(self.panel.chosen[:1])
        return [("train", self.train, self.train.source), ("query", query, query.source)]

    def remember(self) -> dict[str, Any]:
        """Which test image was looked at."""
        return {"chosen": self.panel.chosen[0]}

    def restore(self, remembered: Mapping[str, Any]) -> None:
        """Choose it again."""
        self.panel.set(remembered["chosen"])

    def lay_out(self, method: ConformityImportance) -> None:
        """Two maps, and the image without a region."""
        _, height, width = self.model.picture_shape
        place = self.panel.chosen[0]
        alts = [
            f"test image {place}: which places the training data's support rests on",
            f"test image {place}: which places the softmax probability rests on",
            f"test image {place} without the region that is looked at",
        ]
        colors = [ABOVE, category_color(1), MID_GREY]
        names = [*_MAPS, "left out"]
        with get_publisher().lock:
            self.frame.set_grid(names, alts, [""] * 3, colors, width / height, columns=3)
            self.places.lay_out((height, width))
            self.near.show(None, -1, ())
            self.legend.value = "".join(legend_html(name, torch.zeros(1)) for name in _MAPS)
        named = " + ".join(method.layers or ("the head's input",))
        self.bar.subject = f"{self.model.name} · {len(self.train):,} training images · {named}"

    def choice_changed(self) -> None:
        """Another image or layer: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.curve.reset()
                self.evidence.say(_FIRST)

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - they are small
        """Both maps over the image, and the image without the region that is looked at."""
        image, value = self._image(run), run.value
        pictures = [enlarged(over_image(image, found)) for found in self.size.maps(value)]
        region = self.region if run is self.shown else value.top()
        last = enlarged(without(image, value, region, run.settings))
        if region >= 0:
            mask = value.mask(region).cpu().numpy()
            pictures = [outlined(picture, mask) for picture in (*pictures, last)]
        else:
            pictures.append(last)
        return np.stack(pictures)

    def notes(self, run: Run) -> list[str]:
        """What is lost without the region that is looked at."""
        value, region = run.value, self.region if run is self.shown else run.value.top()
        if region < 0:
            return [""] * 3
        drops = float(value.drops[region]), float(value.probability_drops[region])
        first = int(value.label_shares[region].argmax())
        return [*(f"{signed(drop)} here" for drop in drops), f"mostly {self._names(value)[first]}"]

    def draw(self, run: Run) -> None:
        """Numbers, legend, neighbours, curve, evidence and sentence."""
        value: ConformityMap = run.value
        names = self._names(value)
        self.size.offer(value)
        self.places.show(self._image(run), value, self.size.level(value), names)
        region = self.region  # of the places as they are now
        self.frame.set_notes(self.notes(run))
        if region != self._outlined:
            self._outlined = region
            self.frame.show(self._picture, lossless=True)
        maps = self.size.maps(value)
        self.legend.value = "".join(legend_html(name, found) for name, found in zip(_MAPS, maps, strict=True))
        self.near.show(value, region, names)
        self.curve.show(value, now=run.job.finished)
        self.evidence.say(evidence_html(value, names))
        self.foot.sentence = sentence_of(value, region, names) if region >= 0 else ""

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of the curves."""
        return self.curve.filled(run.value)

    def title_of(self, run: Run) -> str:
        """The image and what covers."""
        return f"image {run.remembered['chosen']:,} · {run.settings.fill}"

    def _image(self, run: Run) -> Tensor:
        return run.arguments[2].batch([0])[0]

    def _names(self, value: ConformityMap) -> tuple[str, ...]:
        return class_names_of(self.model, self.train, max(1, len(value.whole_shares)))

    def _another_size(self) -> None:
        self.frame.show(self._picture, lossless=True)
        self.mark_news()

    def _another_image(self) -> None:
        """Another test image: answered at once, once it has run."""
        if self.shown is not None or self.current is not None:
            self.run()
        else:
            self.choice_changed()
