"""What an answer is put to the test with: cards that are confirmed, and images that are removed together."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._influence.retraining import Removal, checked_examples
from xaiwidgets.widgets.model_inspection._influence.cards import EACH, Cards
from xaiwidgets.widgets.model_inspection._influence.removal_panel import RemovalPanel
from xaiwidgets.widgets.model_inspection._influence.trials import Trials, Tried
from xaiwidgets.widgets.model_inspection._influence.truth_plot import TruthPlot
from xaiwidgets.widgets.model_inspection._influence.words import (
    agreement_in_words,
    csv_of,
    effect_in_words,
    removal_in_words,
    signed,
    tier_in_words,
)
from xaiwidgets.widgets.parts.evidence import Evidence
from xaiwidgets.widgets.parts.export import File
from xaiwidgets.widgets.parts.method_explorer import MethodExplorer
from xaiwidgets.widgets.parts.run import Run


class RetrainingExplorer(MethodExplorer):
    """The half of the explorer that knows of training images: cards, choices, removals, and the evidence.

    The other half makes ``train``, ``cards``, ``trials``, ``truth``, ``removal`` and ``evidence`` before ``__init__``.
    """

    train: ImageSet
    cards: Cards
    trials: Trials
    truth: TruthPlot
    removal: RemovalPanel
    evidence: Evidence

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.chosen_images: list[int] = []
        self._looked_at: int | None = None
        self._cards: list[int] = [-1] * 2 * EACH
        self._tried: WeakKeyDictionary[Run, Tried] = WeakKeyDictionary()
        super().__init__(*arguments, **named)
        self.frame.observe(self._on_card, "selected")
        self.removal.on_remove(lambda: self.guarded(self.retrain))
        self.removal.on_clear(lambda: self.choose_removal([]))

    def choose_removal(self, examples: Sequence[int]) -> None:
        """Choose training images to be removed, in the place of those that were chosen."""
        self.chosen_images = sorted({int(example) for example in examples})
        self.removal.tell(self.chosen_images)
        self.mark_news()

    def dispose(self) -> None:
        """Stop what runs, the refits too, and free everything."""
        self.trials.close()
        super().dispose()

    def retrain(self) -> None:
        """Fit the head again without the chosen training images, in the background."""
        run = self.shown
        if run is None or run.value is None or not run.job.finished:
            raise XaiwidgetsError("The effects are not there yet; run first, and wait for the end.")
        if not self.chosen_images:
            raise XaiwidgetsError("No training image is chosen; click cards, or drag over bars of the histogram.")
        self.trials.remove(self._tried_of(run), run.value, self.chosen_images)

    def retrain_without(self, examples: Sequence[int] | Tensor) -> Removal:
        """Choose these training images, fit the head again without them, and return what came of it.

        Raises `XaiwidgetsError` before the first answer, and for what cannot be removed.
        """
        run = self.shown
        if run is None or run.value is None:
            raise XaiwidgetsError("The effects are not there yet; run first, and wait for the end.")
        head, _ = run.value.fitted()
        self.choose_removal(checked_examples(head, examples).tolist())
        self.retrain()
        return self._tried_of(run).removing.wait().value

    @property
    def tried(self) -> Tried:
        """The removals that were tried for the answer that is shown."""
        return Tried() if self.shown is None else self._tried_of(self.shown)

    def pixels(self, run: Run, width: int | None = None) -> np.ndarray:
        """The images of the cards."""
        del width
        return self.cards.pixels(self.cards.of(self._effects(run)))

    def notes(self, run: Run) -> list[str]:
        """Class and effect of each card, once the effects have a size."""
        effects = self._effects(run)
        cards = self.cards.of(effects)
        if not run.value.tier:
            return [self.train.label_name(card) if card >= 0 else "" for card in cards]
        return self.cards.notes(cards, effects, self._tried_of(run).actual)

    def draw(self, run: Run) -> None:
        """Cards, their marks, the evidence, and the removals."""
        effects, tried = self._effects(run), self._tried_of(run)
        cards = self.cards.of(effects)
        if run.job.status == "done":
            self.trials.confirm(tried, run.value, [card for card in cards if card >= 0])
        self._cards = cards
        self.frame.set_notes(self.notes(run))
        self.frame.mark(place for place, card in enumerate(cards) if card in self.chosen_images)
        self.evidence.say(self._words(run))
        self.truth.show(tried.trials)
        self.removal.report("" if tried.removal is None else removal_in_words(tried.removal, tried.seconds))
        self.foot.sentence = self._sentence(effects, tried)

    def exports(self) -> dict[str, File]:
        """The table of effects too."""
        made = lambda: csv_of(self.result, self.train, self.tried.actual).encode()  # noqa: E731
        return super().exports() | {".csv": File("the table of effects", "text/csv", made)}

    def _effects(self, run: Run) -> Tensor:
        """The effect of each training image on the mean loss of the chosen test images, on the CPU."""
        return run.value.best.mean(0).cpu()

    def _tried_of(self, run: Run) -> Tried:
        return self._tried.setdefault(run, Tried())

    def _words(self, run: Run) -> str:
        tried = self._tried_of(run)
        parts = [tier_in_words(run.value)]
        if run.value.head is None and run.job.finished:
            parts.append("A whole network cannot be fitted again at once: no effect is confirmed.")
        elif self.trials.too_large(run.value):
            parts.append("Too large to confirm every picture: choose images and remove them.")
        elif tried.confirming is not None:
            parts.append(agreement_in_words(tried.agreement))
        return "".join(f"<div>{part}</div>" for part in parts if part)

    def _sentence(self, effects: Tensor, tried: Tried) -> str:
        card = self._looked_at
        if card is None or bool(effects[card].isnan()):
            return ""
        actual = tried.actual.get(card)
        checked = "predicted" if actual is None else f"a refit says {signed(actual)}"
        number = float(effects[card])
        name = self.train.label_name(card)
        return f"Removing training image {card:,} (labelled {name}) {effect_in_words(number)} ({checked})"

    def _on_card(self, change: Any) -> None:
        """A click on a card chooses its image, or takes it back."""
        place = change["new"]
        if place < 0 or self.shown is None or self.shown.value is None:
            return
        card = self._cards[place]  # the ones that were seen: newer ones may be on their way
        self.frame.set_trait("selected", -1)
        if card >= 0:
            self._looked_at = card
            self.choose_removal({*self.chosen_images} ^ {card})
