"""How the search went: the target's probability and the distance of the best start, above the λ that led there."""

from typing import Any

from bokeh.models import ColumnDataSource, LinearAxis, Range1d
from bokeh.plotting import figure

from xaiwidgets.methods.case._counterfactual.result import Counterfactuals
from xaiwidgets.widgets.parts.answer_plot import AnswerPlot
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style

_HEIGHT = 200
_LINES = {
    "probability": LineLook(category_color(0), "solid", 3, "━━"),
    "distance": LineLook(category_color(1), "dashed", 2, "╍╍"),
    "lambda": LineLook(category_color(3), "dotted", 2, "┈┈"),
}
_OTHERS = LineLook(MID_GREY, "solid", 1, "──")
_NAMES = {
    "probability": "probability of the wanted class, best start",
    "distance": "its distance, MADs (right)",
    "lambda": "λ, from its least to its greatest on a logarithmic scale",
}


class SearchPlot(AnswerPlot[Counterfactuals]):
    """A live plot with its key."""

    def __init__(self) -> None:
        entries = [*((look, _NAMES[name]) for name, look in _LINES.items()), (_OTHERS, "other starts")]
        alt = "probability of the wanted class, distance and λ against steps"
        super().__init__("The search", alt=alt, entries=entries)

    def fill(self, plot: Any, value: Counterfactuals) -> None:
        """How far it has come."""
        steps = list(value.history_steps)
        if not steps:
            return
        history = value.history.cpu().double()
        weight, probability, distance, _ = history[:, value.best].unbind(1)
        rise = (weight / weight.min()).log()
        columns = {"probability": probability, "distance": distance, "lambda": rise / rise.max().clamp(min=1e-9)}
        for name, column in columns.items():
            plot.select_one({"name": name}).data = {"step": steps, "value": column.tolist()}
        lines = [history[:, start, 1].tolist() for start in range(history.shape[1]) if start != value.best]
        plot.select_one({"name": "others"}).data = {"step": [steps] * len(lines), "value": lines}
        plot.x_range.end = max(1, steps[-1])
        plot.extra_y_ranges["distance"].end = 1.05 * max(1e-6, float(distance.max()))

    def empty(self) -> Any:
        """Lines without points, above two scales."""
        plot = figure(
            height=_HEIGHT,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1.02),
            x_axis_label="step",
            y_axis_label="probability",
            tools="",
            sizing_mode="stretch_width",
        )
        plot.extra_y_ranges = {"distance": Range1d(0, 1)}
        plot.add_layout(LinearAxis(y_range_name="distance", axis_label="distance, MADs"), "right")
        source = ColumnDataSource({"step": [], "value": []}, name="others")
        plot.multi_line("step", "value", source=source, color=_OTHERS.color, line_width=_OTHERS.width, alpha=0.6)
        for name in ("lambda", "distance", "probability"):
            look, where = _LINES[name], {"y_range_name": "distance"} if name == "distance" else {}
            source = ColumnDataSource({"step": [], "value": []}, name=name)
            draw = plot.step if name == "lambda" else plot.line
            draw("step", "value", source=source, **look.drawn, **where)
        return style(plot)
