"""Quantiles of many values per unit in fixed memory: a histogram whose bins no data can move."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError

_TINIEST, _LOWEST, _HIGHEST = -124, -20, 24  # powers of two between which sizes are told apart
_FINE, _COARSE = (10, 5), (7, 3)  # bits of the mantissa above and below the lowest, for positive and negative values
_MANTISSA, _BIAS = 23, 127  # of a number in single precision


def _count(bits: tuple[int, int]) -> tuple[int, int]:
    """How many bins sizes above and below the lowest have."""
    return (_HIGHEST - _LOWEST) << bits[0], (_LOWEST - _TINIEST) << bits[1]


_BELOW = sum(_count(_COARSE))  # bins of negative values
BINS = _BELOW + sum(_count(_FINE))
_BLOCK = 64  # bins that are added up first when a rank is sought
_WAITING = 16  # batches whose counts are added at once, since each addition copies all counts


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many of a unit's values fall into each of 54,848 bins, for every unit.

    A bin is a range of floating point numbers: 1,024 to an octave above zero, 128 below, from 2⁻²⁰ to 2²⁴ in size; 32
    and 8 to an octave down to 2⁻¹²⁴, and what is smaller counts as zero. The bins are the same for all data, so that
    neither the order of the values nor the way they are split into parts changes any count, and parts add up exactly.
    Memory is 0.2 MB a unit.
    ``saturated`` counts the values that equal the unit's largest: a ReLU6 gives the same number over and over.
    """

    counts: Int[Tensor, "unit bin"]
    waiting: tuple[Int[Tensor, "unit value"], ...]
    lowest: Float[Tensor, "unit"]
    highest: Float[Tensor, "unit"]
    saturated: Int[Tensor, "unit"]
    total: int

    @staticmethod
    def empty(units: int, device: torch.device) -> "Histogram":
        """No values yet."""
        infinite = torch.full((units,), torch.inf, device=device)
        counts = torch.zeros((units, BINS), dtype=torch.int32, device=device)
        return Histogram(counts, (), infinite, -infinite, torch.zeros_like(counts[:, 0]), 0)

    def after(self, values: Float[Tensor, "unit value"]) -> "Histogram":
        """The histogram with these values too."""
        total = self.total + values.shape[1]
        if total > torch.iinfo(torch.int32).max:
            raise XaiwidgetsError(
                f"{total:,} values of each unit are more than can be counted at once; give fewer images, or a deeper "
                "layer with fewer positions."
            )
        values = values.float()
        largest = values.amax(1)
        known = Histogram(
            self.counts,
            (*self.waiting, bins_of(values)),
            self.lowest.minimum(values.amin(1)),
            self.highest.maximum(largest),
            self.saturated_with(largest, (values == largest[:, None]).sum(1)),
            total,
        )
        return known.settled() if len(known.waiting) >= _WAITING else known

    def merge(self, other: "Histogram") -> "Histogram":
        """The histogram of both parts."""
        one, two = self.settled(), other.settled()
        return Histogram(
            one.counts + two.counts.to(one.counts.device),
            (),
            one.lowest.minimum(two.lowest.to(one.lowest)),
            one.highest.maximum(two.highest.to(one.highest)),
            one.saturated_with(two.highest.to(one.highest), two.saturated.to(one.saturated)),
            one.total + two.total,
        )

    def saturated_with(self, highest: Float[Tensor, "unit"], count: Int[Tensor, "unit"]) -> Int[Tensor, "unit"]:
        """How many values equal the largest once others are added, of which ``count`` equal their ``highest``."""
        here = torch.where(self.highest >= highest, self.saturated, 0)
        return (here + torch.where(highest >= self.highest, count, 0)).to(self.saturated.dtype)

    def settled(self) -> "Histogram":
        """The same with nothing waiting to be added."""
        if not self.waiting:
            return self
        counts = self.counts.clone()
        first = torch.arange(len(counts), device=counts.device)[:, None] * BINS
        for part in self.waiting:
            places = (part + first).flatten()
            counts.view(-1).scatter_add_(0, places, counts.new_ones(1).expand(len(places)))
        return replace(self, counts=counts, waiting=())

    def thresholds(self, shares: list[float]) -> tuple[Float[Tensor, "share unit"], Float[Tensor, "share unit"]]:
        """T with P(a > T) = share for every share and unit, and the share of values in the bin that holds T.

        Within a bin values are taken to lie evenly, between the unit's smallest and largest where these cut it off. The
        rank of T is wrong by less than the share of values that lie in its bin; where they do lie evenly, by next to
        nothing. A unit that is constant gets its constant, and one with
        more saturated values than its share their value: none exceeds it, so that its mask is empty.
        """
        counts = self.settled().counts.unflatten(1, (-1, _BLOCK))
        blocks = counts.sum(2, dtype=torch.int64)
        at_least = blocks.flip(1).cumsum(1)  # values in this block or above, from the last block down
        edges = _edges(counts.device)
        found = [self._threshold(counts, blocks, at_least, edges, share * self.total) for share in shares]
        return torch.stack([threshold for threshold, _ in found]), torch.stack([error for _, error in found])

    def _threshold(
        self, counts: Tensor, blocks: Tensor, at_least: Tensor, edges: Tensor, rank: float
    ) -> tuple[Tensor, Tensor]:
        down = _first_above(at_least, rank)
        block, unit = blocks.shape[1] - 1 - down, torch.arange(len(blocks), device=blocks.device)
        before = at_least[unit, down] - blocks[unit, block]  # values in the blocks above
        inner = counts[unit, block].long()
        inside_down = inner.flip(1).cumsum(1) + before[:, None]
        place = _first_above(inside_down, rank)
        bins = block * _BLOCK + _BLOCK - 1 - place
        inside = inner[unit, _BLOCK - 1 - place]
        above = inside_down[unit, place] - inside
        low = torch.maximum(edges[bins], self.lowest)
        high = torch.minimum(edges[bins + 1], self.highest)
        zero = torch.zeros_like(low).clamp(self.lowest, self.highest)
        # Several at the upper end are ties; a single largest value is just the largest.
        ties = torch.where((high == self.highest) & (self.saturated > 1), self.saturated, 0)
        share = ((rank - above - ties) / (inside - ties).clamp(min=1)).clamp(0, 1).to(low.dtype)
        threshold = torch.where(bins == _BELOW, zero, torch.lerp(high, low, share))
        return torch.where(rank < above + ties, high, threshold), inside / max(1, self.total)


def _first_above(counts: Int[Tensor, "unit place"], rank: float) -> Int[Tensor, "unit"]:
    """The first place of each unit's ascending counts that exceeds a rank."""
    ranks = torch.full((len(counts), 1), math.floor(rank), dtype=torch.int64, device=counts.device)
    return torch.searchsorted(counts, ranks, right=True).clamp(max=counts.shape[1] - 1)[:, 0]


def bins_of(values: Float[Tensor, "*value"]) -> Int[Tensor, "*value"]:
    """The bin of each value; a larger value never has a smaller bin."""
    bits = (values + 0.0).view(torch.int32)  # + 0.0 makes −0 a zero
    size = bits & torch.iinfo(torch.int32).max
    return torch.where(bits < 0, _BELOW - 1 - _place(size, _COARSE), _BELOW + _place(size, _FINE))


def _place(size: Int[Tensor, "*value"], bits: tuple[int, int]) -> Int[Tensor, "*value"]:
    """The bin of a size by its exponent and the first bits of its mantissa."""
    above, below = _count(bits)
    upper = (size >> (_MANTISSA - bits[0])) - ((_BIAS + _LOWEST) << bits[0])
    lower = (size >> (_MANTISSA - bits[1])) - ((_BIAS + _TINIEST) << bits[1])
    return torch.where(upper >= 0, upper.clamp_(max=above - 1) + below, lower.clamp_(0, below - 1))


def _edges(device: torch.device) -> Float[Tensor, "edge"]:
    """Where bins begin, and where the last one ends."""

    def octaves(first: int, end: int, bits: int) -> Tensor:
        powers = 2.0 ** torch.arange(first, end, dtype=torch.float64)
        return (powers[:, None] * (1 + torch.arange(1 << bits, dtype=torch.float64) / (1 << bits))).flatten()

    def sizes(bits: tuple[int, int]) -> Tensor:
        begins = torch.cat([octaves(_TINIEST, _LOWEST, bits[1]), octaves(_LOWEST, _HIGHEST, bits[0])])
        begins[0] = 0  # what is smaller than the first octave lies there too
        return torch.cat([begins, begins.new_tensor([2.0**_HIGHEST])])

    edges = torch.cat([-sizes(_COARSE).flip(0)[:-1], sizes(_FINE)])
    edges[0], edges[-1] = -torch.inf, torch.inf  # what is larger lies in the outermost bins
    return edges.float().to(device)
