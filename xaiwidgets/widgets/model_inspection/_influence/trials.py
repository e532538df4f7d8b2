"""Real retraining beside the run: each picture confirmed in the background, and chosen images removed together."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from xaiwidgets.compute import Job, worker_for
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.model_inspection._influence.agreement import Agreement, left_out_one_by_one
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.retraining import Removal, checked_examples, removals
from xaiwidgets.models import ImageModel
from xaiwidgets.widgets.model_inspection._influence.truth_plot import Trial

_SAMPLE = 14  # images besides those shown that are removed one by one: the strongest others, and random ones
_MOST_NUMBERS = 5e8  # rows times parameters that a refit in the background may have


@dataclass
class Tried:
    """What was tried for one answer."""

    confirming: Job | None = None
    removing: Job | None = None
    begun: float = 0.0
    seconds: float | None = None
    removal: Removal | None = None
    together: list[Trial] = field(default_factory=list)

    @property
    def agreement(self) -> Agreement | None:
        """The single removals so far."""
        return None if self.confirming is None or self.confirming.latest is None else self.confirming.latest.value

    @property
    def actual(self) -> dict[int, float]:
        """The real change of each single removal so far."""
        tried = self.agreement
        return {} if tried is None else dict(zip(tried.examples.tolist(), tried.actual.tolist(), strict=True))

    @property
    def trials(self) -> list[Trial]:
        """All removals so far."""
        tried, singles = self.agreement, []
        if tried is not None:
            predicted = torch.where(tried.corrected.isnan(), tried.influence, tried.corrected)
            singles = [Trial(*pair, 1) for pair in zip(predicted.tolist(), tried.actual.tolist(), strict=True)]
        return singles + self.together


class Trials:
    """The jobs of the refits; what was tried belongs to the answer that it was tried for."""

    def __init__(
        self,
        model: ImageModel,
        rests: Callable[[], bool],
        news: Callable[[], None],
        complain: Callable[[BaseException | None], None],
    ) -> None:
        self._model, self._rests, self._news, self._complain = model, rests, news, complain
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._closed = False

    @property
    def jobs(self) -> list[Job]:
        """Those that are on."""
        with self._lock:
            self._jobs = [job for job in self._jobs if not job.finished]
            return list(self._jobs)

    def close(self) -> None:
        """Stop what is on, and begin nothing more."""
        self._closed = True
        for job in self.jobs:
            job.cancel()

    @staticmethod
    def too_large(found: Influence) -> bool:
        """Whether a refit takes too long to be made for every picture."""
        return found.head is not None and found.head.problem.rows * found.head.problem.size > _MOST_NUMBERS

    def confirm(self, tried: Tried, found: Influence, shown: list[int]) -> None:
        """Remove the pictures shown, and a sample, one by one."""
        head = found.head
        if self._closed or tried.confirming is not None or head is None or self.too_large(found):
            return
        single = torch.tensor(shown, dtype=torch.long, device=found.effect.device)
        sample = found.sample(None, _SAMPLE)
        examples = torch.cat([single, sample[~torch.isin(sample, single)]])
        counts = torch.bincount(found.train_labels, minlength=head.problem.classes)
        examples = examples[counts[found.train_labels[examples]] > 1]
        effects = (found.effect.mean(0), found.best.mean(0))
        tried.confirming = self._submit("confirm", left_out_one_by_one(head, found.test, examples, effects))

    def remove(self, tried: Tried, found: Influence, examples: Tensor | list[int]) -> Job:
        """Fit the head again without these together; raises a sentence for what cannot be removed."""
        if self._closed:
            raise XaiwidgetsError("This widget was disposed of; make a new one.")
        head, test = found.fitted()
        places = checked_examples(head, examples)
        tried.begun, tried.seconds, tried.removal = time.monotonic(), None, None
        job = tried.removing = self._submit("remove", removals(head, test, places))
        job.subscribe(lambda job: self._note(tried, job))
        self._note(tried, job)  # it may have ended before anybody listened
        return job

    def _note(self, tried: Tried, job: Job) -> None:
        with self._lock:
            if tried.removing is not job or job.latest is None:
                return
            removal = tried.removal = job.latest.value
            if job.status == "done" and tried.seconds is None:
                tried.seconds = time.monotonic() - tried.begun
                means = float(removal.predicted.mean()), float(removal.actual.mean())
                tried.together.append(Trial(*means, len(removal.examples)))
        self._news()

    def _submit(self, what: str, steps: object) -> Job:
        job = worker_for(self._model.device).submit(steps, slot=(id(self), what), rest=self._rests)
        with self._lock:
            self._jobs.append(job)
        job.subscribe(self._tell)
        self._tell(job)
        return job

    def _tell(self, job: Job) -> None:
        if job.status == "failed":
            self._complain(job.error)
        self._news()
