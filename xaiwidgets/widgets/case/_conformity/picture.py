"""Signed maps over an image, and the legend that says in numbers what their colours mean."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.methods.case._conformity.cover import filling
from xaiwidgets.methods.case._conformity.result import ConformityMap
from xaiwidgets.methods.case.conformity_importance import ConformityImportance
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW

_SIDE = 256  # pixels to which small images are enlarged, so that an outline is thin
_PALE = 0.45  # grey of what is black in the image, under the colours
_STRONGEST = 0.85  # share of colour at the largest value


def over_image(
    image: Float[Tensor, "channel height width"], values: Float[Tensor, "height width"]
) -> Float[np.ndarray, "height width 3"]:
    """Blue where values are positive, orange where they are negative, as strong as they are large; NaN is no colour."""
    grey = image.double().mean(0).numpy()[..., None]
    pale = np.repeat(_PALE + (1 - _PALE) * grey, 3, axis=2)
    known = values.nan_to_num(0.0).numpy()
    strength = (np.abs(known) / (scale_of(values) or 1.0))[..., None] * _STRONGEST
    color = np.where(known[..., None] > 0, _rgb(ABOVE), _rgb(BELOW))
    return pale * (1 - strength) + color * strength


def without(
    image: Float[Tensor, "channel height width"], value: ConformityMap, region: int, settings: ConformityImportance
) -> Float[np.ndarray, "height width 3"]:
    """The image as the network saw it without a region; as it is for −1."""
    shown = image
    if region >= 0:
        shown = torch.where(value.mask(region).cpu(), filling(image, settings.fill, settings.seed), image)
    shown = shown if shown.shape[0] in {1, 3} else shown.mean(0, keepdim=True)
    return shown.expand(3, -1, -1).permute(1, 2, 0).double().numpy()


def enlarged(picture: Float[np.ndarray, "height width 3"]) -> np.ndarray:
    """As bytes, each pixel of a small image as a square."""
    times = max(1, _SIDE // max(picture.shape[:2]))
    return (picture.clip(0, 1) * 255).round().astype(np.uint8).repeat(times, 0).repeat(times, 1)


def outlined(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An enlarged picture with a line around what the mask holds, white on black, to be seen on anything."""
    times = picture.shape[0] // mask.shape[0]
    large = np.pad(mask.repeat(times, 0).repeat(times, 1), 2)
    drawn = picture.copy()
    for reach, shade in ((2, 0), (1, 255)):
        inner = np.ones(picture.shape[:2], bool)
        for down, across in ((-reach, 0), (reach, 0), (0, -reach), (0, reach)):
            inner &= large[2 + down : 2 + down + len(drawn), 2 + across : 2 + across + drawn.shape[1]]
        drawn[large[2:-2, 2:-2] & ~inner] = shade
    return drawn


def scale_of(values: Tensor) -> float:
    """The largest size, at which a colour is strongest."""
    known = values[~values.isnan()]
    return float(known.abs().max()) if len(known) else 0.0


def legend_html(name: str, values: Tensor) -> str:
    """A bar from "against" to "supports" with the numbers at its ends."""
    scale = scale_of(values)
    low, high = (f"−{scale:.2f} against", f"+{scale:.2f} supports") if scale else ("", "no change")
    bar = (
        "<span aria-hidden='true' style='flex:1;height:8px;min-width:40px;border-radius:2px;background:linear-gradient"
        f"(90deg,{BELOW},#d4d4d4,{ABOVE})'></span>"
    )
    ends = "flex:0 0 104px;white-space:nowrap"
    return (
        "<div style='display:flex;align-items:center;gap:6px;font-variant-numeric:tabular-nums'>"
        f"<span style='flex:0 0 72px'>{name}</span><span style='{ends};text-align:right'>{low}</span>{bar}"
        f"<span style='{ends}'>{high}</span></div>"
    )


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
