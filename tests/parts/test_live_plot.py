import json
import threading
import time

import pytest
from bokeh.document import Document
from bokeh.models import Button, ColumnDataSource, Grid, LinearAxis, Range1d
from bokeh.plotting import figure

from xaiwidgets.widgets.parts.live_plot import LivePlot
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.theme import MID_GREY, OKABE_ITO, category_color, style


class Recorded(LivePlot):
    """Keeps what would go to the browser."""

    def __init__(self, *args, **kwargs):
        self.sent = []
        super().__init__(*args, **kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, buffers or [], threading.current_thread()))

    def told(self, kind):
        return [content for content, _, _ in self.sent if content["type"] == kind]

    def hears(self, kind, view="a", **facts):
        self._receive(self, {"type": kind, "view": view, **facts}, [])


def wait_for(condition, seconds=3.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def curve():
    """A figure with one line, and its source."""
    source = ColumnDataSource({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    shown = figure(x_range=Range1d(0, 10), y_range=Range1d(0, 10), height=200)
    shown.line("x", "y", source=source)
    return style(shown), source


@pytest.fixture
def plot():
    shown, source = curve()
    plot = Recorded(shown, rate=50.0)
    plot.source = source
    yield plot
    plot.dispose()


def as_seen(message):
    """The figure as a browser builds it."""
    return Document.from_json(json.loads(message["document"]))


def test_a_new_view_gets_the_figure_as_it_is_now(plot):
    plot.update(lambda: plot.source.update(data={"x": [5.0], "y": [6.0]}))
    plot.flush()
    wait_for(lambda: plot.told("patch"))
    plot.hears("hello")
    wait_for(lambda: plot.told("whole"))
    whole = plot.told("whole")[0]
    assert whole["to"] == "a"
    seen = as_seen(whole).select_one({"type": ColumnDataSource})
    assert (list(seen.data["x"]), list(seen.data["y"])) == ([5.0], [6.0])


def test_what_is_sent_leaves_on_the_publishers_thread(plot):
    plot.hears("hello")
    plot.update(lambda: plot.source.stream({"x": [2.0], "y": [2.0]}))
    wait_for(lambda: plot.told("patch"))
    assert {thread.name for _, _, thread in plot.sent} == {"xaiwidgets-publisher"}


def test_updates_coalesce_to_the_newest_and_keep_to_the_rate():
    shown, _ = curve()
    slow = Recorded(shown, rate=4.0)
    slow.hears("hello")
    done = []
    for index in range(100):
        slow.update(lambda index=index: done.append(index) or setattr(shown, "name", str(index)))
        time.sleep(0.005)
    slow.flush()
    wait_for(lambda: done[-1] == 99)
    assert len(done) <= 5
    slow.dispose()


def test_without_a_view_the_change_waits_unless_it_is_hurried(plot):
    done = []
    plot.update(lambda: done.append(1))
    time.sleep(0.1)
    assert done == []
    plot.flush()
    wait_for(lambda: done == [1])


def test_a_view_that_draws_nothing_is_not_flooded(plot):
    plot.hears("hello")
    for index in range(40):
        plot.update(lambda index=index: setattr(plot.figure, "name", str(index)))
        time.sleep(0.03)
    assert len(plot.told("patch")) == 4
    plot.hears("ack", patch=4)
    wait_for(lambda: len(plot.told("patch")) == 5)
    assert plot.figure.name == "39"


def test_a_browsers_rows_are_never_taken(plot):
    plot.hears("hello")
    for kind in ("ColumnsStreamed", "patch", "jsevent", "ModelChanged"):
        plot.hears(kind, model=plot.source.id, data={"x": [9.0], "y": [9.0]}, epoch=0)
    time.sleep(0.1)
    assert list(plot.source.data["x"]) == [0.0, 1.0]


def test_a_selection_reaches_python_and_the_other_views(plot):
    chosen = []
    plot.on_selection(lambda indices, source: chosen.append((indices, source)))
    plot.hears("hello")
    plot.hears("select", model=plot.source.selected.id, indices=[1], epoch=0)
    assert chosen == [([1], plot.source)]
    wait_for(lambda: plot.told("patch"))
    assert plot.told("patch")[0]["not"] == "a", "the view that chose knows already"


@pytest.mark.parametrize("indices", [[2], [-1], ["0"], [True], "01", None, {"0": 1}])
def test_a_selection_that_makes_no_sense_is_refused(plot, indices):
    plot.hears("hello")
    plot.hears("select", model=plot.source.selected.id, indices=indices, epoch=0)
    assert plot.source.selected.indices == []


def test_only_fixed_ranges_move_and_only_to_numbers(plot):
    moved = plot.figure.x_range
    plot.hears("range", model=moved.id, start=2, end=4.5, epoch=0)
    assert (moved.start, moved.end) == (2, 4.5)
    plot.hears("range", model=moved.id, start=float("nan"), end=1, epoch=0)
    plot.hears("range", model=moved.id, start="0", end=1, epoch=0)
    plot.hears("range", model=plot.figure.id, start=0, end=1, epoch=0)
    assert (moved.start, moved.end) == (2, 4.5)


def test_a_replaced_figure_goes_to_every_view_and_old_patches_are_void(plot):
    plot.hears("hello")
    plot.hears("hello", view="b")
    wait_for(lambda: len(plot.told("whole")) == 2)
    fresh, _ = curve()
    plot.replace(fresh)
    wait_for(lambda: len(plot.told("whole")) == 4)
    assert {whole["to"] for whole in plot.told("whole")[2:]} == {"a", "b"}
    assert plot.told("whole")[-1]["epoch"] == 1
    assert plot.figure is fresh
    old = plot.source.selected
    plot.hears("select", model=old.id, indices=[1], epoch=0)
    assert old.indices == []


def test_the_library_goes_to_the_view_that_asks(plot):
    plot.hears("library")
    wait_for(lambda: plot.told("library"))
    content, buffers, _ = plot.sent[0]
    assert content == {"type": "library", "to": "a"}
    assert 100_000 < len(buffers[0]) < 600_000


def test_a_failing_change_is_kept_as_an_error_and_the_plot_lives_on(plot):
    def fail():
        raise ZeroDivisionError("no curve")

    plot.update(fail)
    plot.flush()
    wait_for(lambda: any(task is plot for task, _ in get_publisher().errors))
    plot.hears("hello")
    wait_for(lambda: plot.told("whole"))


def test_what_is_no_fresh_figure_is_refused_with_a_sentence(plot):
    with pytest.raises(TypeError, match=r"str.*Bokeh figure"):
        LivePlot("a figure")
    with pytest.raises(ValueError, match=r"already shown.*fresh"):
        plot.replace(plot.figure)


def test_a_styled_figure_is_quiet_and_readable_on_any_ground():
    shown, _ = curve()
    assert shown.toolbar_location is None
    assert shown.background_fill_color is None
    assert {axis.major_label_text_color for axis in shown.select({"type": LinearAxis})} == {MID_GREY}
    assert [grid.grid_line_color for grid in shown.select({"type": Grid}) if grid.dimension == 0] == [None]
    assert style(Button()).sizing_mode == "stretch_width"


def test_category_colours_repeat_after_six():
    assert [category_color(index) for index in range(7)] == [*OKABE_ITO, OKABE_ITO[0]]
