"""The label shares of the neighbours beside the network's softmax and the p-values, class by class."""

import math
from collections.abc import Sequence
from typing import Any

from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Range1d
from bokeh.plotting import figure

from xaiwidgets.methods.case._nearest.result import Neighbors
from xaiwidgets.widgets.parts.answer_plot import AnswerPlot
from xaiwidgets.widgets.parts.plot_key import LineLook
from xaiwidgets.widgets.parts.theme import category_color, style

_MOST, _HEIGHT = 10, 250
_SHARES, _SOFTMAX, _P = category_color(0), category_color(4), category_color(2)
_COLUMNS = ("name", "share", "softmax", "p")
_KEY = (
    (LineLook(_SHARES, "solid", 8, "■"), "share of the neighbours, over all layers"),
    (LineLook(_SOFTMAX, "solid", 2, "┃"), "softmax of the network"),
    (LineLook(_P, "solid", 2, "●"), "p-value (the largest is the credibility)"),
)


class SharesPlot(AnswerPlot[Neighbors]):
    """A live plot with a bar, a dash and a dot for each class; of many classes the ten with most."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        alt = "share of the neighbours with each label, beside softmax and p-value"
        note = f"the first {_MOST} of {len(names)} classes" if len(names) > _MOST else ""
        super().__init__("Label shares beside softmax", alt=alt, entries=_KEY, note=note)

    def fill(self, plot: Any, value: Neighbors) -> None:
        """The first query of an answer."""
        names = self._names
        shares, softmax, p = (
            of[0].nan_to_num(-1.0).tolist() for of in (value.label_shares, value.probabilities, value.p_values)
        )
        most = [-max(of) for of in zip(shares, softmax, p, strict=True)]
        order = sorted(range(len(shares)), key=lambda label: (most[label], label))[:_MOST]
        order = sorted(order, reverse=True) if len(shares) <= _MOST else order[::-1]
        plot.y_range.factors = [names[label] for label in order]
        plot.select_one({"name": "classes"}).data = {
            "name": [names[label] for label in order],
            "share": [shares[label] for label in order],
            "softmax": [_or_none(softmax[label]) for label in order],
            "p": [_or_none(p[label]) for label in order],
        }

    def empty(self) -> Any:
        """No class."""
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


def _or_none(number: float) -> float:
    return math.nan if number < 0 else number
