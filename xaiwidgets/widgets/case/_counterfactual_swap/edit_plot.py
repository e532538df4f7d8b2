"""Probabilities of both classes against the number of edits, and what random swaps do."""

from collections.abc import Sequence
from html import escape
from typing import Any

from bokeh.models import ColumnDataSource, Range1d, SingleIntervalTicker
from bokeh.plotting import figure

from xaiwidgets.methods.case._counterfactual_swap.result import QUERY, TARGET, RegionSwaps
from xaiwidgets.widgets.parts.answer_plot import AnswerPlot
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style
from xaiwidgets.widgets.parts.words import class_name

_HEIGHT, _TICKS = 200, 10
_LINES = {
    "query": LineLook(category_color(0), "solid", 3, "━━"),
    "target": LineLook(category_color(4), "dashed", 3, "╍╍"),
    "random": LineLook(MID_GREY, "dotted", 2, "┈┈"),
}


class EditPlot(AnswerPlot[RegionSwaps]):
    """A live plot with its key."""

    def __init__(self) -> None:
        alt = "probability of both classes against the number of swapped cells"
        super().__init__("Probability against edits", alt=alt)

    def name_classes(self, value: RegionSwaps, names: Sequence[str] | None) -> None:
        """Say in the key which class each line is of."""
        own, target = (escape(class_name(one, names)) for one in (value.query_class, value.target))
        words = {"query": own, "target": target, "random": f"{target}, mean of random swaps"}
        self.name((_LINES[name], text) for name, text in words.items())

    def reset(self) -> None:
        """Empty axes, and no key."""
        self.name(())
        super().reset()

    def fill(self, plot: Any, value: RegionSwaps) -> None:
        """The edits so far."""
        random = value.random_probability.mean(0).tolist() if len(value.random_probability) else []
        columns = {
            "query": value.probability[:, QUERY].tolist(),
            "target": value.probability[:, TARGET].tolist(),
            "random": random[: max(2, 2 * len(value.edits) + 1)],
        }
        for name, column in columns.items():
            plot.select_one({"name": name}).data = {"edits": list(range(len(column))), "probability": column}
        end = max(1, *(len(column) - 1 for column in columns.values()))
        plot.x_range.end = end
        plot.xaxis[0].ticker.interval = -(-end // _TICKS)

    def empty(self) -> Any:
        """Lines without points."""
        plot = figure(
            height=_HEIGHT,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1.02),
            x_axis_label="cells swapped",
            y_axis_label="probability",
            tools="",
            sizing_mode="stretch_width",
        )
        plot.xaxis[0].ticker = SingleIntervalTicker(interval=1, num_minor_ticks=0)
        for name in ("random", "target", "query"):
            look, source = _LINES[name], ColumnDataSource({"edits": [], "probability": []}, name=name)
            drawn = {"source": source, "color": look.color}
            plot.line("edits", "probability", source=source, **look.drawn)
            if name != "random":
                plot.scatter("edits", "probability", marker="circle" if name == "query" else "square", size=7, **drawn)
        return style(plot)
