"""What every widget of an explanation does: run, pause, steer, stop, bring back, export."""

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.parts.export import File, page, picture
from xaiwidgets.widgets.parts.presence import should_rest
from xaiwidgets.widgets.parts.publisher import get_publisher
from xaiwidgets.widgets.parts.rehearsal import Rehearsal, in_words
from xaiwidgets.widgets.parts.run import Run
from xaiwidgets.widgets.parts.teller import Parts, Teller


class Explorer(Teller):
    """The run of one method in the frame of every explanation.

    A subclass builds its parts, hands them to ``__init__``, and answers the questions of `Teller`: what is run
    (``method``, ``arguments``), how an answer is drawn (``pixels``, ``draw``), and what code calls the model and the
    arguments (``call``).
    """

    def __init__(self, model: ImageModel, parts: Parts, columns: Mapping[str, list[Any]]) -> None:
        self.model = model
        self._disposed = False
        self._rehearsal: Rehearsal | None = None
        self._expected_steps = 0.0
        self._unrehearsed = True
        super().__init__(parts, columns)
        self.bar.on_action(self._on_action)
        self.form.on_change(self._on_setting)
        self.foot.on_export(self._on_export)
        self.history.on_choose(self.bring_back)

    setting_names: ClassVar[frozenset[str]] = frozenset()

    def run(self) -> "Explorer":
        """Start with the present settings, in the place of a run that is on; returns at once."""
        if self._disposed:
            raise XaiwidgetsError("This widget was disposed of; make a new one.")
        with get_publisher().lock:  # so that no rehearsal and no picture of the run before comes in between
            method, arguments = self.method(), self.arguments()
            job = worker_for(self.model.device).submit(method(*arguments), slot=id(self), rest=self.rests)
            self.follow(Run(method, job, arguments))
        return self

    def companions(self) -> list[Job]:
        """The jobs beside the run, which pause, go on and stop with it."""
        return []

    def pause(self) -> None:
        """Hold the run; its picture stays."""
        for job in (self._present().job, *self.companions()):
            job.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        for job in (self._present().job, *self.companions()):
            job.resume()

    def cancel(self) -> None:
        """Stop the run; its newest answer stays and can be copied as code."""
        for job in (*([] if self.current is None else [self.current.job]), *self.companions()):
            job.cancel()

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the run and return its answer; interrupting leaves it running. Refused inside a callback.

        Raises the sentence of a run that failed, and `TimeoutError` after ``timeout`` seconds.
        """
        if _inside_callback():
            message = "wait() inside a callback would hold up every other message; observe the widget's status instead."
            raise XaiwidgetsError(message)
        run = self._present()
        try:
            run.job.wait(timeout)
        finally:
            with get_publisher().lock:
                self.tell(run)
        return self.answer(run)

    @property
    def result(self) -> Any:
        """The newest answer of the run that is shown, None before the first."""
        return None if self.shown is None else self.answer(self.shown)

    def as_code(self) -> str:
        """The code that makes the very result that is shown: seed, steering and stop included."""
        if self.shown is None:
            return self.preview()
        return self.code_of(self.shown)

    def bring_back(self, entry: int) -> None:
        """Show an earlier run again, with its settings; ``entry`` is its id in ``history``."""
        if self.current is not None:
            self.current.job.cancel()
        with get_publisher().lock:
            self.show(self.runs[entry])

    def save(self, path: str | Path) -> Path:
        """Write the picture (.png), the whole as one page (.html), or what else `exports` has, to a file."""
        path, makers = Path(path), self.exports()
        if path.suffix.lower() not in makers:
            known = " or ".join(f"a {ending} for {file.what}" for ending, file in makers.items())
            raise XaiwidgetsError(f"{path.name} was given; name {known}.")
        if self.result is None:
            message = "There is nothing to save yet; call run() and wait() first."
            raise XaiwidgetsError(message)
        path.write_bytes(makers[path.suffix.lower()].made())
        return path

    def exports(self) -> dict[str, File]:
        """The files that an export has, by their ending."""
        return {
            ".png": File("the picture", "image/png", lambda: picture(self)),
            ".html": File("the whole", "text/html", lambda: page(self).encode()),
        }

    def to_html(self) -> str:
        """The whole as one self-contained page: picture, plot, settings and code."""
        return page(self)

    def dispose(self) -> None:
        """Stop what runs and free the widget with all its parts; a second call does nothing."""
        if not self._disposed:
            self._disposed = True
            self.cancel()
            if self._rehearsal is not None:
                self._rehearsal.job.cancel()
            get_publisher().remove(self)
            super().dispose()

    def settings_changed(self) -> None:
        """Take note of a setting that changed while nothing runs; raises a sentence where they do not fit together."""
        self.method()
        self.complain(None)
        self._unrehearsed = True
        get_publisher().wake()

    def due(self) -> float | None:
        """Besides what there is to tell: rehearse once somebody looks and nothing runs."""
        return 0.0 if self._may_rehearse() else super().due()

    def publish(self) -> None:
        """Rehearse, or tell (the publisher calls, under its lock)."""
        if self._may_rehearse():
            self._unrehearsed = False
            with contextlib.suppress(XaiwidgetsError):  # what does not fit is said when it is run
                self._rehearse()
        super().publish()
        if self._rehearsal is not None and self._rehearsal.pace is not None:
            self.bar.expected = in_words(self._rehearsal.pace * self._expected_steps)

    def _rehearse(self) -> None:
        wanted = self.rehearsal()
        if wanted is None:
            return
        method, self._expected_steps = wanted
        worker = worker_for(self.model.device)
        self._rehearsal = Rehearsal(worker, id(self), method, self.arguments(), self.mark_news)

    def _may_rehearse(self) -> bool:
        busy = self.current is not None and not self.current.job.finished
        return self._unrehearsed and not busy and self.frame.presence.ever

    def restart(self) -> None:
        """Start anew where a run is on, else take note: for a change that no run can take."""
        if self.current is not None and not self.current.job.finished:
            self.run()
        else:
            self.settings_changed()

    def guarded(self, action: Any, *arguments: Any) -> None:
        """Do something that a user asked for; what goes wrong becomes a sentence in the widget."""
        try:
            action(*arguments)
        except Exception as error:
            self.complain(error)

    def _on_action(self, action: str) -> None:
        self.guarded({"run": self.run, "pause": self.pause, "resume": self.resume, "stop": self.cancel}[action])

    def _on_setting(self, name: str, value: Any) -> None:
        self.guarded(self.take_settings, {name: value})

    def take_settings(self, changes: Mapping[str, Any]) -> None:
        """Steer the run that is on, or start it anew, or take note, whatever the settings ask for."""
        on = self.current is not None and not self.current.job.finished
        if on and all(self.current.method.specs()[name].live for name in changes):
            self.current.job.send(changes)
        else:
            self.restart()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse ``view.steps = 24``, which would change nothing."""
        if name in self.setting_names:
            message = f"{name} is a setting; call {type(self).__name__.lower()}.set({name}={value!r}) on your widget."
            raise XaiwidgetsError(message)
        super().__setattr__(name, value)

    def _on_export(self) -> None:
        if self.result is None:
            self.foot.say("Nothing to export yet: press Run first.")
            return
        self.guarded(self._export)

    def _export(self) -> None:
        stem = self.bar.title.lower().replace(" ", "-")
        self.foot.send_files([(stem + ending, file.mime, file.made()) for ending, file in self.exports().items()])

    def rests(self) -> bool:
        """Whether what this widget computes should rest, since nobody watches."""
        return should_rest(self.frame.presence, waiting=False)  # the job itself knows who waits

    def _present(self) -> Run:
        if self.current is None:
            message = "Nothing has been run yet; call run() first."
            raise XaiwidgetsError(message)
        return self.current


def _inside_callback() -> bool:
    """Whether a widget's message is being handled, rather than a cell."""
    ipython = sys.modules.get("IPython")  # asked only where it already runs: importing it takes long
    shell = ipython.get_ipython() if ipython is not None else None
    try:
        return shell is not None and shell.get_parent()["header"]["msg_type"] == "comm_msg"
    except (AttributeError, KeyError, TypeError):
        return False
