from types import SimpleNamespace

import pytest

from xaiwidgets.widgets.parts import presence as module
from xaiwidgets.widgets.parts.pacing import BLIND_INTERVAL, QUIET, Pace
from xaiwidgets.widgets.parts.presence import MOST_VIEWS, Presence, message_of_view, number, should_rest


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    clock = SimpleNamespace(now=1000.0)
    fake = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr("xaiwidgets.widgets.parts.pacing.time", fake)
    monkeypatch.setattr(module._kernel, "idle_since", 0.0)
    return clock


class Shell:
    """As much of IPython's shell as is asked for."""

    def __init__(self, kind):
        self.kind, self.callbacks = kind, {}
        self.events = SimpleNamespace(register=self.callbacks.__setitem__)

    def get_parent(self):
        return {"header": {"msg_type": self.kind}}


def follow(monkeypatch, kind):
    shell, kernel = Shell(kind), module._Kernel()
    monkeypatch.setattr(module, "_running_shell", lambda: shell)
    kernel.follow()
    return shell, kernel


def test_views_are_remembered_until_they_are_silent(clock):
    presence = Presence()
    assert not presence.ever
    assert not presence.watching()
    presence.seen("a")
    clock.now += 6
    presence.seen("b")
    assert set(presence.views()) == {"a", "b"}
    clock.now += 6
    assert set(presence.views()) == {"b"}
    assert presence.watching()
    clock.now += 6
    assert not presence.watching()
    assert presence.ever


def test_a_view_that_says_goodbye_is_gone_at_once(clock):
    presence = Presence()
    presence.seen("a")
    presence.gone("a")
    assert presence.views() == {}
    assert presence.ever


def test_made_up_views_do_not_pile_up(clock):
    presence = Presence()
    for index in range(10 * MOST_VIEWS):
        clock.now += 0.001
        presence.seen(f"view {index}")
    assert len(presence.views()) == MOST_VIEWS


@pytest.mark.parametrize(
    ("ever", "silent", "idle", "waiting", "rests"),
    [
        (True, 11.0, 11.0, False, True),
        (False, 11.0, 11.0, False, False),
        (True, 9.0, 11.0, False, False),
        (True, 11.0, 9.0, False, False),
        (True, 11.0, None, False, False),
        (True, 11.0, 11.0, True, False),
    ],
)
def test_computing_rests_only_when_nobody_can_be_there(clock, monkeypatch, ever, silent, idle, waiting, rests):
    presence = Presence()
    if ever:
        presence.seen("a")
    clock.now += silent
    monkeypatch.setattr(module._kernel, "idle_since", None if idle is None else clock.now - idle)
    assert should_rest(presence, waiting) is rests


def test_the_kernel_is_busy_while_a_cell_runs(monkeypatch):
    shell, kernel = follow(monkeypatch, "execute_request")
    assert kernel.idle_since is None, "the cell that made us still runs"
    shell.callbacks["post_execute"]()
    assert kernel.idle_since is not None
    shell.callbacks["pre_execute"]()
    assert kernel.idle_since is None


def test_a_click_that_makes_a_widget_does_not_leave_the_kernel_busy(monkeypatch):
    _, kernel = follow(monkeypatch, "comm_msg")
    assert kernel.idle_since is not None


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "hello",
        {},
        {"type": "hello"},
        {"type": 1, "view": "a"},
        {"type": "hello", "view": ""},
        {"type": "hello", "view": "a" * 65},
    ],
)
def test_messages_that_are_none_are_told_apart(message):
    assert message_of_view(message) == ("", "", {})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(3, 3), (2.7, 2), (-1, 0), (True, 0), ("9", 0), (None, 0), (float("nan"), 0), (float("inf"), 0), (1e12, 0)],
)
def test_numbers_from_a_browser_are_bounded(value, wanted):
    assert number({"width": value}, "width") == wanted


def make_pace(clock, *names):
    pace = Pace(Presence(), budget=0.1)
    for name in names:
        pace.greet(pace.presence.seen(name))
    return pace


def send(pace, count=1):
    for _ in range(count):
        pace.frame_left(0.001)


def acknowledge(pace, name, frame, seconds=0.001):
    pace.acknowledge(pace.presence.seen(name), frame, seconds)


def test_without_a_view_no_frame_leaves(clock):
    assert make_pace(clock).next_frame() is None


def test_two_frames_may_be_on_their_way(clock):
    pace = make_pace(clock, "a")
    send(pace)
    assert pace.next_frame() < clock.now + 0.1
    send(pace)
    assert pace.next_frame() == clock.now + QUIET
    acknowledge(pace, "a", 1)
    assert pace.next_frame() < clock.now + 0.1


def test_the_slowest_live_view_paces_and_a_silent_one_counts_no_longer(clock):
    pace = make_pace(clock, "fast", "slow")
    send(pace, 2)
    acknowledge(pace, "fast", 2)
    assert pace.next_frame() == clock.now + QUIET, "the other has drawn none"
    clock.now += QUIET + 0.01
    pace.presence.seen("fast")
    assert pace.next_frame() < clock.now
    pace.presence.seen("slow")
    assert pace.next_frame() == clock.now + QUIET, "it was slow, not gone"


def test_when_all_views_have_gone_silent_nothing_leaves(clock):
    pace = make_pace(clock, "a")
    send(pace, 2)
    clock.now += QUIET + 0.01
    assert pace.next_frame() is None


def test_a_hidden_page_is_spared(clock):
    pace = make_pace(clock, "a")
    pace.presence.seen("a").visible = False
    assert pace.next_frame() is None


def test_a_running_cell_gets_two_frames_a_second_without_acknowledgement(clock, monkeypatch):
    monkeypatch.setattr(module._kernel, "idle_since", None)
    pace = make_pace(clock)
    send(pace, 5)
    assert pace.next_frame() == clock.now + BLIND_INTERVAL


def interval(clock, step, draw):
    """Seconds to the next frame, for steps of so many seconds and frames that take so long to draw."""
    pace = make_pace(clock, "a")
    for _ in range(30):
        clock.now += step
        pace.offer()
    pace.presence.seen("a")
    send(pace)
    acknowledge(pace, "a", 1, seconds=draw)
    return pace.next_frame() - clock.now


def test_frames_of_slow_steps_keep_to_the_budget(clock):
    assert interval(clock, step=0.25, draw=0.019) == pytest.approx(0.4), "20 ms seen, 40 in all, a tenth of the time"
    assert interval(clock, step=0.25, draw=0.0) == pytest.approx(1 / 50)


def test_quick_steps_are_a_film_as_long_as_it_is_cheap(clock):
    assert interval(clock, step=0.01, draw=0.0) == pytest.approx(0.02), "the budget allows it"
    assert interval(clock, step=0.01, draw=0.009) == pytest.approx(1 / 30), "fluent, beyond the budget"
    assert interval(clock, step=0.01, draw=0.199) == pytest.approx(0.4), "too dear for a film"


def test_a_browser_cannot_acknowledge_frames_to_come(clock):
    pace = make_pace(clock, "a")
    send(pace)
    acknowledge(pace, "a", 999)
    send(pace, 2)
    assert pace.next_frame() == clock.now + QUIET


def test_a_settled_picture_does_not_wait_for_the_budget(clock):
    pace = make_pace(clock, "a")
    for _ in range(30):
        clock.now += 0.25
        pace.offer()
    pace.presence.seen("a")
    send(pace)
    acknowledge(pace, "a", 1, seconds=0.1)
    assert pace.next_frame() - clock.now > 1
    assert pace.next_frame(settled=True) - clock.now <= 1 / 50
