import contextlib

import pytest
from traitlets import TraitError

from tests.parts.wire import Wire
from xaiwidgets.widgets.parts.run_bar import ACTIONS, RunBar


@pytest.mark.parametrize("action", ACTIONS)
def test_a_press_calls_back_and_is_answered(action):
    bar, seen = RunBar(), []
    wire = Wire(bar)
    bar.on_action(seen.append)
    wire.press({"type": action})
    assert seen == [action]
    assert wire.custom == [{"type": "answered", "action": action}]


@pytest.mark.parametrize("content", [{"type": "delete"}, {"type": ["run"]}, {}, None, "run", 3])
def test_what_is_no_action_is_ignored(content):
    bar, seen = RunBar(), []
    wire = Wire(bar)
    bar.on_action(seen.append)
    wire.press(content)
    assert seen == []
    assert wire.custom == []


def test_a_press_is_answered_where_its_callback_fails():
    def fail(_action):
        raise RuntimeError("no")

    bar = RunBar()
    wire = Wire(bar)
    bar.on_action(fail)
    with contextlib.suppress(RuntimeError):  # who catches it is ipywidgets' business; here only the answer matters
        wire.press({"type": "run"})
    assert wire.custom == [{"type": "answered", "action": "run"}]


def test_a_removed_callback_is_silent():
    bar, seen = RunBar(), []
    bar.on_action(seen.append)
    bar.on_action(seen.append, remove=True)
    Wire(bar).press({"type": "run"})
    assert seen == []


def test_a_browser_cannot_write_a_trait():
    bar = RunBar(title="Feature visualizer", status="running")
    wire = Wire(bar)
    wire.write(status="done", title="<b>", _esm="alert(1)", layout="IPY_MODEL_other")
    assert (bar.status, bar.title) == ("running", "Feature visualizer")
    assert bar._esm != "alert(1)"
    assert wire.states[-1]["status"] == "running"  # the browser is told what holds


def test_update_is_one_message():
    bar = RunBar()
    wire = Wire(bar)
    bar.update(status="running", done=3, total=8, seconds_left=2.5)
    assert wire.states == [{"status": "running", "done": 3.0, "total": 8.0, "seconds_left": 2.5}]


def test_an_unknown_status_is_refused():
    with pytest.raises(TraitError):
        RunBar(status="lost")


def test_it_brings_the_style_sheet_and_its_repr_is_short():
    bar = RunBar(subject="x" * 10_000)
    assert "--xw-accent" in bar._css
    assert "http" not in bar._css
    assert len(repr(bar)) < 100
