"""Lines over the steps of a run."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d, Span
from bokeh.plotting import figure

from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import BELOW, category_color, style

_HEIGHT = 180


class Lines(NamedTuple):
    """What a `LinePlot` shows: x of the points, a list of values for each line, how far x goes, and a level.

    ``level`` is a dashed line to compare with, None for none.
    """

    x: Sequence[float]
    values: Sequence[Sequence[float]]
    span: float
    level: float | None = None


class LinePlot:
    """A live plot with a heading, its lines in the colours of the images above it.

    ``alt`` says what it shows in words; ``log`` gives a logarithmic axis (values of at most 0 are left out).
    """

    def __init__(self, title: str, *, alt: str, x_label: str = "step", y_label: str = "", log: bool = False) -> None:
        self.title, self._x_label, self._y_label, self._log = title, x_label, y_label, log
        self._count = 0
        self.heading = heading(title)
        self.plot = LivePlot(self._figure(0), label=alt)

    def reset(self, count: int) -> None:
        """Empty axes for so many lines."""
        self._count = count
        self.plot.replace(self._figure(count))

    def show(self, lines: Lines, note: str = "", *, now: bool = False) -> None:
        """Draw these lines, ``note`` behind the heading; ``now`` does it without waiting for the plot's rate."""
        words = heading_html(self.title, note)
        if self.heading.value != words:
            self.heading.value = words
        if len(lines.values) != self._count:
            self.reset(len(lines.values))
        self.plot.update(lambda: self._fill(self.plot.figure, lines))
        if now:
            self.plot.flush()

    def filled(self, lines: Lines) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = self._figure(len(lines.values))
        self._fill(made, lines)
        return made

    def _figure(self, count: int) -> Any:
        source = ColumnDataSource({"x": [], **{f"line{i}": [] for i in range(count)}}, name="lines")
        low = 1e-3 if self._log else 0.0
        plot = figure(
            height=_HEIGHT,
            x_range=Range1d(0, 1),
            y_range=Range1d(low, 1),
            x_axis_label=self._x_label,
            y_axis_label=self._y_label or None,
            y_axis_type="log" if self._log else "linear",
            tools="",
            sizing_mode="stretch_width",
        )
        for i in range(count):
            plot.line("x", f"line{i}", source=source, color=category_color(i), line_width=2)
        if not self._log:
            plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[00]")
        plot.add_layout(
            Span(location=1, dimension="width", line_color=BELOW, line_dash="dashed", visible=False, name="level")
        )
        return style(plot)

    def _fill(self, plot: Any, lines: Lines) -> None:
        columns = {f"line{i}": list(values) for i, values in enumerate(lines.values)}
        plot.select_one({"name": "lines"}).data = {"x": list(lines.x), **columns}
        plot.x_range.end = max(1, lines.span)
        extra = [] if lines.level is None else [lines.level]
        numbers = [number for column in columns.values() for number in [*column, *extra] if number == number]  # noqa: PLR0124
        plot.y_range.start, plot.y_range.end = self._bounds(numbers)
        span = plot.select_one({"name": "level"})
        span.visible = lines.level is not None
        span.location = 1 if lines.level is None else lines.level

    def _bounds(self, numbers: Sequence[float]) -> tuple[float, float]:
        if self._log:
            positive = [number for number in numbers if number > 0] or [1e-3, 1.0]
            return min(positive) / 1.3, max(positive) * 1.3
        low, high = min(0.0, *numbers, 0.0), max([*numbers, 0.0])
        return low, high + 0.05 * (high - low or 1.0)
