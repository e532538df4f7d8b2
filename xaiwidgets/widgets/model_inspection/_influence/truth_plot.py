"""Predicted against actual: every removal that was tried."""

from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, CustomJSTickFormatter, Range1d
from bokeh.plotting import figure

from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading
from xaiwidgets.widgets.parts.theme import ABOVE, MID_GREY, category_color, style

_HEIGHT = 210
_COLUMNS = ("actual", "predicted", "color", "size")


class Trial(NamedTuple):
    """One removal that was tried: changes of the loss in nats, and how many images were removed."""

    predicted: float
    actual: float
    images: int


class TruthPlot:
    """A point for each removal, on the dashed diagonal where prediction and refit agree."""

    def __init__(self) -> None:
        self.heading = heading("Predicted against actual")
        self.plot = LivePlot(_figure(), label="scatter: predicted against actual changes of the loss")

    def show(self, trials: list[Trial], *, now: bool = False) -> None:
        """Draw these."""
        self.plot.update(lambda: _fill(self.plot.figure, trials))
        if now:
            self.plot.flush()

    @staticmethod
    def filled(trials: list[Trial]) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, trials)
        return made


def _fill(plot: Any, trials: list[Trial]) -> None:
    plot.select_one({"name": "trials"}).data = {
        "actual": [trial.actual for trial in trials],
        "predicted": [trial.predicted for trial in trials],
        "color": [ABOVE if trial.images == 1 else category_color(1) for trial in trials],
        "size": [7 if trial.images == 1 else 11 for trial in trials],
    }
    numbers = [number for trial in trials for number in (trial.actual, trial.predicted)] or [-1e-3, 1e-3]
    low, high = min(*numbers, 0.0), max(*numbers, 0.0)
    margin = 0.08 * (high - low or 1e-9)
    for axis in (plot.x_range, plot.y_range):
        axis.start, axis.end = low - margin, high + margin
    ends = [low - margin, high + margin]
    plot.select_one({"name": "diagonal"}).data = {"x": ends, "y": ends}


def _figure() -> Any:
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(-1e-3, 1e-3),
        y_range=Range1d(-1e-3, 1e-3),
        x_axis_label="actual (nats)",
        y_axis_label="predicted",
        tools="",
        sizing_mode="stretch_width",
    )
    diagonal = ColumnDataSource({"x": [], "y": []}, name="diagonal")
    plot.line("x", "y", source=diagonal, color=MID_GREY, line_dash="dashed", line_width=1)
    trials = ColumnDataSource({name: [] for name in _COLUMNS}, name="trials")
    plot.scatter("actual", "predicted", color="color", size="size", source=trials, alpha=0.7, line_color=None)
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.ticker.desired_num_ticks = 3
        axis.formatter = CustomJSTickFormatter(code="return String(Number(tick.toPrecision(2)))")
    return style(plot)
