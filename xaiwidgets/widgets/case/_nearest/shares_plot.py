"""The label shares of the neighbours beside the network's softmax and the p-values, class by class."""

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d
from bokeh.plotting import figure

from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.plot_key import LineLook, key_html
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import category_color, style

_TITLE = "Label shares beside softmax"
_MOST, _HEIGHT = 10, 250
_SHARES, _SOFTMAX, _P = category_color(0), category_color(4), category_color(2)
_COLUMNS = ("name", "share", "softmax", "p")
_KEY = (
    (LineLook(_SHARES, "solid", 8, "■"), "share of the neighbours, over all layers"),
    (LineLook(_SOFTMAX, "solid", 2, "┃"), "softmax of the network"),
    (LineLook(_P, "solid", 2, "●"), "p-value (the largest is the credibility)"),
)


class SharesPlot:
    """A live plot with a bar, a dash and a dot for each class, of many classes the ten with most."""

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(
            _figure(), label="bars: share of the neighbours with each label, beside softmax and p-value"
        )
        self.key = widgets.HTML(key_html(_KEY))
        self._shown: Neighbors | None = None

    def show(self, value: Neighbors, names: Sequence[str], *, now: bool = False) -> None:
        """Draw the first query of an answer."""
        if value is self._shown or not value.indices.shape[2]:
            return
        self._shown = value
        classes = value.label_shares.shape[1]
        note = f"the first {_MOST} of {classes} classes" if classes > _MOST else ""
        words = heading_html(_TITLE, note)
        if self.heading.value != words:
            self.heading.value = words
        self.plot.update(lambda: _fill(self.plot.figure, value, names))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """Empty axes."""
        self._shown = None
        self.plot.replace(_figure())

    @staticmethod
    def filled(value: Neighbors, names: Sequence[str]) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        _fill(made, value, names)
        return made


def _fill(plot: Any, value: Neighbors, names: Sequence[str]) -> None:
    shares, softmax, p = (
        of[0].nan_to_num(-1.0).tolist() for of in (value.label_shares, value.probabilities, value.p_values)
    )
    order = sorted(range(len(shares)), key=lambda label: (-max(shares[label], softmax[label], p[label]), label))[:_MOST]
    order = sorted(order, reverse=True) if len(shares) <= _MOST else order[::-1]
    plot.y_range.factors = [names[label] for label in order]
    plot.select_one({"name": "classes"}).data = {
        "name": [names[label] for label in order],
        "share": [shares[label] for label in order],
        "softmax": [_or_none(softmax[label]) for label in order],
        "p": [_or_none(p[label]) for label in order],
    }


def _or_none(number: float) -> float:
    return math.nan if number < 0 else number


def _figure() -> Any:
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(0, 1.02),
        y_range=FactorRange(),
        tools=[
            HoverTool(
                tooltips=[
                    ("", "@name"),
                    ("neighbours", "@share{0.00}"),
                    ("softmax", "@softmax{0.000}"),
                    ("p", "@p{0.000}"),
                ]
            )
        ],
        sizing_mode="stretch_width",
    )
    source = ColumnDataSource({name: [] for name in _COLUMNS}, name="classes")
    plot.hbar(y="name", right="share", height=0.66, color=_SHARES, source=source)
    plot.scatter(
        "softmax", "name", marker="dash", angle=math.pi / 2, size=20, line_width=3, color=_SOFTMAX, source=source
    )
    plot.scatter("p", "name", marker="circle", size=8, color=_P, line_color="white", source=source)
    return style(plot)
