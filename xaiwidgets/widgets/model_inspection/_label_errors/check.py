"""What the rankings find of labels that are known to be wrong: by the truth, or flipped on purpose beside the run."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._label_errors.planted import flipped
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.model_inspection._label_errors.recall_plot import Found
from xaiwidgets.widgets.model_inspection._label_errors.words import (
    basis_in_words,
    known_truth_in_words,
    planted_in_words,
)
from xaiwidgets.widgets.parts.run import Run

SHARE, SEED = 0.05, 0
_BY_TRUTH = "wrong labels by the truth that was given"
_PLANTED = f"{100 * SHARE:.0f} % of the labels, flipped on purpose"


class Check:
    """Where no truth is given, the same search among the same images is run with a share of the labels made wrong."""

    def __init__(
        self,
        model: ImageModel,
        images: ImageSet,
        truth: Tensor | None,
        rests: Callable[[], bool],
        news: Callable[[], None],
    ) -> None:
        self._model, self._images, self._truth = model, images, truth
        self._rests, self._news = rests, news
        self._nothing_wrong = truth is not None and torch.equal(truth, images.labels)
        self._jobs: WeakKeyDictionary[Run, Job] = WeakKeyDictionary()

    @property
    def jobs(self) -> list[Job]:
        """Those that are on."""
        return [job for job in self._jobs.values() if not job.finished]

    def start(self, run: Run) -> None:
        """Search among flipped labels in the background, once for each run; the features are known already."""
        if self._truth is None and run not in self._jobs:
            planted = self._images.with_labels(flipped(self._images.labels, SHARE, SEED))
            steps = run.settings(self._model, planted)
            self._jobs[run] = worker_for(self._model.device).submit(steps, slot=(id(self), "check"), rest=self._rests)
            self._jobs[run].subscribe(lambda _job: self._news())

    def job(self, run: Run) -> Job | None:
        """The search among flipped labels that belongs to a run."""
        return self._jobs.get(run)

    def found(self, run: Run) -> Found | None:
        """What is found, once that is known."""
        if self._truth is not None:
            read = bool((run.value.labels >= 0).all()) and bool(run.value.rankings)
            return Found(run.value, self._truth, _BY_TRUTH) if read and not self._nothing_wrong else None
        job = self._jobs.get(run)
        done = job is not None and job.status == "done"
        return Found(job.latest.value, self._images.labels, _PLANTED) if done else None

    def in_words(self, run: Run) -> str:
        """That, beside chance, and what the rankings rest on."""
        return "<br>".join(filter(None, [self._first(run), basis_in_words(run.value)]))

    def _first(self, run: Run) -> str:
        found, job = self.found(run), self._jobs.get(run)
        if self._nothing_wrong:
            return "Every label equals the true one: there is nothing to find."
        if found is not None:
            return (planted_in_words if self._truth is None else known_truth_in_words)(found.value, found.truth)
        if job is not None and job.error is not None:
            return f"Labels flipped on purpose could not be looked for: {job.error}"
        return "" if self._truth is not None else "It will be tried with labels flipped on purpose."
