"""An explorer of counts: finished ones are scored anew instead of made again, stopped ones are gone on with."""

from collections.abc import Mapping
from typing import Any

from xaiwidgets.methods.feature_analysis._dissection.result import Dissection
from xaiwidgets.models.twin import fingerprint
from xaiwidgets.widgets.parts.method_explorer import MethodExplorer
from xaiwidgets.widgets.parts.run import Run

_SCORING = ("iou_threshold", "denominator", "quantile")  # settings that may need no pass
_SAME = ("layer", "upsampling", "weights", "rotation", "seed", "top", "thresholds")  # what counts belong to


class CountsExplorer(MethodExplorer):
    """The part of `Dissector` that knows what a change of settings costs.

    Once a run is over, the threshold and the denominator, and the quantile where counts are kept at it, score its
    answer anew: a run remembers as "scored" what was asked for since. What needs a pass is said. A run begins with all
    that the one before it knows, if both count the same.
    """

    _known: Dissection | None = None
    hint = ""
    """What the next run has to do for what was asked."""

    def arguments(self) -> tuple[Any, ...]:
        """The model, the concepts, and what is known of them already: the answer is that of a run from the start."""
        return (*super().arguments(), self._known)

    def run(self) -> "CountsExplorer":
        """Start with the present settings, or go on with what was counted before; returns at once."""
        method, before = self.method(), self.shown
        alike = before is not None and not before.method.difference(method).keys() & set(_SAME)
        # The network may have been trained since: then nothing is known of it.
        alike = alike and before.value is not None and before.value.progress.key[0] == fingerprint(self.model.module)
        self._known, self.hint = before.value if alike else None, ""
        super().run()
        return self

    def answer(self, run: Run) -> Dissection | None:
        """The counts, scored as the form asks once the run is over."""
        scored = run.remembered.get("scored")
        return run.value.rescored(**scored) if scored and run.value is not None else run.value

    def code_of(self, run: Run) -> str:
        """The run, and how it was scored since."""
        said = ", ".join(f"{name}={value!r}" for name, value in run.remembered.get("scored", {}).items())
        return super().code_of(run) + (f"\nresult = result.rescored({said})" if said else "")

    def take_settings(self, changes: Mapping[str, Any]) -> None:
        """Score finished counts anew where that needs no pass, and say where it does."""
        run, over = self.shown, self.current is None or self.current.job.finished
        if run is None or run.value is None or not over or not changes.keys() <= set(_SCORING):
            super().take_settings(changes)
            return
        self.settings_changed()
        self._score(run)
        self.foot.code = self.code_of(run)
        self.redraw()

    def _score(self, run: Run) -> None:
        """Score a run as the form asks, and say what needs a pass."""
        form = self.form.values
        asked = {name: form[name] for name in _SCORING if form[name] != getattr(run.value, name)}
        self.hint = ""
        if form["quantile"] not in run.value.levels:
            del asked["quantile"]
            known = ", ".join(f"{level:g}" for level in run.value.levels)
            self.hint = f"Quantile {form['quantile']:g} needs a pass (counts are kept at {known}): press Run."
        run.remembered["scored"] = asked

    def _settle(self, run: Run) -> None:
        """A run has ended: what was asked for while no step could take it any more is scored now."""
        if run is self.shown and run.value is not None:
            self._score(run)
        super()._settle(run)

    def adopt(self, run: Run) -> None:
        """Take over the settings of an earlier run, and how it was scored."""
        super().adopt(run)
        self.form.set(run.remembered.get("scored", {}))

    def redraw(self) -> None:
        """Show the same answer in another way."""
        if self.shown is not None and self.shown.value is not None:
            self.frame.show(self._picture, lossless=self.shown.job.finished)
        self.mark_news()
