"""The effects of all training images as a histogram, of which a band can be chosen."""

from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.models import BoxSelectTool, ColumnDataSource, CustomJSTickFormatter, Range1d, TapTool
from bokeh.plotting import figure

from xaiwidgets.widgets.model_inspection._influence.words import signed
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW, MID_GREY, style

_BINS = 61
_HEIGHT = 170
_TITLE = "All training images"
_COLUMNS = ("left", "right", "height", "color")


class EffectHistogram:
    """Bars over the effect in nats; their height is the square root of the count, so that the few at both ends show.

    Bars that hold the pictures above have their colours. Dragging over bars, or a click on one, chooses its images.
    """

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="histogram: the effects of all training images")
        self._effects = np.zeros(0)
        self._edges = np.zeros(0)
        self._callbacks: list[Callable[[list[int]], None]] = []
        self.plot.on_selection(self._on_selection)

    def on_choose(self, callback: Callable[[list[int]], None]) -> None:
        """Call ``callback(images)`` when a band is chosen, with none when the choice is taken back."""
        self._callbacks.append(callback)

    def show(self, effects: np.ndarray, shown: list[int], note: str, *, now: bool = False) -> None:
        """Draw the effects of all images; ``shown`` are those above."""
        words = heading_html(_TITLE, note)
        if self.heading.value != words:
            self.heading.value = words
        self._effects, self._edges = effects, _edges_of(effects)
        self.plot.update(lambda: _fill(self.plot.figure, effects, shown, self._edges))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """No bars."""
        self._effects = self._edges = np.zeros(0)
        self.heading.value = heading_html(_TITLE)
        self.plot.replace(_figure())

    @staticmethod
    def filled(effects: np.ndarray, shown: list[int]) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, effects, shown, _edges_of(effects))
        return made

    def _on_selection(self, bars: list[int], _source: ColumnDataSource) -> None:
        edges, effects = self._edges, self._effects
        inside = np.zeros(len(effects), bool)
        for bar in bars:
            if bar + 1 < len(edges):
                inside |= (effects >= edges[bar]) & (effects <= edges[bar + 1])
        for callback in tuple(self._callbacks):
            callback(inside.nonzero()[0].tolist())


def _edges_of(effects: np.ndarray) -> np.ndarray:
    known = effects[np.isfinite(effects)]
    if not len(known):
        return np.zeros(0)
    low, high = min(0.0, known.min()), max(0.0, known.max())
    return np.linspace(low, high if high > low else low + 1e-12, _BINS + 1)


def _fill(plot: Any, effects: np.ndarray, shown: list[int], edges: np.ndarray) -> None:
    if not len(edges):
        plot.select_one({"name": "bars"}).data = {name: [] for name in _COLUMNS}
        return
    counts, _ = np.histogram(effects[np.isfinite(effects)], edges)
    picked = np.histogram(effects[shown], edges)[0] if shown else np.zeros(_BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    colors = [(BELOW if at < 0 else ABOVE) if has else MID_GREY for at, has in zip(middles, picked, strict=True)]
    heights = np.sqrt(counts)
    source = plot.select_one({"name": "bars"})
    source.selected.indices = []
    source.data = {"left": edges[:-1], "right": edges[1:], "height": heights, "color": colors}
    plot.x_range.start, plot.x_range.end = float(edges[0]), float(edges[-1])
    plot.y_range.end = float(heights.max()) * 1.05 or 1.0
    ends = [float(edges[0]), 0.0, float(edges[-1])]
    span = ends[2] - ends[0]
    near = [end for end in ends if end == 0 or abs(end) > 0.1 * span]
    plot.xaxis[0].ticker = near
    plot.xaxis[0].major_label_overrides = {end: signed(end) for end in near}


def _figure() -> Any:
    source = ColumnDataSource({name: [] for name in _COLUMNS}, name="bars")
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(-1, 1),
        y_range=Range1d(0, 1),
        x_axis_label="effect of its removal on the loss (nats)",
        y_axis_label="images",
        tools=[TapTool(), BoxSelectTool(dimensions="width")],
        sizing_mode="stretch_width",
    )
    plot.quad(
        left="left",
        right="right",
        bottom=0,
        top="height",
        color="color",
        source=source,
        line_color=None,
        nonselection_fill_alpha=0.3,
    )
    plot.yaxis[0].formatter = CustomJSTickFormatter(code="return (tick * tick).toFixed(0)")
    return style(plot)
