"""What prototypes reach against their number, beside random ones."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import ipywidgets as widgets
from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d
from bokeh.plotting import figure

from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.plot_key import LineLook, key_html
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY, style

_HEIGHT = 200
_LEAST = 1e-5  # below which a logarithmic axis does not go


class Curves(NamedTuple):
    """A list of values for each line, from one prototype on; ``low`` and ``high`` bound the shaded band."""

    lines: Mapping[str, Sequence[float]]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


class CurvePlot:
    """A live plot with a heading, and below it a key; ``looks`` names the lines, ``band`` what is shaded."""

    def __init__(
        self, title: str, y_label: str, looks: Mapping[str, LineLook], *, band: str, alt: str, log: bool = False
    ) -> None:
        self._title, self._y_label, self._looks, self._log = title, y_label, looks, log
        self.heading = heading(title)
        self.plot = LivePlot(self._figure(), label=alt)
        shaded = LineLook(MID_GREY, "solid", 1, "▒▒")
        entries = [*((look, name) for name, look in looks.items()), (shaded, band)]
        self.key = widgets.HTML(key_html(entries))

    def show(self, curves: Curves, note: str = "", *, now: bool = False) -> None:
        """Draw these; ``now`` does it without waiting for the plot's rate."""
        words = heading_html(self._title, note)
        if self.heading.value != words:
            self.heading.value = words
        self.plot.update(lambda: self._fill(self.plot.figure, curves))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self.heading.value = heading_html(self._title)
        self.plot.replace(self._figure())

    def filled(self, curves: Curves) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = self._figure()
        self._fill(made, curves)
        return made

    def _fill(self, plot: Any, curves: Curves) -> None:
        for name in self._looks:
            values = list(curves.lines.get(name, ()))
            plot.select_one({"name": name}).data = {"count": [*range(1, len(values) + 1)], "value": values}
        band = plot.select_one({"name": "band"})
        band.data = {
            "count": [*range(1, len(curves.low) + 1)],
            "low": [max(value, _LEAST) for value in curves.low] if self._log else list(curves.low),
            "high": list(curves.high),
        }
        every = [value for values in [*curves.lines.values(), curves.low, curves.high] for value in values]
        longest = max([len(values) for values in curves.lines.values()], default=1)
        plot.x_range.start, plot.x_range.end = 1, max(2, longest)
        if self._log:
            positive = [value for value in every if value > _LEAST] or [_LEAST, 1.0]
            plot.y_range.start, plot.y_range.end = min(positive) / 1.5, max(positive) * 1.3

    def _figure(self) -> Any:
        plot = figure(
            height=_HEIGHT,
            x_range=Range1d(1, 2),
            y_range=Range1d(1e-3, 1) if self._log else Range1d(0, 102),
            x_axis_label="prototypes",
            y_axis_label=self._y_label,
            y_axis_type="log" if self._log else "linear",
            tools="",
            sizing_mode="stretch_width",
        )
        band = ColumnDataSource({"count": [], "low": [], "high": []}, name="band")
        plot.varea("count", "low", "high", source=band, fill_color=MID_GREY, fill_alpha=0.2)
        for name, look in self._looks.items():
            source = ColumnDataSource({"count": [], "value": []}, name=name)
            plot.line("count", "value", source=source, color=look.color, line_width=look.width, line_dash=look.dash)
        if self._log:
            plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[0000]")
        return style(plot)
