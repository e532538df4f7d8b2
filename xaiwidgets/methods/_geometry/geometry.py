"""Where in the image the positions of a layer look: the theoretical receptive field."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.methods._geometry.fields import Fields, Spans
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.models import Probe
from xaiwidgets.models.layers import SURVEY_BATCH

_LONGER = 4  # how many times the image is lengthened where its edges cut off every field


@dataclass(frozen=True)
class Axis:
    """What each row (or column) of positions sees of the image's rows (or columns).

    The fields reach from ``low`` to ``high`` (exclusive), clipped to the image of ``length`` pixels. ``size`` is how
    long a field is that no edge cuts off, and ``centers`` are the fields' middles, 0 being the edge of the image: they
    may lie outside of it. Where fields are the whole image ``size`` is its length and the centres divide it evenly.
    """

    length: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    size: int
    centers: tuple[float, ...]


@dataclass(frozen=True)
class Geometry:
    """The receptive fields of a layer's positions, for images of one size.

    A field is the smallest box that holds every pixel on which the position can depend, whatever the weights and the
    image; it is the support of the gradient of the network that `Positive` makes. Behind attention or pooling over the
    image it is all of it, and so it is for vectors and for positions without a grid. A network that cannot be run so
    is said to see the whole image, which always holds the truth.
    """

    rows: Axis
    columns: Axis

    @property
    def grid(self) -> tuple[int, int]:
        """How many rows and columns of positions there are."""
        return len(self.rows.low), len(self.columns.low)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a field that no edge cuts off."""
        return self.rows.size, self.columns.size

    def boxes(self, rows: Int[Tensor, "*place"], columns: Int[Tensor, "*place"]) -> Int[Tensor, "*place 4"]:
        """(top, left, bottom, right) in pixels, the last two exclusive; zeros for a position of -1."""
        edges = (
            (self.rows.low, rows),
            (self.columns.low, columns),
            (self.rows.high, rows),
            (self.columns.high, columns),
        )
        return torch.stack([torch.tensor((*ends, 0), device=at.device)[at] for ends, at in edges], dim=-1)

    def centers(self, rows: Int[Tensor, "*place"], columns: Int[Tensor, "*place"]) -> Float[Tensor, "*place 2"]:
        """(row, column) of the fields' middles in pixels; NaN for a position of -1."""
        axes = ((self.rows.centers, rows), (self.columns.centers, columns))
        nan = float("nan")
        return torch.stack([torch.tensor((*middles, nan), device=at.device)[at] for middles, at in axes], dim=-1)


def geometry_of(probe: Probe, layer: str, size: tuple[int, int]) -> Geometry:
    """The geometry of a layer for images of this height and width; a layer without a grid has one row."""
    try:
        here = Fields(probe, layer, size)
        if here.grid is None:
            return Geometry(_whole(size[0], 1), _whole(size[1], len(here.of_position)))
        measured = [here.spans(*place) for place in _some(here.grid)]
    except Exception:  # a compiled part, an operation that the positive network lacks
        here, measured = None, []
    if not any(low < high for spans in measured for low, high in spans):
        return _blind(probe, layer, size)

    def axis(axis: int) -> Axis:
        def longer() -> Spans:
            long = tuple(_LONGER * side if i == axis else side for i, side in enumerate(size))
            fields = Fields(probe, layer, long)
            places = _some(fields.grid)
            return {place[axis]: fields.spans(*place)[axis] for place in places}

        def every() -> Spans:
            places = [tuple(min(i, count - 1) for count in here.grid) for i in range(here.grid[axis])]
            return {place[axis]: here.spans(*place)[axis] for place in places}

        some = {place[axis]: spans[axis] for place, spans in zip(_some(here.grid), measured, strict=True)}
        return _axis(size[axis], here.grid[axis], some, longer, every)

    return Geometry(axis(0), axis(1))


def _some(grid: tuple[int, int]) -> list[tuple[int, int]]:
    """Positions along a diagonal from which the law of all can be read: the first, the last, and some between."""
    picks = [sorted({0, n // 2 - 1, n // 2, n - 1} & set(range(n))) for n in grid]
    longest = max(map(len, picks))
    return [tuple(pick[min(i, len(pick) - 1)] for pick in picks) for i in range(longest)]


def _axis(length: int, count: int, some: Spans, longer: Callable[[], Spans], every: Callable[[], Spans]) -> Axis:
    law = _law(some, length) or _law_beyond(longer, length)
    if law is not None:
        stride, low, high = law
        spans = {i: _clipped(stride * i + low, stride * i + high, length) for i in range(count)}
        if all(spans[i] == span for i, span in some.items()):
            middles = tuple(stride * i + (low + high) / 2 for i in range(count))
            return _made(length, spans, round(high - low), middles)
    if all(span == (0, length) for span in some.values()):
        return _whole(length, count)
    spans = every()
    return _made(length, spans, max(high - low for low, high in spans.values()), _even(length, count))


def _law(spans: Spans, length: int) -> tuple[float, float, float] | None:
    """The stride, and both ends of the first position's field, from ends that the image's edge does not cut off."""
    low = {i: span[0] for i, span in spans.items() if span[0] > 0}
    high = {i: span[1] for i, span in spans.items() if 0 < span[1] < length}
    edges = max(low, high, key=len)
    if not low or not high or len(edges) < 2:  # noqa: PLR2004
        return None
    first, last = min(edges), max(edges)
    stride = (edges[last] - edges[first]) / (last - first)
    at_low, at_high = min(low), max(high)
    return stride, low[at_low] - stride * at_low, high[at_high] - stride * at_high


def _law_beyond(longer: Callable[[], Spans], length: int) -> tuple[float, float, float] | None:
    """The same from a longer image, where the network takes one: there are fields that no edge cuts off."""
    try:
        return _law(longer(), _LONGER * length)
    except Exception:  # a network for images of one size
        return None


def _clipped(low: float, high: float, length: int) -> tuple[int, int]:
    low, high = (min(max(round(end), 0), length) for end in (low, high))
    return (low, high) if low < high else (0, 0)


def _even(length: int, count: int) -> tuple[float, ...]:
    return tuple((i + 0.5) * length / count for i in range(count))


def _made(length: int, spans: Spans, size: int, centers: tuple[float, ...]) -> Axis:
    low, high = zip(*(spans[i] for i in range(len(spans))), strict=True)
    return Axis(length, low, high, size, centers)


def _whole(length: int, count: int) -> Axis:
    return Axis(length, (0,) * count, (length,) * count, length, _even(length, count))


def _blind(probe: Probe, layer: str, size: tuple[int, int]) -> Geometry:
    """What can be said without knowing: every position sees all of the image."""
    view = View(probe.model, None)
    images = torch.full((SURVEY_BATCH, view.channels, *size), 0.5, device=probe.model.device, dtype=probe.model.dtype)
    layout = probe.layout_at(layer, view.network(images))
    rows, columns = layout.grid or (1, probe.arranged(view.network(images), layer).shape[2])
    return Geometry(_whole(size[0], rows), _whole(size[1], columns))
