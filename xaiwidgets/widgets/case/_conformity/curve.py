"""What is left of conformity and probability after ever more of the image is covered."""

from typing import Any

from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.widgets.parts.answer_plot import AnswerPlot
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.theme import category_color, style

_HEIGHT = 190
_NAMES = ("conformity", "softmax probability")
_ORDERED = (LineLook(category_color(0), "solid", 3, "━━"), LineLook(category_color(1), "dashed", 2, "╍╍"))
_RANDOM = (LineLook(category_color(0), "dotted", 1.5, "┈┈"), LineLook(category_color(1), "dotdash", 1.5, "╍┈"))
_ENTRIES = [
    *((look, f"{name}, by this map") for look, name in zip(_ORDERED, _NAMES, strict=True)),
    *((look, f"{name}, random orders") for look, name in zip(_RANDOM, _NAMES, strict=True)),
]


class DeletionCurve(AnswerPlot[ConformityMap]):
    """A live plot of four lines and its key."""

    def __init__(self) -> None:
        alt = "conformity and probability against the share of the image removed"
        super().__init__("Removing the most important first", alt=alt, entries=_ENTRIES)

    def empty(self) -> Any:
        """Four lines without points."""
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
                plot.line("removed", "left", source=source, **look.drawn)
        return style(plot)

    def fill(self, plot: Any, value: ConformityMap) -> None:
        """The curves of an answer, as far as they are known."""
        removed = [100 * share for share in value.removed.tolist()]
        for measure in range(len(_NAMES)):
            curves = {"ordered": value.ordered[measure], "random": value.random[:, measure].nanmean(0)}
            for name, curve in curves.items():
                plot.select_one({"name": f"{name}{measure}"}).data = {
                    "removed": removed,
                    "left": curve.tolist() if removed else [],
                }
