"""Which units stand on the cards of a dissection, with what picture and what words."""

import torch
from torch import Tensor

from xaiwidgets.methods.feature_analysis._dissection.result import Dissection
from xaiwidgets.widgets.feature_analysis._masks import masked_picture
from xaiwidgets.widgets.feature_analysis._tiles import Crops

Concept = tuple[str, str]

_LONGEST = 12  # letters of a name on a card


def best_units(found: Dissection, concept: Concept | None, count: int) -> tuple[int, ...]:
    """The units with the largest IoU, or those with the largest for one concept, whose own label it is before others.

    Units that overlap with nothing are left out.
    """
    score = found.best_iou
    if concept is not None:
        place = found.concepts.index(concept)
        score = found.iou[:, place] + (found.best == place)
    values, units = score.topk(min(count, len(score)))
    return tuple(unit for unit, value in zip(units.tolist(), values.tolist(), strict=True) if value > 0)


def note_of(found: Dissection, unit: int, concept: Concept | None) -> str:
    """A unit, the concept that is asked for or its own label, and the IoU."""
    place = int(found.best[unit]) if concept is None else found.concepts.index(concept)
    if place < 0:
        return f"{unit} · none"
    name = found.concepts[place][0]
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return f"{unit} · {short} {float(found.iou[unit, place]):.2f}"


def masked_tops(found: Dissection, crops: Crops, unit: int, places: int | None = None) -> list[Tensor]:
    """A unit's top images, dark where it is off; grey where there is none yet."""
    ids = found.top.ids[unit].cpu()[:places]
    pictures = crops(ids, torch.zeros((len(ids), 4), dtype=torch.int64))
    there = zip(pictures, ids.tolist(), strict=True)
    return [
        picture if image < 0 else masked_picture(picture, found.mask(unit, place).cpu())
        for place, (picture, image) in enumerate(there)
    ]
