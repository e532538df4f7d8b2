"""One unit looked at closely: its top images with their masks, its concepts, the image that it would like most."""

from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import numpy as np
import torch

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods.feature_analysis._dissection.result import Dissection
from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.feature_analysis._dissector.detector_cards import masked_tops
from xaiwidgets.widgets.feature_analysis._tiles import Crops
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import category_color

_STEPS = 128  # of the maximising image
_CONCEPTS = 5  # that are named
_ACROSS = 6


class UnitPanel(widgets.VBox):
    """The panel below the cards; hidden until a unit is chosen."""

    def __init__(self, model: ImageModel, concepts: ConceptSet, rests: Callable[[], bool]) -> None:
        self._model, self._crops, self._rests = model, Crops(concepts.images), rests
        self._found: Dissection | None = None
        self._job: Job | None = None
        self.unit = -1
        self._cells: tuple[int, str, int] | None = None  # what the pictures are of
        self.heading, self.words = heading("Unit"), widgets.HTML()
        self.frame = FrameView(columns=_ACROSS)
        self.draw_button = widgets.Button(description="Draw what it looks for")
        self.open_button = widgets.Button(description="Open in the visualizer")
        for button in (self.draw_button, self.open_button):
            button.add_class("xw-button")
            button.layout.width = "auto"
        self.inside = widgets.VBox()
        buttons = widgets.HBox([self.draw_button, self.open_button])
        super().__init__([self.heading, self.frame, self.words, buttons, self.inside])
        self.layout.display = "none"

    def show(self, found: Dissection, unit: int) -> None:
        """Look at a unit of a dissection (the publisher's thread calls, under its lock)."""
        cells = (unit, found.layer, self._places(found))
        if cells != self._cells:
            self.stop()
            self._job, self.unit, self._cells = None, unit, cells
            self._name_cells(found)
            self.heading.value = heading_html(f"Unit {unit}", found.layer or "the output")
        elif found is self._found:
            return
        self._found = found
        self.layout.display = ""
        self.words.value = f"<p class='xw-evidence-text'>{concepts_in_words(found, unit)}</p>"
        self.frame.set_notes(self._notes())
        self.frame.show(self._pictures, lossless=not found.provisional)

    def hide(self) -> None:
        """No unit is chosen."""
        self.stop()
        self.unit, self._cells, self._found, self.layout.display = -1, None, None, "none"

    def draw(self) -> None:
        """Begin to draw the image that the unit responds to most."""
        if not self._drawable():
            return
        method = ActivationMaximization(layer=self._found.layer, units=(self.unit,), steps=_STEPS)
        self._job = worker_for(self._model.device).submit(method(self._model), slot=id(self), rest=self._rests)
        self._job.subscribe(lambda job: self.frame.show(self._pictures, lossless=job.finished))

    def visualize(self) -> None:
        """Open the unit in a visualizer below, in the place of the one before."""
        from xaiwidgets.widgets.feature_analysis.activation_maximization import FeatureVisualizer

        if self._drawable():
            self.close_inside()
            self.inside.children = (FeatureVisualizer(self._model, layer=self._found.layer, units=[self.unit]),)

    def _drawable(self) -> bool:
        """Whether there is a unit; raises for one that is not the network's own, for another would be drawn."""
        if self._found is not None and not self._found.own:
            raise XaiwidgetsError(
                "The units of a turned basis or an untrained copy are not the network's; none is drawn."
            )
        return self._found is not None

    def close_inside(self) -> None:
        """Close the visualizer."""
        for child in self.inside.children:
            child.dispose()
        self.inside.children = ()

    def stop(self) -> None:
        """Draw no further."""
        if self._job is not None:
            self._job.cancel()

    @property
    def jobs(self) -> list[Job]:
        """What is computed for it."""
        return [] if self._job is None else [self._job]

    def _name_cells(self, found: Dissection) -> None:
        places = self._places(found)
        _, height, width = self._model.picture_shape
        self.frame.set_grid(
            ["looks for", *(f"top {i + 1}" for i in range(places))],
            [
                f"the image that unit {self.unit} would respond to most, grey until it is drawn",
                *(f"number {i + 1} of unit {self.unit}, dark where the unit is off" for i in range(places)),
            ],
            [""] * (places + 1),
            [category_color(1), *[category_color(0)] * places],
            width / height,
            columns=min(_ACROSS, places + 1),
        )

    def _notes(self) -> list[str]:
        found, unit = self._found, self.unit
        rows = (part[unit, : self._places(found)].tolist() for part in (found.top.activation, found.top.ids))
        return ["", *(f"{value:.3g}" if image >= 0 else "" for value, image in zip(*rows, strict=True))]

    @staticmethod
    def _places(found: Dissection) -> int:
        """How many top images stand in one row with the image that is drawn."""
        return min(_ACROSS - 1, found.top.ids.shape[1])

    def _pictures(self) -> np.ndarray | None:
        found, unit = self._found, self.unit
        if found is None:
            return None
        tops = masked_tops(found, self._crops, unit, self._places(found))
        drawn = self._job.latest.value.images[0] if self._job is not None and self._job.latest else None
        best = torch.full_like(tops[0], 0.5) if drawn is None else drawn.detach().cpu().to(tops[0])
        return to_pixels(torch.stack([best, *tops]), self.frame.target_width)


def concepts_in_words(found: Dissection, unit: int) -> str:
    """The concepts that a unit overlaps with most, and how sure its label is."""
    if bool(found.dead[unit]):
        return "Its mask is empty in all images: it has no label."
    values, places = found.iou[unit].topk(min(_CONCEPTS, found.iou.shape[1]))
    named = [
        f"<b>{escape(found.concepts[place][0])}</b> ({escape(found.concepts[place][1])}) {value:.3f}"
        for value, place in zip(values.tolist(), places.tolist(), strict=True)
        if value > 0
    ]
    low, high = found.interval[unit].tolist()
    sure = "" if low != low else f" 95 % interval of the first: {low:.3f} to {high:.3f}."  # noqa: PLR0124 - NaN
    doubt = " That label could be chance." if bool(found.doubtful[unit]) else ""
    none = "" if bool(found.detectors[unit]) else f" It detects none: none exceeds {found.iou_threshold:g}."
    return f"IoU with {', '.join(named) or 'no concept'}.{sure}{doubt}{none}"
