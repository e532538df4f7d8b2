"""The chosen picture larger, and the images nearest to it with their labels."""

import ipywidgets as widgets

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.result import SuspectedLabels
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.words import class_name

_LARGE, _SMALL, _NEIGHBORS, _ACROSS = 320, 160, 6, 2


class CloserLook(widgets.VBox):
    """Nothing until a picture is chosen."""

    def __init__(self, images: ImageSet) -> None:
        self._images, self._names = images, images.class_names
        self._large, self._small = Thumbnails(images, _LARGE), Thumbnails(images, _SMALL)
        self._shown: tuple[int, list[int]] | None = None
        self.picture, self.neighbors = FrameView(columns=1), FrameView(columns=_ACROSS)
        super().__init__([heading("Chosen picture"), self.picture, self.neighbors])
        self.add_class("xw-query-panel")
        self.layout.max_width = "280px"  # else it fills a column that stands below the others
        self.show(None, -1)

    def show(self, value: SuspectedLabels | None, index: int) -> None:
        """Show an image and some of its nearest; none for −1."""
        near = (
            [] if value is None or not 0 <= index < len(value.nearest) else value.nearest[index, :_NEIGHBORS].tolist()
        )
        if self._shown == (index, near):
            return
        self._shown = (index, near)
        self.layout.display = "" if index >= 0 else "none"
        _, height, width = self._images.shape
        label = self._name(index) if index >= 0 else ""
        alt = f"image {index}, labelled {label}" if index >= 0 else "no picture is chosen"
        self.picture.set_grid([label], [alt], [""], [category_color(0)], width / height, columns=1)
        self.picture.show(self._large([index]), lossless=True)
        shown = near + [-1] * (_NEIGHBORS - len(near))
        names = [self._name(place) if place >= 0 else "" for place in shown]
        alts = [f"image {place}, labelled {self._name(place)}" if place >= 0 else "empty" for place in shown]
        colors, above = [category_color(0)] * _NEIGHBORS, {0: "Nearest by features"}
        blank = [""] * _NEIGHBORS  # names stand where they may take two lines
        self.neighbors.set_grid(blank, alts, names, colors, width / height, columns=_ACROSS, headings=above)
        self.neighbors.show(self._small(shown), lossless=True)

    def _name(self, place: int) -> str:
        return class_name(int(self._images.labels[place]), self._names)
