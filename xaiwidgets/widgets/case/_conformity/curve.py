"""What is left of conformity and probability after ever more of the image is covered."""

from typing import Any

import ipywidgets as widgets
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.plot_key import LineLook, key_html
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.theme import category_color, style

_TITLE = "Removing the most important first"
_HEIGHT = 190
_NAMES = ("conformity", "softmax probability")
_ORDERED = (LineLook(category_color(0), "solid", 3, "━━"), LineLook(category_color(1), "dashed", 2, "╍╍"))
_RANDOM = (LineLook(category_color(0), "dotted", 1.5, "┈┈"), LineLook(category_color(1), "dotdash", 1.5, "╍┈"))
_ENTRIES = [
    *((look, f"{name}, by this map") for look, name in zip(_ORDERED, _NAMES, strict=True)),
    *((look, f"{name}, random orders") for look, name in zip(_RANDOM, _NAMES, strict=True)),
]


class DeletionCurve:
    """A live plot of four lines and its key."""

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="conformity and probability against the share of the image removed")
        self.key = widgets.HTML(key_html(_ENTRIES))
        self._shown: ConformityMap | None = None

    def show(self, value: ConformityMap, *, now: bool = False) -> None:
        """Draw the curves of an answer, as far as they are known."""
        if value is self._shown:
            return
        self._shown = value
        self.plot.update(lambda: _fill(self.plot.figure, value))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self._shown = None
        self.plot.replace(_figure())

    @staticmethod
    def filled(value: ConformityMap) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, value)
        return made


def _fill(plot: Any, value: ConformityMap) -> None:
    removed = [100 * share for share in value.removed.tolist()]
    for measure in range(len(_NAMES)):
        curves = {"ordered": value.ordered[measure], "random": value.random[:, measure].nanmean(0)}
        for name, curve in curves.items():
            plot.select_one({"name": f"{name}{measure}"}).data = {
                "removed": removed,
                "left": curve.tolist() if removed else [],
            }


def _figure() -> Any:
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(0, 100),
        y_range=Range1d(0, 1.02),
        x_axis_label="removed, % of the image",
        y_axis_label="left",
        tools="",
        sizing_mode="stretch_width",
    )
    for name, looks in (("random", _RANDOM), ("ordered", _ORDERED)):
        for measure, look in enumerate(looks):
            source = ColumnDataSource({"removed": [], "left": []}, name=f"{name}{measure}")
            drawn = {"color": look.color, "line_width": look.width, "line_dash": look.dash}
            plot.line("removed", "left", source=source, **drawn)
    return style(plot)
