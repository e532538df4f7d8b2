"""The top bar: what is explained, Run, Pause and Stop, how far it is, and what went wrong."""

from collections.abc import Callable
from typing import Any

from traitlets import Bool, CaselessStrEnum, Float, Unicode

from xaiwidgets.widgets.parts.part import Part, source

STATUSES = ("idle", "queued", "running", "paused", "done", "cancelled", "failed", "disconnected")
ACTIONS = ("run", "pause", "resume", "stop")


class RunBar(Part):
    """Title, subject, run controls, progress in words, device, and a banner for the sentence of an error.

    Python owns every trait; a browser only sends one of `ACTIONS`, which `on_action` hands on. ``seconds_left`` and
    ``seconds`` (how long a finished run took) are -1 while unknown. The bar writes ``data-xw`` (its ``name``) and
    ``data-status`` on the nearest ``.xw-root``, for tests and assistive technology alike.
    """

    _esm = source("dom.js", "run_words.js", "run_bar.js")
    _css = source("style.css", "columns.css", "controls.css", "parts.css")

    name = Unicode().tag(sync=True)
    title = Unicode().tag(sync=True)
    subject = Unicode().tag(sync=True)
    device = Unicode().tag(sync=True)
    status = CaselessStrEnum(STATUSES, default_value="idle").tag(sync=True)
    done = Float(0.0).tag(sync=True)
    total = Float(0.0).tag(sync=True)
    unit = CaselessStrEnum(("step", "%"), default_value="step").tag(sync=True)
    seconds_left = Float(-1.0).tag(sync=True)
    seconds = Float(-1.0).tag(sync=True)
    expected = Unicode().tag(sync=True)
    message = Unicode().tag(sync=True)
    tone = CaselessStrEnum(("error", "note"), default_value="error").tag(sync=True)
    runnable = Bool(default_value=True).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: list[Callable[[str], None]] = []
        self.on_msg(self._receive)

    def on_action(self, callback: Callable[[str], None], remove: bool = False) -> None:
        """Call ``callback(name)`` with "run", "pause", "resume" or "stop" when its button is pressed."""
        (self._callbacks.remove if remove else self._callbacks.append)(callback)

    def update(self, **traits: Any) -> None:
        """Set several traits in one message, so that no view ever shows a mixture of old and new."""
        with self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        action = content.get("type") if isinstance(content, dict) else None
        if action not in ACTIONS:
            return
        try:
            for callback in tuple(self._callbacks):
                callback(action)
        finally:
            # Answered even where nothing came of it: the button that was pressed then shows the truth again.
            self.send({"type": "answered", "action": action})
