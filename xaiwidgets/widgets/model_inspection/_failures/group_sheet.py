"""All images of one group, or all under its rule, as a sheet of small pictures."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets
import torch

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._failures.result import SpecificationSheet
from xaiwidgets.widgets.model_inspection._failures.words import note_of
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.thumbnails import Thumbnails
from xaiwidgets.widgets.parts.tile_sheet import TileSheet

ERRORS, UNDER_IT = "its errors", "all held out under its rule"

_MOST, _SIDE = 240, 64


class GroupSheet:
    """The pictures of one group with a choice of which; ``on_choose`` is told of a picture that is clicked."""

    def __init__(self, images: ImageSet, on_choose: Callable[[int], None]) -> None:
        self._images, self._thumbnails = images, Thumbnails(images, _SIDE)
        self._places: list[int] = []
        self._on_choose = on_choose
        self.heading = heading("Images of the group")
        self.part = widgets.ToggleButtons(options=[ERRORS, UNDER_IT])
        self.part.add_class("xw-toggle")
        self.view = TileSheet(budget=1.0)  # frames come when something was chosen, and then at once
        self.view.observe(self._chosen, "selected")

    def show(self, sheet: SpecificationSheet, group: int) -> None:
        """Show those of a group."""
        places = self._of(sheet, group)
        words = heading_html(f"Images of group {group + 1}", _count(sheet, places))
        if self.heading.value != words:
            self.heading.value = words
        shown = places[:_MOST]
        if shown != self._places:
            self._places = shown
            _, height, width = self._images.shape
            labels = [f"image {place}: {note_of(sheet, place)}" for place in shown]
            self.view.set_tiles(labels, f"{len(shown)} images of group {group + 1}", width / height)
            if shown:
                self.view.show(self._thumbnails(shown), lossless=True)

    def clear(self) -> None:
        """No images."""
        self._places = []
        self.heading.value = heading_html("Images of the group")
        self.view.set_tiles([], "no images")

    def _of(self, sheet: SpecificationSheet, group: int) -> list[int]:
        if self.part.value == ERRORS or group >= len(sheet.rules):
            return sheet.members(group).tolist()
        under = (sheet.covered[group] & sheet.held_out).nonzero().flatten()
        right_last = (~sheet.wrong[under]).to(torch.int8).argsort(stable=True)
        return under[right_last].tolist()

    def _chosen(self, change: dict[str, int]) -> None:
        place = change["new"]
        self._on_choose(self._places[place] if 0 <= place < len(self._places) else -1)


def _count(sheet: SpecificationSheet, places: Sequence[int]) -> str:
    wrong = int(sheet.wrong[list(places)].sum())
    right = len(places) - wrong
    said = f"{wrong:,} wrong" + (f", then {right:,} right" if right else "")
    return said + (f"; the first {_MOST}" if len(places) > _MOST else "")
