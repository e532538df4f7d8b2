"""Accuracy on the answers that are kept, against how many are: by rules, and by confidence."""

from typing import Any

from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d, Span
from bokeh.plotting import figure

from xaiwidgets.methods.model_inspection._failures.selective import Selective
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style

_TITLE = "Right among the answers that are kept"
_NOTE = "held-out images · dots: without rule after rule, the surest first; line: without the least confident"
_HEIGHT = 200
_BEYOND = 2.0  # how much more than the rules drop is shown


class KeptPlot:
    """A live plot with a dot for each further rule and the line of confidence; dashed is the accuracy on all."""

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="accuracy on the answers kept, by rules and by confidence")

    def show(self, end: Selective, *, now: bool = False) -> None:
        """Draw these; ``now`` does it without waiting for the plot's rate."""
        words = heading_html(_TITLE, _NOTE)
        if self.heading.value != words:
            self.heading.value = words
        self.plot.update(lambda: _fill(self.plot.figure, end))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self.heading.value = heading_html(_TITLE)
        self.plot.replace(_figure())

    def filled(self, end: Selective) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, end)
        return made


def _fill(plot: Any, end: Selective) -> None:
    shown = min(end.images, max(10, round(_BEYOND * int(end.dropped[-1]))))
    accuracy, low, high = end.accuracy.tolist(), *end.interval.T.tolist()
    kept = [100 * share for share in end.kept.tolist()]
    plot.select_one({"name": "flags"}).data = {
        "kept": kept,
        "accuracy": accuracy,
        "low": low,
        "high": high,
    }
    line = end.confident_curve[: max(1, shown)].tolist()
    plot.select_one({"name": "confidence"}).data = {
        "kept": [100 - 100 * place / max(1, end.images) for place in range(len(line))],
        "accuracy": line,
    }
    plot.select_one({"name": "level"}).location = accuracy[0]
    numbers = [*accuracy, *low, *high, *line]
    margin = max(0.002, 0.05 * (max(numbers) - min(numbers)))
    plot.y_range.start, plot.y_range.end = max(0, min(numbers) - margin), min(1, max(numbers) + margin)
    plot.x_range.start, plot.x_range.end = 100.5, 100 - 100 * shown / max(1, end.images)


def _figure() -> Any:
    flags = ColumnDataSource({"kept": [], "accuracy": [], "low": [], "high": []}, name="flags")
    confidence = ColumnDataSource({"kept": [], "accuracy": []}, name="confidence")
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(100.5, 50),
        y_range=Range1d(0, 1),
        x_axis_label="answers kept, % (fewer to the right)",
        y_axis_label="right",
        tools="",
        sizing_mode="stretch_width",
    )
    plot.add_layout(Span(location=1, dimension="width", line_color=MID_GREY, line_dash="dashed", name="level"))
    plot.line("kept", "accuracy", source=confidence, color=category_color(1), line_width=2)
    plot.segment("kept", "low", "kept", "high", source=flags, line_color=category_color(0), line_alpha=0.5)
    plot.line("kept", "accuracy", source=flags, color=category_color(0), line_width=1, line_alpha=0.5)
    plot.scatter("kept", "accuracy", source=flags, size=8, fill_color=category_color(0), line_color=None)
    plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[0]%")
    return style(plot)
