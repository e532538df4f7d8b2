"""The pictures of a search: the image, its counterfactual, what changed, and each start."""

import numpy as np
import torch
from torch import Tensor

from xaiwidgets.methods.case._counterfactual.result import NEAREST, Counterfactuals
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW, MID_GREY, category_color

ACROSS = 4
_FAINTEST = 0.03  # share of the colour that any change has
ORIGINAL, CHANGED, CHANGE, REAL = range(ACROSS)
"""The places of the first row."""


def lay_out(frame: FrameView, starts: int, aspect: float, target: str) -> None:
    """Name the cells: a row of the best start, and below it a cell for each."""
    names = ["original", "found", "change", "real", *(f"start {start + 1}" for start in range(starts))]
    alts = [
        "the image as it was given",
        f"the nearest image found that is answered with {target}",
        "what changed: brighter in blue, darker in vermilion",
        f"the nearest training image that is answered with {target}",
        *(f"counterfactual of start {start + 1}" for start in range(starts)),
    ]
    colors = [MID_GREY, category_color(0), category_color(0), category_color(2), *[category_color(1)] * starts]
    frame.set_grid(
        names,
        alts,
        [""] * len(names),
        colors,
        aspect,
        columns=ACROSS,
        headings={0: "The nearest counterfactual", ACROSS: "What each start found"},
    )


def pixels_of(value: Counterfactuals, width: int | None) -> np.ndarray:
    """The cells' pictures, in colour."""
    query, real = value.query, value.others[NEAREST]
    shown = torch.stack([query, value.counterfactual, real, *value.counterfactuals]).cpu().float()
    drawn = to_pixels(shown, width)
    if drawn.shape[-1] == 1:
        drawn = drawn.repeat(3, axis=-1)
    change = to_pixels(signed((value.counterfactual - query).cpu())[None], width)
    return np.concatenate([drawn[:2], change, drawn[2:]])


def signed(change: Tensor) -> Tensor:
    """A change of an image as colours on white: the stronger, the more blue (brighter) or vermilion (darker)."""
    amount = change.float().mean(0)
    amount = amount / amount.abs().max().clamp(min=1e-6)
    colors = [torch.tensor([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for text in (ABOVE, BELOW)]
    strength = amount.abs().sqrt().clamp(min=_FAINTEST).where(amount != 0, 0.0)[None]  # small changes are seen, too
    color = torch.where(amount[None] > 0, *(part[:, None, None] for part in colors))
    return 1 - strength * (1 - color)


def notes_of(value: Counterfactuals) -> list[str]:
    """A number below each picture."""
    asked = float(value.query_probabilities[value.target])
    if value.distance.isnan().any():
        return [f"p {asked:.2f}", *[""] * (ACROSS - 1 + len(value.valid))]
    best = value.best
    return [
        f"p {asked:.2f}",
        f"p {float(value.probability[best]):.2f}",
        f"{int(value.changed[best]):,}",
        "none" if value.nearest < 0 else f"p {float(value.other_probability[NEAREST]):.2f}",
        *(
            f"{float(distance):,.1f} MADs" if valid else f"not yet, p {float(p):.2f}"
            for distance, valid, p in zip(value.distance, value.valid.tolist(), value.probability, strict=True)
        ),
    ]
