"""A map of the test images by their features, on which one or several can be chosen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from bokeh.models import ColumnDataSource, LassoSelectTool, PanTool, Range1d, TapTool, WheelZoomTool
from bokeh.plotting import figure

from xaiwidgets.methods.model_inspection._influence.survey import Survey
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import category_color, style

_HEIGHT = 420
_TITLE = "Map of the test images"
_COLUMNS = ("x", "y", "color", "marker", "size")


class QueryMap:
    """The features on their two principal axes, coloured by label; what the network answers wrongly is a cross."""

    def __init__(self) -> None:
        self.heading = heading(_TITLE, "Run to draw it")
        self.plot = LivePlot(_figure(), label="map: the test images by their features on two principal axes")
        self._callbacks: list[Callable[[list[int]], None]] = []
        self._drawn: Survey | None = None
        self.plot.on_selection(self._on_selection)

    def on_choose(self, callback: Callable[[list[int]], None]) -> None:
        """Call ``callback(images)`` after a click or a lasso chose some."""
        self._callbacks.append(callback)

    def show(self, survey: Survey, labels: torch.Tensor) -> None:
        """Draw the map once its places are known."""
        if survey.places is None or survey is self._drawn:
            return
        self._drawn = survey
        self.heading.value = heading_html(
            _TITLE, "colour: label; cross: answered wrongly; click one, or drag around several"
        )
        places, wrong = survey.places.cpu().numpy(), set(survey.mistakes(labels))
        self.plot.update(lambda: _fill(self.plot.figure, places, labels.tolist(), wrong))
        self.plot.flush()

    def _on_selection(self, images: list[int], _source: ColumnDataSource) -> None:
        if images:
            for callback in tuple(self._callbacks):
                callback(images)


def _fill(plot: Any, places: np.ndarray, labels: list[int], wrong: set[int]) -> None:
    plot.select_one({"name": "images"}).data = {
        "x": places[:, 0].astype(np.float32),
        "y": places[:, 1].astype(np.float32),
        "color": [category_color(label) for label in labels],
        "marker": ["x" if place in wrong else "circle" for place in range(len(labels))],
        "size": [9 if place in wrong else 5 for place in range(len(labels))],
    }
    for axis, values in ((plot.x_range, places[:, 0]), (plot.y_range, places[:, 1])):
        margin = 0.05 * float(np.ptp(values) or 1.0)
        axis.start, axis.end = float(values.min()) - margin, float(values.max()) + margin


def _figure() -> Any:
    lasso, wheel = LassoSelectTool(continuous=False), WheelZoomTool()
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(-1, 1),
        y_range=Range1d(-1, 1),
        x_axis_label="first principal axis",
        y_axis_label="second",
        tools=[TapTool(), lasso, wheel, PanTool()],
        active_drag=lasso,
        active_scroll=wheel,
        sizing_mode="stretch_width",
    )
    source = ColumnDataSource({name: [] for name in _COLUMNS}, name="images")
    plot.scatter(
        "x", "y", color="color", marker="marker", size="size", source=source, alpha=0.6, nonselection_alpha=0.25
    )
    return style(plot)
