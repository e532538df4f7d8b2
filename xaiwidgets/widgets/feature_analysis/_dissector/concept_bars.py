"""How many units detect each concept, as bars that find their new places while the counts grow."""

from collections.abc import Callable
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, FixedTicker, Range1d, TapTool
from bokeh.plotting import figure

from xaiwidgets.methods.feature_analysis._dissection.result import Dissection
from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.root import heading, heading_html
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color, style

_MOST, _FEWEST = 18, 6  # bars
_HEIGHT = 340
_TITLE = "Units that detect each concept"

Concept = tuple[str, str]


class Bars(NamedTuple):
    """What is shown: a dissection, another one to compare with and its name, and the concept that is marked."""

    found: Dissection
    beside: Dissection | None = None
    beside_name: str = ""
    chosen: Concept | None = None


class ConceptBars:
    """A live plot with a bar for each concept, categories in their colours and the largest on top.

    A dissection to compare with stands below each bar as a thin grey one. A click on a bar chooses its concept.
    """

    def __init__(self) -> None:
        self.heading = heading(_TITLE)
        self.plot = LivePlot(_figure(), label="bars: how many units detect each concept")
        self._rows: list[Concept] = []
        self._callbacks: list[Callable[[Concept | None], None]] = []
        self.plot.on_selection(self._on_selection)

    def on_choose(self, callback: Callable[[Concept | None], None]) -> None:
        """Call ``callback(concept)`` when a bar is clicked, with None when the choice is taken back."""
        self._callbacks.append(callback)

    def show(self, bars: Bars, *, now: bool = False) -> None:
        """Draw these bars; ``now`` does it without waiting for the plot's rate."""
        words = heading_html(_TITLE, _note(bars))
        if self.heading.value != words:
            self.heading.value = words
        self.plot.update(lambda: self._fill(self.plot.figure, bars))
        if now:
            self.plot.flush()

    def reset(self) -> None:
        """No bars."""
        self.heading.value = heading_html(_TITLE)
        self.plot.replace(_figure())

    def filled(self, bars: Bars) -> Any:
        """A filled figure that belongs to nobody, for an export."""
        made = _figure()
        self._fill(made, bars)
        return made

    def _fill(self, plot: Any, bars: Bars) -> None:
        self._rows = rows = ranked(bars.found, bars.beside)
        count = [bars.found.detectors_by_concept.get(row, 0) for row in rows]
        other = [bars.beside.detectors_by_concept.get(row, 0) if bars.beside else 0 for row in rows]
        categories = bars.found.categories
        source = plot.select_one({"name": "bars"})
        source.data = {
            "y": [i + 0.5 for i in range(len(rows))],
            "below": [i + 0.86 for i in range(len(rows))],
            "count": count,
            "other": other,
            "text": [f" {value}" for value in count],
            "color": [category_color(categories.index(category)) for _, category in rows],
        }
        source.selected.indices = [rows.index(bars.chosen)] if bars.chosen in rows else []
        plot.yaxis[0].ticker.ticks = source.data["y"]
        plot.yaxis[0].major_label_overrides = {
            y: f"{name} ({category})" for y, (name, category) in zip(source.data["y"], rows, strict=True)
        }
        plot.y_range.start = max(_FEWEST, len(rows))
        plot.x_range.end = 1.08 * max(4, *count, *other, 4)
        for renderer in plot.renderers[:1]:
            renderer.glyph.fill_alpha = 0.4 if bars.found.provisional else 1.0

    def _on_selection(self, indices: list[int], _source: ColumnDataSource) -> None:
        rows = self._rows
        chosen = rows[indices[0]] if indices and indices[0] < len(rows) else None
        for callback in tuple(self._callbacks):
            callback(chosen)


def ranked(found: Dissection, beside: Dissection | None = None) -> list[Concept]:
    """The concepts with most detectors in either, by category; the category with most detectors first."""
    total = dict(found.detectors_by_concept)
    for concept, count in (beside.detectors_by_concept if beside else {}).items():
        total[concept] = max(total.get(concept, 0), count)
    order = {concept: i for i, concept in enumerate(found.concepts)}
    best = sorted(total, key=lambda concept: (-total[concept], order.get(concept, 0)))[:_MOST]
    of_category: dict[str, int] = {}
    for concept in best:
        of_category[concept[1]] = of_category.get(concept[1], 0) + total[concept]
    return sorted(best, key=lambda concept: (-of_category[concept[1]], concept[1], -total[concept]))


def _note(bars: Bars) -> str:
    words = "provisional: thresholds from the first images" if bars.found.provisional else ""
    left = len(bars.found.detectors_by_concept) - _MOST
    parts = [words, f"{left} more concepts" if left > 0 else "", f"thin: {bars.beside_name}" if bars.beside else ""]
    return "; ".join(filter(None, parts))


def _figure() -> Any:
    names = ("y", "below", "count", "other", "text", "color")
    source = ColumnDataSource({name: [] for name in names}, name="bars")
    plot = figure(
        height=_HEIGHT,
        x_range=Range1d(0, 4),
        y_range=Range1d(_FEWEST, 0),
        x_axis_label="units",
        tools=[TapTool()],
        sizing_mode="stretch_width",
    )
    plot.hbar(
        y="y", right="count", height=0.6, color="color", source=source, nonselection_fill_alpha=0.3, line_color=None
    )
    plot.hbar(y="below", right="other", height=0.12, color=MID_GREY, source=source, nonselection_fill_alpha=1)
    look = {"text_baseline": "middle", "text_font_size": "11px", "text_color": MID_GREY}
    plot.text("count", "y", "text", source=source, nonselection_text_alpha=1, **look)
    plot.yaxis[0].ticker = FixedTicker(ticks=[])
    made = style(plot)
    plot.ygrid.grid_line_color = None
    return made
