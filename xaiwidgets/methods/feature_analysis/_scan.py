"""One pass over many images that keeps the best of every unit."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._geometry.geometry import Geometry, geometry_of
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._from_settings import refuse_images
from xaiwidgets.methods.feature_analysis._images import checked_units, refuse_size
from xaiwidgets.methods.feature_analysis._ranking import Ranking, UnitImages, joined
from xaiwidgets.models import ImageModel, MicroBatches, Probe

_CPU_PIXELS = 4 * 224 * 224  # of one batch: more gains no speed on a CPU and makes a step too long to stop
_GPU_PIXELS = 64 * 224 * 224
_LARGEST = 256  # images of one batch
_VECTOR = 32  # units that torch reduces at once where they lie side by side


def batch_of(model: ImageModel, height: int, width: int) -> int:
    """How many images of this size make a step."""
    pixels = _CPU_PIXELS if model.device.type == "cpu" else _GPU_PIXELS
    return min(_LARGEST, max(1, pixels // (height * width)))


def largest_of(activation: Float[Tensor, "image unit position"]) -> Float[Tensor, "image unit"]:
    """The maximum over positions.

    With channels last torch is six times slower on the units that do not fill a vector on a CPU; then the first half is
    compared with the last until little is left.
    """
    if activation.device.type == "cpu" and activation.stride(2) != 1 and activation.shape[1] % _VECTOR:
        while activation.shape[2] > 4:  # noqa: PLR2004
            half = (activation.shape[2] + 1) // 2
            activation = torch.maximum(activation[..., :half], activation[..., -half:])
    return activation.amax(2)


@dataclass(frozen=True)
class _Sought:
    """Which units of a layer are sought, and where its positions look."""

    units: tuple[int, ...]
    rows: Tensor | None  # of the layer's units, None for all in their order
    geometry: Geometry


class Scan:
    """The state of one pass: the images seen, and the ranking of every layer's units."""

    def __init__(
        self, model: ImageModel, layers: list[str], units: tuple[int, ...], places: int, images: ImageSet
    ) -> None:
        self.model, self.images, self.view = model, images, View(model, None)
        refuse_images(images.batch(slice(0, 1)), self.view.channels)
        refuse_size(images.shape[1:], model)
        self.deepest = max(layers, key=lambda layer: model.layer(layer).order)
        self.probe = Probe(model, [self.deepest])
        self.sought = {layer: self._sought(layer, units) for layer in layers}
        none = torch.empty(0, device=model.device, dtype=model.dtype)
        self.rankings = {layer: Ranking.empty(len(it.units), places, none) for layer, it in self.sought.items()}
        self.batches = MicroBatches(batch_of(model, *images.shape[1:]))
        self.seen = 0

    def _sought(self, layer: str, units: tuple[int, ...]) -> _Sought:
        known = self.model.layer(layer)
        chosen = checked_units(units, known)
        rows = None if chosen == tuple(range(known.units)) else torch.tensor(chosen, device=self.model.device)
        return _Sought(chosen, rows, geometry_of(Probe(self.model, [layer]), layer, self.images.shape[1:]))

    def advance(self) -> None:
        """Look at the next batch."""
        self.rankings, self.seen = self.batches.run(self._after, self.seen, len(self.images))

    @property
    def value(self) -> UnitImages:
        """The answer so far."""
        return joined(
            [self.rankings[layer].shown(layer, it.units, it.geometry, self.seen) for layer, it in self.sought.items()]
        )

    @torch.no_grad()
    def _after(self, rows: slice) -> dict[str, Ranking]:
        found: dict[str, Ranking] = {}

        def look(layer: str) -> Callable[[Tensor], Tensor]:
            """Rank in passing: what is read on the way need not be kept for later."""

            def patch(output: Tensor) -> Tensor:
                if layer not in found:  # a module that is used again counts at its first use
                    found[layer] = self._ranked(layer, self.probe.model.layer(layer).layout.arrange(output), rows)
                return output

            return patch

        images = self.view.network(self.images.batch(rows).to(self.model.device, self.model.dtype))
        on_the_way = {layer: look(layer) for layer in self.sought if layer != self.deepest}
        look(self.deepest)(self.probe(images, patches=on_the_way)[self.deepest])
        return found

    def _ranked(self, layer: str, activation: Tensor, rows: slice) -> Ranking:
        sought = self.sought[layer]
        activation = activation if sought.rows is None else activation[:, sought.rows]
        largest = largest_of(activation)
        wrong = ~largest.isfinite()
        if bool(wrong.any()):
            image, unit = wrong.nonzero()[0].tolist()
            raise XaiwidgetsError(
                f"Layer {layer!r} gave unit {sought.units[unit]} a value that is not a finite number for image "
                f"{rows.start + image}; check the weights, the normalisation and that image."
            )
        return self.rankings[layer].after(activation, largest.T, rows.start)
