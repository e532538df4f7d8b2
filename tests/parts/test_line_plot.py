"""Lines over the steps of a run: what is drawn, on which axes, and what is left out."""

import json
import math

import pytest
from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.models import ColumnDataSource, LogScale, Span

from tests.parts.test_frame_view import wait_for
from tests.parts.wire import Wire
from xaiwidgets.widgets.parts.line_plot import LinePlot, Lines
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.theme import BELOW, category_color

NAN = float("nan")


@pytest.fixture
def lines():
    get_publisher().errors.clear()  # those of tests before
    lines = LinePlot("Error", alt="error over the steps", y_label="error")
    yield lines
    lines.plot.dispose()
    assert not get_publisher().errors


def columns(figure):
    source = figure.select_one({"type": ColumnDataSource})  # none where there are no lines
    return {} if source is None else {name: list(values) for name, values in source.data.items()}


def level(figure):
    return figure.select_one({"type": Span})


def drawn(lines, given, note=""):
    """Show at once, and wait until the figure has it."""
    lines.show(given, note, now=True)
    wait_for(lambda: columns(lines.plot.figure).get("x") == list(given.x))
    with get_publisher().lock:  # what else changes in the same publication comes after the values
        return lines.plot.figure


def test_each_line_has_its_values_and_its_category_s_colour(lines):
    figure = drawn(lines, Lines([0, 1, 2], [[3.0, 2.0, 1.0], [4.0, 4.5, 5.0]], 10))
    assert columns(figure) == {"x": [0, 1, 2], "line0": [3.0, 2.0, 1.0], "line1": [4.0, 4.5, 5.0]}
    assert [line.glyph.line_color for line in figure.renderers] == [category_color(0), category_color(1)]
    assert [line.glyph.y for line in figure.renderers] == ["line0", "line1"]
    assert (figure.x_range.start, figure.x_range.end) == (0, 10)
    assert figure.y_range.start == 0
    assert figure.y_range.end == pytest.approx(5.25)
    assert figure.yaxis[0].axis_label == "error"
    assert figure.xaxis[0].axis_label == "step"


def test_newer_values_take_the_older_ones_place(lines):
    drawn(lines, Lines([0], [[1.0]], 10))
    figure = drawn(lines, Lines([0, 5], [[1.0, 7.0]], 10))
    assert columns(figure)["line0"] == [1.0, 7.0]
    assert figure is lines.plot.figure


def test_another_number_of_lines_makes_another_figure(lines):
    before = drawn(lines, Lines([0], [[1.0]], 1))
    after = drawn(lines, Lines([0, 1], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], 1))
    assert after is not before
    assert len(after.renderers) == 3


def test_reset_empties_the_axes(lines):
    drawn(lines, Lines([0, 1], [[1.0, 2.0]], 1))
    lines.reset(2)
    wait_for(lambda: columns(lines.plot.figure) == {"x": [], "line0": [], "line1": []})


def test_a_level_is_a_dashed_line_within_the_axes(lines):
    figure = drawn(lines, Lines([0, 1], [[0.1, 0.2]], 1, level=0.8))
    assert (level(figure).visible, level(figure).location) == (True, 0.8)
    assert (level(figure).line_dash, level(figure).line_color) == ([6], BELOW)
    assert figure.y_range.end > 0.8
    figure = drawn(lines, Lines([0, 1, 2], [[0.1, 0.2, 0.3]], 1))
    assert not level(figure).visible
    assert figure.y_range.end == pytest.approx(0.315)


def test_axes_hold_what_is_below_zero_too(lines):
    figure = drawn(lines, Lines([0, 1], [[-2.0, 1.0]], 1, level=-3.0))
    assert figure.y_range.start == -3.0
    assert figure.y_range.end > 1.0


def test_values_that_are_not_known_yet_leave_gaps_and_no_mark_on_the_axes(lines):
    figure = drawn(lines, Lines([0, 1, 2], [[1.0, NAN, 2.0], [NAN, NAN, NAN]], 2))
    assert math.isnan(columns(figure)["line0"][1])
    assert (figure.y_range.start, figure.y_range.end) == (0, pytest.approx(2.1))


def test_nothing_known_at_all_still_has_axes(lines):
    for given in (Lines([0], [[NAN]], 0), Lines([], [[], []], 0), Lines([3], [[0.0]], 3)):
        figure = drawn(lines, given)
        assert figure.y_range.start == 0 < figure.y_range.end
        assert figure.x_range.end >= 1


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([1.0, 100.0], 1 / 1.3, 130.0),
        ([0.0, -3.0, NAN, 10.0], 10 / 1.3, 13.0),
        ([0.0], 1e-3 / 1.3, 1.3),
        ([NAN], 1e-3 / 1.3, 1.3),
    ],
)
def test_a_logarithmic_axis_leaves_out_what_it_cannot_hold(values, low, high):
    lines = LinePlot("Loss", alt="loss", log=True)
    figure = lines.filled(Lines(range(len(values)), [values], 4))
    assert isinstance(figure.y_scale, LogScale)
    assert (figure.y_range.start, figure.y_range.end) == (pytest.approx(low), pytest.approx(high))
    lines.plot.dispose()


def test_the_heading_carries_the_note_and_is_sent_only_when_it_changes(lines):
    wire = Wire(lines.heading)
    for note in ("(blue) <b>", "(blue) <b>", "(orange)"):
        lines.show(Lines([0], [[1.0]], 1), note)
    assert [state["value"].count("Error") for state in wire.states] == [1, 1]
    assert "(blue) &lt;b&gt;" in wire.states[0]["value"]


def test_a_figure_for_an_export_is_another_one(lines):
    given = Lines([0, 1], [[1.0, 2.0]], 5, level=1.5)
    figure = lines.filled(given)
    assert figure is not lines.plot.figure
    assert columns(figure)["line0"] == [1.0, 2.0]
    assert level(figure).location == 1.5


def test_a_browser_can_read_what_is_not_a_number(lines):
    document = Document()
    document.add_root(lines.filled(Lines([0, 1], [[NAN, 1.0]], 1)))
    again = Document.from_json(json.loads(serialize_json(document.to_json())))
    assert math.isnan(again.roots[0].select_one({"type": ColumnDataSource}).data["line0"][0])
