"""The half of a widget that speaks: it follows runs and tells the browser, on the publisher's thread alone."""

import io
import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import traitlets
from PIL import Image

from xaiwidgets.core import Method, XaiwidgetsError
from xaiwidgets.widgets.parts.export import still
from xaiwidgets.widgets.parts.foot import Foot
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.root import XwRoot
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.run_bar import RunBar
from xaiwidgets.widgets.parts.run_history import RunHistory
from xaiwidgets.widgets.parts.settings_form import SettingsForm

_TELL_EVERY = 0.25  # seconds between two changes of the progress in words
_THUMBNAIL = 96  # pixels


class Parts(NamedTuple):
    """What every widget of an explanation is made of."""

    bar: RunBar
    frame: FrameView
    form: SettingsForm
    history: RunHistory
    foot: Foot


class Teller(XwRoot):
    """Follows a run and keeps traits, bar, picture and history up to date.

    ``status`` is idle, queued, running, paused, done, cancelled or failed; ``progress`` lies in [0, 1]; ``value`` is
    the newest answer; ``selection`` and ``hovered`` are the chosen and the pointed-at cell, -1 for none. These traits
    are written by the publisher's thread, so an observer of theirs must be quick and must not wait.
    """

    portrait: ClassVar[int] = 0
    """The cell that stands for a run in the history."""

    value = traitlets.Any()
    selection = traitlets.Int(-1)
    hovered = traitlets.Int(-1)
    status = traitlets.Unicode("idle")
    progress = traitlets.Float(0.0)

    def __init__(self, parts: Parts, columns: Mapping[str, list[Any]]) -> None:
        self.bar, self.frame, self.form, self.history, self.foot = parts
        self.runs: dict[int, Run] = {}
        self.current: Run | None = None
        self.shown: Run | None = None
        self._told = float("-inf")
        self._news = False
        self._complaint = ""
        self._sent: Any = None
        super().__init__(self.bar, columns["what"], columns["picture"], columns["how"], self.foot)
        traitlets.link((self.frame, "selected"), (self, "selection"))
        traitlets.link((self.frame, "hovered"), (self, "hovered"))
        get_publisher().add(self)

    @abstractmethod
    def method(self) -> Method:
        """The method with the settings as they stand in the widget; raises a sentence where they do not fit."""

    @abstractmethod
    def arguments(self) -> tuple[Any, ...]:
        """What the method is called with."""

    @abstractmethod
    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The pictures of a run's newest answer, uint8 (cell, height, width, colour), reduced to ``width`` if wider."""

    @abstractmethod
    def draw(self, run: Run) -> None:
        """Show what stands around the pictures: numbers, plot, sentence (the publisher calls, under its lock)."""

    @abstractmethod
    def plot_of(self, run: Run) -> Any:
        """A fresh Bokeh figure of a run, for an export; None where there is no plot."""

    @abstractmethod
    def adopt(self, run: Run) -> None:
        """Take over the settings of an earlier run into every control."""

    @abstractmethod
    def call(self, run: Run) -> tuple[str, str]:
        """The code that makes the model (one or more lines), and the arguments as the code names them."""

    @abstractmethod
    def preview(self) -> str:
        """The code of a run with the present settings, before there is any."""

    @abstractmethod
    def rehearsal(self) -> tuple[Method, float] | None:
        """A run of four steps like the one that the settings ask for, and how many steps that one has.

        None where a run is over too soon to need one.
        """

    @abstractmethod
    def title_of(self, run: Run) -> str:
        """A few words for a run in the history."""

    def answer(self, run: Run) -> Any:
        """What is shown of a run: its newest answer; explorers that can score it in another way do so here."""
        return run.value

    def code_of(self, run: Run) -> str:
        """The code that makes what is shown of a run."""
        return run.as_code(*self.call(run))

    def follow(self, run: Run) -> None:
        """Show this run from now on."""
        with get_publisher().lock:
            self.current = self.shown = run
            self._complaint = ""
            self.form.enabled_live_only(running=True)
        run.job.subscribe(lambda _job: self._on_job(run))
        self._on_job(run)

    def clear(self) -> None:
        """Show nothing: what was shown does not belong to what is chosen now. Runs stay in the history."""
        with get_publisher().lock:
            self.current = self.shown = self.value = None
            self.history.chosen = -1
        self.mark_news()

    def show(self, run: Run) -> None:
        """Show an earlier run as it ended."""
        self.shown = run
        self.adopt(run)
        self.frame.show(self._picture, lossless=True)
        self.draw(run)
        self.value, self.foot.code = self.answer(run), self.code_of(run)

    def complain(self, error: BaseException | None) -> None:
        """Show an error's sentence in the widget, which stays usable; None takes the last one away."""
        self._complaint = "" if error is None else _sentence_of(error)
        self.mark_news()  # the publisher alone writes it: of two threads' messages either may arrive first

    def due(self) -> float | None:
        """When there is something to tell: at once for a change of status, else a few times a second."""
        run = self.current
        if not self._news:
            return None
        return 0.0 if run is None or run.job.status != self.status else self._told + _TELL_EVERY

    def publish(self) -> None:
        """Tell the newest of the current run (the publisher calls, under its lock)."""
        self._news = False
        if self.current is not None:
            self.tell(self.current)
        else:
            self.bar.update(
                message=self._complaint, status="idle", done=0.0, total=0.0, seconds=-1.0, seconds_left=-1.0
            )
            self.progress, self.status = 0.0, "idle"
        if self.shown is not None and self.shown is not self.current:
            self.draw(self.shown)  # an earlier run: only what is chosen in it can change

    def tell(self, run: Run) -> None:
        """Bring everything but the pictures up to date; these leave by themselves, at the browser's own rate."""
        self._news, self._told = False, time.monotonic()
        status, latest = run.job.status, run.job.latest
        # A run may be over before anybody told of it: its own flag says whether its end was told, not the status.
        settling = run.job.finished and not run.settled
        if settling and run.job.error is not None:
            self._complaint = _sentence_of(run.job.error)
        self.bar.update(
            message=self._complaint,
            status=status,
            done=latest.done if latest else 0.0,
            total=latest.total if latest else 0.0,
            seconds_left=run.seconds_left,
            seconds=run.seconds if run.job.finished else -1.0,
        )
        if settling:
            run.settled = True
            self._settle(run)
        try:
            if run is self.shown and run.value is not None:
                self.draw(run)
                self.value = self.answer(run)
        finally:  # also where an observer of ours raised
            self.progress, self.status = run.job.progress, status

    def _on_job(self, run: Run) -> None:
        """Runs on the worker's thread after each step: notes that there is news, and computes nothing."""
        run.note()
        if run is not self.current:
            return
        settled = run.job.finished or run.job.status == "paused"
        if run is self.shown and run.value is not None and (settled or run.value is not self._sent):
            self._sent = run.value  # a long step yields the same answer several times
            self.frame.show(self._picture, lossless=settled)
        self.mark_news()

    def _picture(self) -> np.ndarray | None:
        """The newest pictures of what is shown when they leave (the publisher asks, under its lock)."""
        run = self.shown
        if run is None or run.value is None:
            return None
        settled = run.job.finished or run.job.status == "paused"
        return self.pixels(run, None if settled else self.frame.target_width)

    def mark_news(self) -> None:
        """Have the publisher tell again soon; any thread may call it."""
        self._news = True
        get_publisher().wake()

    def _settle(self, run: Run) -> None:
        """A run has ended: its recipe is known, and it takes its place in the history."""
        self.form.enabled_live_only(running=False)
        if run.value is None:
            return
        if run is self.shown:
            self.foot.code = self.code_of(run)
        entry = self.history.add(self.title_of(run), self._thumbnail(run), run.end, choose=run is self.shown)
        self.runs[entry] = run
        self.runs = {known: self.runs[known] for known in self.history.ids}

    def _thumbnail(self, run: Run) -> bytes:
        pixels = self.pixels(run, _THUMBNAIL)[self.portrait]
        buffer = io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "JPEG", quality=80)
        return buffer.getvalue()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The live widget, and a still picture for where no kernel is, which a saved notebook keeps."""
        bundle = super()._repr_mimebundle_(**options)
        if self.shown is not None and self.shown.value is not None and isinstance(bundle, dict):
            bundle["text/html"] = still(self)
        return bundle


def _sentence_of(error: BaseException) -> str:
    """What an error says; one that is not ours says its kind too."""
    return str(error) if isinstance(error, XaiwidgetsError) else f"{type(error).__name__}: {error}"
