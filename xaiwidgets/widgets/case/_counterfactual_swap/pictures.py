"""Two images with numbered cells, and what comes of swapping them."""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from xaiwidgets.methods.case._counterfactual_swap.result import RegionSwaps, box_of
from xaiwidgets.widgets.parts.frame_view import FrameView
from xaiwidgets.widgets.parts.pixels import to_pixels
from xaiwidgets.widgets.parts.theme import MID_GREY, category_color

_SIDE = 336  # pixels of a picture: numbers are to be read
_EDGE, _GRID = category_color(1), (125, 133, 144)


def lay_out(frame: FrameView, aspect: float) -> None:
    """Name the cells: query, distractor, and the query with the swaps made."""
    alts = [
        "the query; numbered cells of its map are replaced, in this order",
        "the distractor; cells with the same numbers take their places",
        "the query with the pixels below those cells, for the eye alone",
    ]
    names, colors = ["query", "distractor", "pixels swapped"], [category_color(0), category_color(4), MID_GREY]
    frame.set_grid(names, alts, [""] * 3, colors, aspect, columns=3)


def pixels_of(value: RegionSwaps) -> np.ndarray:
    """The three pictures, in colour."""
    size = tuple(value.query.shape[1:])
    scale = max(1, round(_SIDE / max(size)))
    edits = value.edits.tolist()
    marks = [[mine for mine, _ in edits], [theirs for _, theirs in edits], []]
    images = torch.stack([value.query, value.distractor, value.pictures[-1]]).cpu().float()
    return np.stack([_drawn(one, cells, value.grid, scale) for one, cells in zip(images, marks, strict=True)])


def _drawn(image: Tensor, cells: list[int], grid: tuple[int, int], scale: int) -> np.ndarray:
    """One picture, its grid in thin lines and its numbered cells framed."""
    pixels = to_pixels(image[None])[0]
    picture = Image.fromarray(pixels.repeat(3, -1) if pixels.shape[-1] == 1 else pixels)
    size = picture.width * scale, picture.height * scale
    picture = picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(picture)
    for cell in range(grid[0] * grid[1]):
        pen.rectangle(_corners(cell, grid, size), outline=_GRID)
    font = ImageFont.load_default(max(10, round(min(size[1] / grid[0], size[0] / grid[1]) * 0.5)))
    for number, cell in enumerate(cells, 1):
        left, top, right, bottom = _corners(cell, grid, size)
        pen.rectangle((left, top, right, bottom), outline=_EDGE, width=max(2, scale // 4))
        middle = ((left + right) / 2, (top + bottom) / 2)
        pen.text(middle, str(number), fill="white", font=font, anchor="mm", stroke_width=2, stroke_fill="black")
    return np.asarray(picture)


def _corners(cell: int, grid: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    top, left, bottom, right = box_of(cell, grid, (size[1], size[0]))
    return left, top, right - 1, bottom - 1


def notes_of(value: RegionSwaps) -> list[str]:
    """How probable the distractor's class is for each of the three."""
    before, after = (float(value.probability[place, 1]) for place in (0, -1))
    count = len(value.edits)
    return [f"p {before:.2f}", "", f"{count} edit{'s' * (count != 1)}, p {after:.2f}"]
