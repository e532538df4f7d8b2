"""What prototypes reach against their number, beside random ones."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, NumeralTickFormatter, Range1d
from bokeh.plotting import figure

from xaiwidgets.widgets.parts.answer_plot import AnswerPlot
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.theme import MID_GREY, style

_HEIGHT = 200
_LEAST = 1e-5  # below which a logarithmic axis does not go


class Curves(NamedTuple):
    """A list of values for each line, from one prototype on; ``low`` and ``high`` bound the shaded band."""

    lines: Mapping[str, Sequence[float]]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


class CurvePlot(AnswerPlot[Curves]):
    """A live plot with a heading, and below it a key; ``looks`` names the lines, ``band`` what is shaded."""

    def __init__(
        self, title: str, y_label: str, looks: Mapping[str, LineLook], *, band: str, alt: str, log: bool = False
    ) -> None:
        self._y_label, self._looks, self._log = y_label, looks, log
        shaded = LineLook(MID_GREY, "solid", 1, "▒▒")
        entries = [*((look, name) for name, look in looks.items()), (shaded, band)]
        super().__init__(title, alt=alt, entries=entries)

    def fill(self, plot: Any, value: Curves) -> None:
        """Lines and band, and axes that hold them."""
        for name in self._looks:
            values = list(value.lines.get(name, ()))
            plot.select_one({"name": name}).data = {"count": [*range(1, len(values) + 1)], "value": values}
        band = plot.select_one({"name": "band"})
        band.data = {
            "count": [*range(1, len(value.low) + 1)],
            "low": [max(value, _LEAST) for value in value.low] if self._log else list(value.low),
            "high": list(value.high),
        }
        every = [value for values in [*value.lines.values(), value.low, value.high] for value in values]
        longest = max([len(values) for values in value.lines.values()], default=1)
        plot.x_range.start, plot.x_range.end = 1, max(2, longest)
        if self._log:
            positive = [value for value in every if value > _LEAST] or [_LEAST, 1.0]
            plot.y_range.start, plot.y_range.end = min(positive) / 1.5, max(positive) * 1.3

    def empty(self) -> Any:
        """Lines without points."""
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
            plot.line("count", "value", source=source, **look.drawn)
        if self._log:
            plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[0000]")
        return style(plot)
