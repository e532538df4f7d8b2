"""The training images with the strongest effects, as cards: harmful ones above, helpful ones below."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.model_inspection._influence.words import signed
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW
from xaiwidgets.widgets.parts.thumbnails import Thumbnails

EACH = 6
_HEADINGS = {0: "Harmful: without it the loss falls", EACH: "Helpful: without it the loss rises"}
_SIDE = 224  # pixels of a card's longer side at most


class Cards:
    """Which images stand on the cards of an answer, and what stands below each."""

    def __init__(self, train: ImageSet) -> None:
        self._train = train
        self._pictures = Thumbnails(train, _SIDE)

    def of(self, effects: Float[Tensor, "train"]) -> list[int]:
        """The images of the cards in their order, -1 for a card that is empty."""
        return [*self._strongest(-effects), *self._strongest(effects)]

    def lay_out(self, frame: FrameView) -> None:
        """Empty cards, their room kept free."""
        ranks = [str(place + 1) for _ in range(2) for place in range(EACH)]
        kinds = [kind for kind in ("harmful", "helpful") for _ in range(EACH)]
        alts = [f"{kind} training image, rank {rank}" for kind, rank in zip(kinds, ranks, strict=True)]
        colors = [BELOW] * EACH + [ABOVE] * EACH
        _, height, width = self._train.shape
        frame.set_grid(ranks, alts, [""] * 2 * EACH, colors, width / height, columns=EACH, headings=_HEADINGS)

    def pixels(self, cards: list[int]) -> np.ndarray:
        """The images; empty cards are grey."""
        return self._pictures(cards)

    def notes(self, cards: list[int], effects: Float[Tensor, "train"], actual: Mapping[int, float]) -> list[str]:
        """Class and effect; "≈" until a real refit has confirmed it."""
        return [self._note(card, effects, actual) if card >= 0 else "" for card in cards]

    def _note(self, card: int, effects: Tensor, actual: Mapping[int, float]) -> str:
        number = signed(actual[card]) if card in actual else f"≈\u00a0{signed(float(effects[card]))}"
        return f"{self._train.label_name(card)} {number}"

    @staticmethod
    def _strongest(signed_effects: Tensor) -> list[int]:
        """The largest positive ones; of equal ones the first."""
        known = signed_effects.nan_to_num(-torch.inf)
        top = known.argsort(descending=True, stable=True)[:EACH]
        found = [int(place) for place in top if known[place] > 0]
        return found + [-1] * (EACH - len(found))
