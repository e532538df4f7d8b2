"""The share of held-out images that is classified rightly, against the epochs."""

import math
from typing import Any

from bokeh.models import ColumnDataSource, Range1d, Span
from bokeh.plotting import figure

from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.widgets.parts.answer_plot import AnswerPlot
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style

_HEIGHT = 200
_HELD = LineLook(category_color(0), "solid", 3, "━━")
_FITTED = LineLook(category_color(5), "dashed", 2, "╍╍")
_OWN = LineLook(category_color(4), "dotdash", 2, "╍┈")
_CHANCE = LineLook(MID_GREY, "dotted", 2, "┈┈")
_KEY = [
    (_HELD, "held-out images"),
    (_FITTED, "training images"),
    (_OWN, "the network itself, held-out"),
    (_CHANCE, "random patches, held-out"),
]


class AccuracyPlot(AnswerPlot[LearnedParts]):
    """Two lines and two levels over ``epochs``; a projection is a step at its epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        alt = "accuracy on held-out and training images against the epochs"
        note = "steps down: prototypes were put on real parts"
        super().__init__("Accuracy while it learns", alt=alt, entries=_KEY, note=note)

    def fill(self, plot: Any, value: LearnedParts) -> None:
        """What was reached so far."""
        plot.select_one({"name": "curves"}).data = {
            "epoch": value.history_epochs.tolist(),
            "held": (100 * value.history_held_out).tolist(),
            "fitted": (100 * value.history_fitted).tolist(),
        }
        known = [100 * share for share in (*value.history_held_out.tolist(), *value.accuracy) if share == share]  # noqa: PLR0124
        plot.y_range.start = max(0, 10 * math.floor(min(known, default=0) / 10) - 10)
        for name, level in (("own", value.accuracy.own), ("by_chance", value.accuracy.by_chance)):
            span = plot.select_one({"name": name})
            span.visible = level == level  # noqa: PLR0124 - NaN is not itself
            span.location = 100 * level if span.visible else 0

    def empty(self) -> Any:
        """Axes as long as the run will be."""
        plot = figure(
            height=_HEIGHT,
            x_range=Range1d(0, self.epochs),
            y_range=Range1d(0, 101),
            x_axis_label="epoch",
            y_axis_label="right, %",
            tools="",
            sizing_mode="stretch_width",
        )
        curves = ColumnDataSource({"epoch": [], "held": [], "fitted": []}, name="curves")
        for column, look in (("fitted", _FITTED), ("held", _HELD)):
            plot.line("epoch", column, source=curves, **look.drawn)
        for name, look in (("own", _OWN), ("by_chance", _CHANCE)):
            dash = {"line_color": look.color, "line_width": look.width, "line_dash": look.dash}
            plot.add_layout(Span(location=0, dimension="width", visible=False, name=name, **dash))
        return style(plot)
