"""How many wrong answers were found against how many were asked for: guided, at random, and otherwise."""

from html import escape
from typing import Any

import ipywidgets as widgets
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from xaiwidgets.methods.model_inspection._unknowns.result import GuidedExploration
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.plot_key import LineLook, key_html
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style

GUIDED = "guided"
_HEIGHT = 220
_TITLE = "Found against asked"
_LEAST = 5  # of the axis: found ones are whole numbers


_LINES = {
    GUIDED: LineLook(category_color(0), "solid", 3, "━━"),
    "random": LineLook(MID_GREY, "dotted", 2, "┈┈"),
    "least confident first": LineLook(category_color(4), "dashed", 2, "╍╍"),
    "UCB1": LineLook(category_color(2), "dotdash", 2, "╍┈"),
    "ε-greedy": LineLook(category_color(3), "dashdot", 2, "┈╍"),
}


class SearchPlot:
    """A live plot with a line for each policy and a band for chance, and below it a key with the numbers found."""

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="wrong answers found against queries, for each way of searching")
        self.key = widgets.HTML()

    def show(self, value: GuidedExploration, *, now: bool = False) -> None:
        """Draw these; ``now`` does it without waiting for the plot's rate."""
        self.plot.update(lambda: _fill(self.plot.figure, value))
        band = " · band: 95 of 100 searches at random" if value.band.numel() else ""
        for box, words in ((self.key, _key(value)), (self.heading, heading_html(_TITLE, f"sure and wrong{band}"))):
            if box.value != words:
                box.value = words
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self.key.value = ""
        self.plot.replace(_figure())

    def filled(self, value: GuidedExploration) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, value)
        return made


def lines_of(value: GuidedExploration) -> dict[str, list[int]]:
    """How many each policy had found after 0, 1, 2, … queries."""
    others = dict(zip(value.baselines, value.baseline_found.tolist(), strict=True))
    return {name: [0, *found] for name, found in {GUIDED: value.found_so_far.tolist(), **others}.items()}


def _key(value: GuidedExploration) -> str:
    return key_html((_LINES[name], f"{escape(name)} <b>{found[-1]}</b>") for name, found in lines_of(value).items())


def _fill(plot: Any, value: GuidedExploration) -> None:
    lines = lines_of(value)
    for name in _LINES:
        found = lines.get(name, [])
        plot.select_one({"name": name}).data = {"asked": list(range(len(found))), "found": found}
    asked, low, high = value.band.tolist()
    plot.select_one({"name": "band"}).data = {"asked": asked, "low": low, "high": high}
    plot.x_range.end = max(1, value.budget)
    plot.y_range.end = 1.05 * max([_LEAST, *high, *(max(found) for found in lines.values())])


def _figure() -> Any:
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(0, 1),
        y_range=Range1d(0, 1),
        x_axis_label="images asked about",
        y_axis_label="wrong answers found",
        tools="",
        sizing_mode="stretch_width",
    )
    band = ColumnDataSource({"asked": [], "low": [], "high": []}, name="band")
    plot.varea("asked", "low", "high", source=band, fill_color=MID_GREY, fill_alpha=0.25)
    for name, line in reversed(_LINES.items()):  # the guided one lies on top
        source = ColumnDataSource({"asked": [], "found": []}, name=name)
        plot.line("asked", "found", source=source, color=line.color, line_width=line.width, line_dash=line.dash)
    return style(plot)
