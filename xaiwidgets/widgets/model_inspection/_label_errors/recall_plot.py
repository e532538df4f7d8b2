"""How many wrong labels are found against how many images are inspected, for every ranking."""

from typing import Any, NamedTuple

import ipywidgets as widgets
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure
from torch import Tensor

from xaiwidgets.methods.model_inspection._label_errors.result import RANKINGS, SuspectedLabels
from xaiwidgets.widgets.model_inspection._label_errors.words import NAMES
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.plot_key import LineLook, key_html
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style

_TITLE = "Found against inspected"
_HEIGHT, _POINTS = 200, 400
_SHOWN = 50  # % of the images


_LINES = {
    "combined": LineLook(category_color(0), "solid", 3, "━━"),
    "left_out_loss": LineLook(category_color(4), "dashed", 2, "╍╍"),
    "disagreement": LineLook(category_color(2), "solid", 2, "──"),
    "self_influence": LineLook(category_color(3), "dotted", 2, "┈┈"),
    "loss": LineLook(category_color(1), "dotdash", 2, "╍┈"),
}
_RANDOM = LineLook(MID_GREY, "dotted", 1, "┈┈")


class Found(NamedTuple):
    """Rankings of labels whose truth is known, and where the truth comes from."""

    value: SuspectedLabels
    truth: Tensor
    note: str


class RecallPlot:
    """A live plot with a line for each ranking and one for random order, and below it a key."""

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="share of the wrong labels found against images inspected, by ranking")
        self.key = widgets.HTML()
        self._shown: Found | None = None

    def show(self, found: Found, *, now: bool = False) -> None:
        """Draw these; ``now`` does it without waiting for the plot's rate."""
        if self._shown is not None and found.value is self._shown.value:
            return
        self._shown = found
        self.plot.update(lambda: _fill(self.plot.figure, found))
        for box, words in ((self.key, _key(found)), (self.heading, heading_html(_TITLE, found.note))):
            if box.value != words:
                box.value = words
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self._shown, self.key.value = None, ""
        self.heading.value = heading_html(_TITLE)
        self.plot.replace(_figure())

    @staticmethod
    def filled(found: Found) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, found)
        return made


def _key(found: Found) -> str:
    entries = [(line, NAMES[name]) for name, line in _LINES.items() if name in found.value.rankings]
    return key_html([*entries, (_RANDOM, "random order")])


def _fill(plot: Any, found: Found) -> None:
    rows = len(found.value.labels)
    places = sorted({round(part * rows / _POINTS) for part in range(_POINTS + 1)} | {rows})
    inspected = [100 * place / rows for place in places]
    for name in RANKINGS:
        known = name in found.value.rankings
        curve = found.value.recall_curve(found.truth, name).tolist() if known else []
        shares = [100 * curve[place] for place in places] if known else []
        plot.select_one({"name": name}).data = {"inspected": inspected if known else [], "found": shares}
    plot.select_one({"name": "random"}).data = {"inspected": [0, 100], "found": [0, 100]}


def _figure() -> Any:
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(0, _SHOWN),
        y_range=Range1d(0, 102),
        x_axis_label="inspected, % of the images",
        y_axis_label="found, %",
        tools="",
        sizing_mode="stretch_width",
    )
    plot.line("inspected", "found", source=_empty("random"), **_drawn(_RANDOM))
    for name, line in reversed(_LINES.items()):  # the combined one lies on top
        plot.line("inspected", "found", source=_empty(name), **_drawn(line))
    return style(plot)


def _drawn(line: LineLook) -> dict[str, Any]:
    return {"color": line.color, "line_width": line.width, "line_dash": line.dash}


def _empty(name: str) -> ColumnDataSource:
    return ColumnDataSource({"inspected": [], "found": []}, name=name)
