"""The widget of failure modes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, read_image
from xaiwidgets.methods.model_inspection._failures.result import Flags, SpecificationSheet
from xaiwidgets.methods.model_inspection.failure_modes import FailureModes
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.models.features import HEAD
from xaiwidgets.widgets.model_inspection._failures.group_sheet import GroupSheet
from xaiwidgets.widgets.model_inspection._failures.kept_plot import KeptPlot
from xaiwidgets.widgets.model_inspection._failures.rows import ACROSS, headings_of, labelled_images, places_of
from xaiwidgets.widgets.model_inspection._failures.words import (
    checked_words,
    in_words,
    note_of,
    sentence_of,
)
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.image_choice import images_for
from xaiwidgets.widgets.parts.image_drop import ImageDrop
from xaiwidgets.widgets.parts.layer_pick import LayerPick
from xaiwidgets.widgets.parts.method_explorer import Input, MethodExplorer, checked_names
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.thumbnails import Thumbnails

_SIDE = 224  # pixels of a picture


class FailureFinder(MethodExplorer):
    """See when a network is wrong: its errors in groups, and for each a rule in words that was checked.

    ``images`` is an `ImageSet` with labels (the packaged Fashion-MNIST images for a network of 1×28×28 unless told),
    each shown by its middle in the model's size; ``layer`` names the features that sort the errors. Each row shows the
    errors nearest to the middle of a group, below its rule and how often answers under it are wrong among images that
    were held out. A click on a picture chooses its group: all its images follow, and the evidence is about it. The plot
    tells what is gained by not trusting the answers under the rules, beside not trusting the least confident. `check`,
    or a picture that is dropped, asks whether a new answer falls under a rule. Other keywords are settings of
    `FailureModes`. Raises `XaiwidgetsError` with a sentence for what does not fit.
    """

    kind = FailureModes
    steps_setting = ""
    unit = "%"

    def __init__(
        self,
        model: ImageModel | nn.Module,
        images: Any = None,
        layer: str = HEAD,
        *,
        device: str | torch.device | None = None,
        **settings: Any,
    ) -> None:
        checked_names(FailureFinder, settings)
        method = FailureModes(layer=layer, **settings)  # refuses here, before the browser hears of anything
        model = as_image_model(model, device)
        self.images = labelled_images(model, images, method.clusters)
        self.layers = LayerPick(model, layer, lambda: self.guarded(self.choice_changed))
        self._pictures = Thumbnails(self.images, _SIDE)
        self._laid: tuple[Any, ...] = ()
        self.sheet, self.plot = GroupSheet(self.images, self._on_tile), KeptPlot()
        self.drop, self.checked, self.evidence = ImageDrop(), Evidence(), Evidence()
        self._tile = -1
        super().__init__(
            model,
            settings,
            title="Failure finder",
            what=[heading("Errors"), self.layers.part, heading("Check a picture"), self.drop, self.checked],
            picture=[
                self.plot.heading,
                self.plot.plot,
                self.sheet.heading,
                self.sheet.part,
                self.sheet.view,
            ],
            how=[heading("Evidence"), self.evidence],
        )
        self.frame.add_class("xw-sentences")  # its headings are rules to be read
        self.evidence.say(f"Run to look for errors among {len(self.images):,} images.")
        self.sheet.part.observe(lambda _change: self.mark_news(), "value")
        self.drop.on_files(lambda files: [self.guarded(self._check_file, *file) for file in files])
        self.observe(lambda _change: self._forget_tile(), "selection")

    def chosen(self) -> dict[str, Any]:
        """The layer."""
        return {"layer": self.layers.layer}

    def choose(self, method: FailureModes) -> None:
        """Put the layer into its list."""
        self.layers.set(method.layer)

    def inputs(self) -> list[Input]:
        """The images."""
        return [("images", self.images, self.images.source)]

    def lay_out(self, method: FailureModes) -> None:
        """A row for each group."""
        self._lay_rows(method.clusters, {})
        self.bar.subject = f"{self.model.name} · {len(self.images):,} images"

    def choice_changed(self) -> None:
        """Another layer: nothing is known of it."""
        super().choice_changed()
        if self.shown is None:
            with get_publisher().lock:
                self.plot.reset()
                self.sheet.clear()

    def check(self, images: Any, attributes: Tensor | None = None, name: str = "The image") -> Flags:
        """Which of other images fall under a rule of the sheet that is shown; it is said in the widget too.

        ``images`` are anything that a widget takes as images, with labels or without.
        """
        sheet: SpecificationSheet | None = self.result
        if sheet is None or sheet.means is None:
            raise XaiwidgetsError("There are no rules to check with yet; call run() and wait() first.")
        flags = sheet.flags(self.model, images_for(self.model, images), attributes)
        self.checked.say(checked_words(sheet, flags, name))
        return flags

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:  # noqa: ARG002 - they are small
        """The errors nearest to the middle of each group, in rows; grey where there are no more."""
        if run is self.shown:  # its settings may have changed on the way
            self._lay_rows(run.value.clusters, headings_of(run.value))
        return self._pictures(places_of(run.value))

    def notes(self, run: Run) -> list[str]:
        """What each picture is, and what it was taken for."""
        return ["" if place < 0 else note_of(run.value, place) for place in places_of(run.value)]

    def draw(self, run: Run) -> None:
        """Rules, rates, the images of the chosen group, and what can be checked."""
        value: SpecificationSheet = run.value
        self._lay_rows(value.clusters, headings_of(value))
        run.cells = self.frame.cells
        self.frame.set_notes(self.notes(run))
        group = self._group(value)
        self.sheet.show(value, group)
        if value.rules:
            self.plot.show(value.selective, now=run.job.finished)
        self.evidence.say(in_words(value, group))
        self.foot.sentence = self._sentence(value)

    def plot_of(self, run: Run) -> Any:
        """A fresh figure of what is gained, None before there is a rule."""
        return self.plot.filled(run.value.selective) if run.value.rules else None

    def title_of(self, run: Run) -> str:
        """The layer and how many groups."""
        return f"{run.settings.layer} · {run.settings.clusters} groups"

    def _group(self, value: SpecificationSheet) -> int:
        """The group of the chosen picture, else that of the surest rule."""
        if 0 <= self.selection < value.clusters * ACROSS:
            return self.selection // ACROSS
        return int(value.order[0]) if value.rules else 0

    def _sentence(self, value: SpecificationSheet) -> str:
        rows = places_of(value)
        place = self._tile if self._tile >= 0 else rows[self.selection] if 0 <= self.selection < len(rows) else -1
        return sentence_of(value, place) if 0 <= place < value.seen else ""

    def _lay_rows(self, clusters: int, headings: dict[int, str]) -> None:
        """Name the cells, once for each change."""
        if self._laid == (clusters, headings):
            return
        self._laid = (clusters, headings)
        places = [(group + 1, rank + 1) for group in range(clusters) for rank in range(ACROSS)]
        _, height, width = self.model.picture_shape
        self.frame.set_grid(
            [str(rank) for _, rank in places],
            [f"error number {rank} of group {group}, the nearest to its middle first" for group, rank in places],
            [""] * len(places),
            [category_color(group - 1) for group, _ in places],
            aspect=width / height,
            columns=ACROSS,
            headings={group * ACROSS: text for group, text in headings.items()},
        )

    def _on_tile(self, place: int) -> None:
        self._tile = place
        self.mark_news()

    def _forget_tile(self) -> None:
        self._tile = -1

    def _check_file(self, name: str, content: bytes) -> None:
        try:
            image = read_image(content, self.model.picture_shape, name=name)
            self.check(ImageSet(image[None]), name=name)
        except XaiwidgetsError as error:
            self.drop.say(str(error))
