"""The chosen picture larger, and the images that it stands for."""

from collections.abc import Sequence

import ipywidgets as widgets

from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import category_color
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.tile_sheet import TileSheet
from xaiwidgets.widgets.parts.words import class_name

_LARGE, _SMALL, _MOST = 320, 64, 60


class Members(widgets.VBox):
    """Nothing until a picture is chosen."""

    def __init__(self, images: ImageSet) -> None:
        self._images = images
        self._large, self._small = Thumbnails(images, _LARGE), Thumbnails(images, _SMALL)
        self._shown: tuple[int, list[int], str] | None = None
        self.picture = FrameView(columns=1)
        self.heading, self.sheet = heading(""), TileSheet(budget=1.0)  # frames come when something was chosen
        super().__init__([heading("Chosen picture"), self.picture, self.heading, self.sheet])
        self.add_class("xw-query-panel")
        self.layout.max_width = "280px"  # else it fills a column that stands below the others
        self.show(-1)

    def show(self, image: int, members: Sequence[int] = (), title: str = "") -> None:
        """Show an image, −1 for none, and others below a title."""
        shown = list(members[:_MOST])
        if self._shown == (image, shown, title):
            return
        self._shown = (image, shown, title)
        self.layout.display = "" if image >= 0 else "none"
        self.heading.value = heading_html(title, _count(len(members)))
        self.heading.layout.display = self.sheet.layout.display = "" if shown else "none"
        _, height, width = self._images.shape
        name = self._name(image) if image >= 0 else ""
        alt = f"image {image}, labelled {name}" if image >= 0 else "no picture is chosen"
        self.picture.set_grid([name], [alt], [""], [category_color(0)], width / height, columns=1)
        self.picture.show(self._large([image]), lossless=True)
        self.sheet.set_tiles(
            [f"image {place}: {self._name(place)}" for place in shown], title or "none", width / height
        )
        if shown:
            self.sheet.show(self._small(shown), lossless=True)

    def _name(self, place: int) -> str:
        return class_name(int(self._images.labels[place]), self._images.class_names)


def _count(members: int) -> str:
    """How many there are, and how many of them are shown; nothing to say of a single one."""
    return f"the nearest {_MOST} of {members:,}" if members > _MOST else f"{members:,}" if members > 1 else ""
