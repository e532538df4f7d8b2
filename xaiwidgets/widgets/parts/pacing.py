"""When the next frame may leave: the slowest live view paces, and frames keep to a measured budget."""

import time

from xaiwidgets.widgets.parts.presence import Presence, View, kernel_idle_since

IN_FLIGHT = 2
"""Frames that may be on their way to a view."""

QUIET = 2.0
"""Seconds after which a view that owes acknowledgements no longer holds the others up."""

BLIND_INTERVAL = 0.5
"""Seconds between frames while a cell runs, when no acknowledgement can arrive."""

FASTEST = 1 / 60
FLUENT = 1 / 30
"""Seconds between frames that look fluent."""

QUICK_STEP = 0.05
"""Where new images come in fewer seconds than this, they are shown as a film: fluent as long as that is cheap."""

UNSEEN = 2.0
"""What a frame costs over what we and the page measure: the server's relay, decoding and compositing are not in it.

Found by the benchmark, from how much slower steps are while frames are drawn on the same two cores.
"""

CHEAP = 0.5
"""The share of one core that a film may take."""


class Pace:
    """Counts frames out and acknowledgements in."""

    def __init__(self, presence: Presence, budget: float) -> None:
        self.presence = presence
        self.budget = budget
        self.sent = 0
        self.acked = 0
        self._sent_at = float("-inf")
        self._encode_seconds = 0.0
        self._offered_at = float("-inf")
        self._step_seconds = 0.0

    def offer(self) -> None:
        """Note that there are new images, whether they will be sent or not."""
        now = time.monotonic()
        # A pause says nothing about the pace of steps, so it counts as one slow step.
        self._step_seconds = _smooth(self._step_seconds, min(now - self._offered_at, 5 * QUICK_STEP))
        self._offered_at = now

    def frame_left(self, seconds: float) -> None:
        """Note that a frame was sent, after this many seconds of our own work."""
        self.sent += 1
        self._sent_at = time.monotonic()
        self._encode_seconds = _smooth(self._encode_seconds, seconds)

    def acknowledge(self, view: View, frame: int, seconds: float) -> None:
        """Note that a view has drawn this frame, in this many seconds. Numbers from the browser are clamped."""
        self.acked += 1
        view.acked = max(view.acked, min(frame, self.sent))
        view.draw_seconds = _smooth(view.draw_seconds, min(max(seconds, 0.0), 1.0))

    def greet(self, view: View) -> None:
        """A view that says hello owes nothing."""
        view.acked = self.sent

    def next_frame(self, settled: bool = False) -> float | None:
        """Return the monotonic time for the next frame; None when nobody would see it.

        A `settled` picture is the last for a while: it does not wait for the budget.
        """
        now = time.monotonic()
        shown = [view for view in self.presence.views().values() if view.visible]
        owing = [view for view in shown if self._owes(view)]
        # A view that owes and is quiet has probably been closed: it no longer counts.
        patient = [view for view in owing if view.heard + QUIET > now]
        live = patient + [view for view in shown if not self._owes(view)]
        at = self._sent_at + (FASTEST if settled else self._interval(live))
        if kernel_idle_since() is None and (owing or not live):
            # Nobody can be heard: neither who is there nor what was drawn. Go on, but slowly.
            return max(at, self._sent_at + BLIND_INTERVAL)
        if patient:
            return max(at, *(view.heard + QUIET for view in patient))
        return at if live else None

    def _owes(self, view: View) -> bool:
        return self.sent - view.acked >= IN_FLIGHT

    def _interval(self, views: list[View]) -> float:
        """Seconds between two frames: what one costs here and in the slowest browser, over the budget."""
        cost = self._encode_seconds + max((view.draw_seconds for view in views), default=0.0)
        saving = UNSEEN * cost / self.budget
        if self._step_seconds < QUICK_STEP:
            saving = min(saving, max(FLUENT, cost / CHEAP))
        return max(FASTEST, saving)


def _smooth(mean: float, value: float) -> float:
    """Follow slowly: one frame that was held up by something else says little."""
    return value if mean == 0.0 else 0.8 * mean + 0.2 * value
