"""The measured receptive fields of some units, and the run that measures them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import InvalidSettingError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._draws import generators_for
from xaiwidgets.methods.feature_analysis._occlusion import Lattice, Occluder, Watched
from xaiwidgets.methods.feature_analysis._ranking import UnitImages
from xaiwidgets.methods.feature_analysis._scan import Scan, batch_of
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.receptive_field import ReceptiveField

_SHARE = 20  # of the image's side is an occluder: 11 of 227 pixels, as in the paper
_OVERLAP = 11 / 3  # an occluder's side over the stride, as there


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredFields:
    """Where in the image units look, measured by covering it.

    ``maps`` hold the mean of |a − a covered| over a unit's top images, in the units of the layer's activation, for an
    occluder centred at each pixel. Each image is moved so that the middle of the position's theoretical field comes to
    the middle of the map. ``count`` is how many images a pixel's mean is over, 0 (and the map 0) where none reaches.
    ``stride`` is how far apart the places were at which images have been covered so far, 0 before the first; between
    them the map is interpolated. ``size`` is the effective size, the side of a square as large as the area on which
    the map is at least half its maximum; it is blurred by the occluder. ``theoretical`` is height and width of the
    theoretical field and ``box`` (top, left, bottom, right) that field on the map, clipped to it. ``top`` are the
    images, their positions and activations.
    """

    units: tuple[int, ...]
    maps: Float[Tensor, "unit height width"]
    count: Int[Tensor, "unit height width"]
    stride: Int[Tensor, "unit"]
    size: Float[Tensor, "unit"]
    occluder: int
    theoretical: tuple[int, int]
    box: tuple[int, int, int, int]
    top: UnitImages


class Measurement:
    """The state of one run: the top images, and what was found in each."""

    def __init__(self, settings: "ReceptiveField", model: ImageModel, images: ImageSet) -> None:
        self.settings, self.images = settings, images
        self.lattice = _lattice(settings, *images.shape[1:])
        self.scan = Scan(model, [settings.layer], settings.units, min(settings.top, len(images)), images)
        self.geometry = self.scan.sought[settings.layer].geometry
        batch = batch_of(model, *images.shape[1:])
        self.occluder = Occluder(self.scan.probe, settings.layer, self.scan.view, self.lattice, batch)
        self.watched: list[list[Watched]] = []  # by the image's rank, then by unit
        self.top = self.scan.value
        shape = (len(self.top.units), *images.shape[1:])
        self.maps = torch.zeros(shape, device=model.device, dtype=model.dtype)
        self.count = torch.zeros(shape, device=model.device, dtype=torch.int64)

    @property
    def total(self) -> int:
        """How many images are looked at: those of the set once, the top images once for every place."""
        height, width = self.lattice.shape
        return len(self.images) + self.top.indices.numel() * height * width

    @property
    def value(self) -> MeasuredFields:
        """The answer so far; the same object while nothing of it changes."""
        if self._value is None:
            self._value = self._new_value()
        return self._value

    _value: MeasuredFields | None = None

    def steps(self) -> Iterator[float]:
        """Find the top images, then cover them level by level; yields how many images were looked at."""
        while self.scan.seen < len(self.images):
            self.scan.advance()
            self.top, self._value = self.scan.value, None
            yield self.scan.seen
        self.watched = self._watched()
        done = len(self.images)
        for level in self.lattice.levels:
            for rank in self.watched:
                for row, watched in enumerate(rank):
                    for count in self.occluder.cover(watched, level):
                        if watched.level == level:
                            self._average(row)
                        yield done + count
                    done += count

    def _watched(self) -> list[list[Watched]]:
        """The top images, the first of every unit before the second of any, each with its own random draws."""
        units, places = self.top.indices.shape
        images = self.images.batch(self.top.indices.flatten().tolist()).to(self.maps)
        positions = (self.top.rows * self.geometry.grid[1] + self.top.columns).tolist()
        centers = self.geometry.centers(self.top.rows, self.top.columns).tolist()
        boxes, noise = self.top.boxes.tolist(), self.settings.fill == "noise"
        draws = generators_for(self.settings.seed, [unit for unit in self.top.units for _ in range(places)])

        def watched(row: int, place: int) -> Watched:
            return Watched(
                image=images[row * places + place],
                unit=self.top.units[row],
                position=positions[row][place],
                activation=self.top.activation[row, place],
                box=tuple(boxes[row][place]),
                center=tuple(centers[row][place]),
                draws=draws[row * places + place].get_state() if noise else None,
                found=self.maps.new_zeros(self.lattice.shape),
            )

        return [[watched(row, place) for row in range(units)] for place in range(places)]

    def _average(self, row: int) -> None:
        pairs = [
            self.lattice.centered(rank[row].found, rank[row].level, rank[row].center)
            for rank in self.watched
            if rank[row].level
        ]
        total, count = (torch.stack(part).sum(0) for part in zip(*pairs, strict=True))
        at = torch.tensor([row], device=self.maps.device)
        self.maps = self.maps.index_copy(0, at, (total / count.clamp(min=1))[None])
        self.count = self.count.index_copy(0, at, count.long()[None])
        self._value = None

    def _new_value(self) -> MeasuredFields:
        highest = self.maps.flatten(1).amax(1)
        area = ((self.maps >= highest[:, None, None] / 2) & (self.count > 0)).flatten(1).sum(1)
        size = torch.where(highest > 0, area, 0).to(self.maps.dtype).sqrt()
        levels = [[rank[row].level for rank in self.watched] for row in range(len(self.top.units))]
        stride = self.lattice.stride * torch.tensor([max(level, default=0) for level in levels], device=size.device)
        return MeasuredFields(
            units=self.top.units,
            maps=self.maps,
            count=self.count,
            stride=stride,
            size=size,
            occluder=self.lattice.occluder,
            theoretical=self.geometry.size,
            box=_middle_box(self.geometry.size, self.images.shape[1:]),
            top=self.top,
        )


def _lattice(settings: "ReceptiveField", height: int, width: int) -> Lattice:
    shorter = min(height, width)
    occluder = settings.occluder or min(shorter, max(3, round(shorter / _SHARE)))
    if occluder > shorter:
        raise InvalidSettingError(
            f"occluder={occluder} was given for images of {height}×{width} pixels; give at most {shorter}."
        )
    return Lattice(height, width, occluder, settings.stride or max(1, round(occluder / _OVERLAP)))


def _middle_box(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box of this size in the middle of a canvas, clipped to it."""
    low = [max(0, (side - length) // 2) for length, side in zip(size, canvas, strict=True)]
    high = [min(side, start + length) for start, length, side in zip(low, size, canvas, strict=True)]
    return (*low, *high)
