"""The plot of what more concepts in a formula gain."""

from typing import Any

from bokeh.models import NumeralTickFormatter, SingleIntervalTicker

from xaiwidgets.methods.feature_analysis._composition.result import Composition
from xaiwidgets.widgets.parts.line_plot import LinePlot, Lines


class FormulaPlot(LinePlot):
    """A line for each unit: the IoU of its best formula of up to so many concepts, 0 for none.

    A dashed line is the most that masks laid over other images reach.
    """

    def __init__(self) -> None:
        super().__init__(
            "Overlap by number of concepts",
            alt="how much each unit's formula overlaps with it, by the number of concepts in the formula",
            x_label="concepts in the formula",
            y_label="IoU",
        )

    def tell(self, found: Composition, *, now: bool) -> None:
        """Show what is known of each length."""
        known = not bool(found.iou_chance.isnan().all())
        self.show(lines_of(found), "dashed: the most that chance reaches" * known, now=now)

    def _figure(self, count: int) -> Any:
        """Concepts are counted in whole numbers, and overlaps are often small."""
        plot = super()._figure(count)
        plot.xaxis[0].ticker = SingleIntervalTicker(interval=1, num_minor_ticks=0)
        plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[000]")
        return plot


def lines_of(found: Composition) -> Lines:
    """The IoU of each unit by length, as far as it is known."""
    count = int(found.iou_by_length.isfinite().all(0).sum())
    values = [[0.0, *row[:count]] for row in found.iou_by_length.tolist()]
    level = float(found.iou_chance.nan_to_num(0).max()) or None
    return Lines(range(count + 1), values, found.iou_by_length.shape[1], level)
