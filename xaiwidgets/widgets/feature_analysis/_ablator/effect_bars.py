"""What the removal of a unit does to the images with each concept, as bars beside what else could explain it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from bokeh.models import ColumnDataSource, FixedTicker, Range1d, Span, TapTool
from bokeh.plotting import figure

from xaiwidgets.methods.feature_analysis._ablation.result import Ablation
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW, MID_GREY, style

_MOST, _FEWEST = 12, 5  # bars; images that an effect is worth ranking for
_SHORTEST = 6  # bars that there is room for
_HEIGHT = 300
_TITLE = "What its removal does to the right class's probability"
_SOURCES = {
    "bars": ("y", "change", "color", "alpha"),
    "errors": ("y", "low", "high"),
    "others": ("low", "high", "without"),
    "controls": ("y", "change"),
}


class EffectBars:
    """A live plot with a bar for each concept, the most harmed on top, and whiskers of one standard error.

    A thin line in each bar's row is the same for the images without the concept; the dots are the removals of random
    units. A click on a bar chooses its concept.
    """

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="bars: how the right class's probability changes for each concept")
        self._rows: list[int] = []
        self._callbacks: list[Callable[[int | None], None]] = []
        self.plot.on_selection(self._on_selection)

    def on_choose(self, callback: Callable[[int | None], None]) -> None:
        """Call ``callback(place)`` when a bar is clicked, with None when the choice is taken back."""
        self._callbacks.append(callback)

    def show(self, value: Ablation, row: int, chosen: int | None, name: str, *, now: bool = False) -> None:
        """Draw the bars of one removal, called ``name``; ``now`` does it without waiting for the plot's rate."""
        marks = "line: images without the concept" + ("; dots: random units" if value.control_units else "")
        words = heading_html(_TITLE, f"{name} · {marks}")
        if self.heading.value != words:
            self.heading.value = words
        self._rows = rows = ranked(value, row, chosen)
        self.plot.update(lambda: _fill(self.plot.figure, value, row, rows, chosen))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """No bars."""
        self.heading.value = heading_html(_TITLE)
        self.plot.replace(_figure())

    def filled(self, value: Ablation, row: int, chosen: int | None) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, value, row, ranked(value, row, chosen), chosen)
        return made

    def _on_selection(self, indices: list[int], _source: ColumnDataSource) -> None:
        chosen = self._rows[indices[0]] if indices and indices[0] < len(self._rows) else None
        for callback in tuple(self._callbacks):
            callback(chosen)


class _Extent(NamedTuple):
    """How far the axis goes; 0 lies within."""

    low: float
    high: float

    @staticmethod
    def of(*columns: Sequence[float]) -> "_Extent":
        """That of all these numbers, with a margin; NaN counts as none."""
        numbers = [0.0, *(number for column in columns for number in column if number == number)]  # noqa: PLR0124 - NaN
        margin = max(0.01, 0.05 * (max(numbers) - min(numbers)))
        return _Extent(min(numbers) - margin, max(numbers) + margin)


def ranked(value: Ablation, row: int, chosen: int | None = None) -> list[int]:
    """The concepts whose images a removal harms most, the most harmed first; the chosen one is among them.

    Concepts of few images are left out where there are others: one image alone can lose all of its probability.
    """
    present = value.present
    enough = present >= min(_FEWEST, int(present.max()))
    known = enough & (present > 0)
    order = value.score_change[row].where(known, torch.inf).argsort(stable=True)
    rows = order[: min(_MOST, int(known.sum()))].tolist()
    if chosen is not None and chosen not in rows and int(present[chosen]):
        rows = [*rows[: _MOST - 1], chosen]
    return rows


def most_harmed(value: Ablation, row: int) -> int | None:
    """The concept whose images a removal harms most, None before there are images."""
    rows = ranked(value, row)
    return rows[0] if rows else None


def _fill(plot: Any, value: Ablation, row: int, rows: list[int], chosen: int | None) -> None:
    y = [i + 0.5 for i in range(len(rows))]
    change, error = (part[row, rows].tolist() for part in (value.score_change, value.standard_error))
    without = value.without.score_change[row, rows].tolist()
    controls = value.controls.score_change[:, rows]
    ends = [[a + side * b for a, b in zip(change, error, strict=True)] for side in (-1, 1)]
    low, high = ends
    bars = plot.select_one({"name": "bars"})
    bars.data = {
        "y": y,
        "change": change,
        "color": [BELOW if number < 0 else ABOVE for number in change],
        "alpha": [1.0 if chosen in {None, place} else 0.35 for place in rows],
    }
    bars.selected.indices = []
    plot.select_one({"name": "errors"}).data = {"y": y, "low": low, "high": high}
    plot.select_one({"name": "others"}).data = {
        "low": [at - 0.4 for at in y],
        "high": [at + 0.4 for at in y],
        "without": without,
    }
    flat = controls.flatten().tolist()
    plot.select_one({"name": "controls"}).data = {"y": y * len(controls), "change": flat}
    plot.yaxis[0].ticker.ticks = y
    plot.yaxis[0].major_label_overrides = {
        at: "{} ({}), {:,}".format(*value.concepts[place], int(value.present[place]))
        for at, place in zip(y, rows, strict=True)
    }
    plot.y_range.start = max(_SHORTEST, len(rows))
    plot.x_range.start, plot.x_range.end = _Extent.of(change, low, high, without, flat)


def _figure() -> Any:
    sources = {name: ColumnDataSource({key: [] for key in keys}, name=name) for name, keys in _SOURCES.items()}
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(-0.1, 0.02),
        y_range=Range1d(_SHORTEST, 0),
        x_axis_label="mean change of the probability (left: falls)",
        tools=[TapTool()],
        sizing_mode="stretch_width",
    )
    bars = plot.hbar(
        y="y",
        right="change",
        height=0.6,
        fill_color="color",
        fill_alpha="alpha",
        line_color=None,
        source=sources["bars"],
    )
    bars.nonselection_glyph = None
    plot.segment("low", "y", "high", "y", source=sources["errors"], line_color=MID_GREY, line_width=1.5)
    plot.segment("without", "low", "without", "high", source=sources["others"], line_color=MID_GREY, line_width=2)
    plot.scatter("change", "y", source=sources["controls"], size=4, fill_color="white", line_color=MID_GREY)
    plot.add_layout(Span(location=0, dimension="height", line_color=MID_GREY, line_width=1))
    plot.yaxis[0].ticker = FixedTicker(ticks=[])
    plot.select_one(TapTool).renderers = [bars]
    made = style(plot)
    plot.ygrid.grid_line_color = None
    return made
