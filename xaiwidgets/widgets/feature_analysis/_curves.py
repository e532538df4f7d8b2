"""The objective of each image over the steps."""

from typing import Any

from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d, Span
from bokeh.plotting import figure

from xaiwidgets.methods.feature_analysis._visualization import Visualization
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import BELOW, category_color, style

_HEIGHT = 180


class Curves:
    """A live plot that shares its colours with the images above it."""

    def __init__(self) -> None:
        self.heading = heading("Objective, without transforms")
        self._lines = 0
        self.plot = LivePlot(_figure(0), label="activation of each image over the steps")

    def reset(self, lines: int) -> None:
        """Empty axes for so many images."""
        self._lines = lines
        self.plot.replace(_figure(lines))

    def show(self, value: Visualization, steps: float, largest: list[float] | None, *, now: bool = False) -> None:
        """Draw the history, as multiples of ``largest`` where it is known.

        ``now`` draws it without waiting for the plot's rate.
        """
        words = heading_html("Objective, without transforms", "(× the largest that the images give)" if largest else "")
        if self.heading.value != words:
            self.heading.value = words
        if len(value.units) != self._lines:
            self.reset(len(value.units))
        self.plot.update(lambda: _fill(self.plot.figure, value, steps, largest))
        if now:
            self.plot.flush()


def figure_of(value: Visualization, steps: float, largest: list[float] | None) -> Any:
    """A filled figure that belongs to nobody, for an export."""
    made = _figure(len(value.units))
    _fill(made, value, steps, largest)
    return made


def _figure(lines: int) -> Any:
    source = ColumnDataSource({"step": [], **{f"unit{i}": [] for i in range(lines)}}, name="history")
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(0, 1),
        y_range=Range1d(0, 1),
        x_axis_label="step",
        tools="",
        sizing_mode="stretch_width",
    )
    for i in range(lines):
        plot.line("step", f"unit{i}", source=source, color=category_color(i), line_width=2)
    plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[0]")
    plot.add_layout(
        Span(location=1, dimension="width", line_color=BELOW, line_dash="dashed", visible=False, name="level")
    )
    return style(plot)


def _fill(plot: Any, value: Visualization, steps: float, largest: list[float] | None) -> None:
    rows = value.history.tolist()
    scale = largest or [1.0] * len(value.units)
    columns = {f"unit{i}": [row[i] / scale[i] for row in rows] for i in range(len(scale))}
    plot.select_one({"name": "history"}).data = {"step": list(value.history_steps), **columns}
    plot.x_range.end = max(1, steps)
    numbers = [number for column in columns.values() for number in column] or [0.0, 1.0]
    if largest:
        numbers += [1.0]
    low, high = min(0.0, *numbers), max(numbers)
    plot.y_range.start, plot.y_range.end = low, high + 0.05 * (high - low or 1.0)
    plot.select_one({"name": "level"}).visible = largest is not None
