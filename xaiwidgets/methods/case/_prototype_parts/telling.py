"""The answer so far, told as a `LearnedParts`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xaiwidgets.methods._geometry.geometry import geometry_of
from xaiwidgets.methods.case._prototype_parts.boxes import field_boxes, patch_geometry, peak_boxes
from xaiwidgets.methods.case._prototype_parts.inputs import Side
from xaiwidgets.methods.case._prototype_parts.network import PartNetwork
from xaiwidgets.methods.case._prototype_parts.result import Known, LearnedParts
from xaiwidgets.methods.case._prototype_parts.survey import Survey, own_maps
from xaiwidgets.models import ImageModel, Probe

if TYPE_CHECKING:
    from xaiwidgets.methods.case.prototype_parts import PrototypeParts


class Teller:
    """Knows what stays the same over a run: classes, the layer, and where its patches look."""

    def __init__(
        self,
        model: ImageModel,
        settings: "PrototypeParts",
        shape: tuple[int, int, int],
        classes: Tensor,
        count: int,
    ) -> None:
        cells = geometry_of(Probe(model, [settings.layer]), settings.layer, tuple(shape[1:]))
        self.patch = tuple(min(settings.patch, side) for side in cells.grid)
        self._geometry = patch_geometry(cells, self.patch)
        self._layer, self._size, self._classes, self._count = settings.layer, tuple(shape[1:]), classes, count

    def blank(self) -> LearnedParts:
        """Nothing is known yet."""
        prototypes, like = len(self._classes), torch.zeros(0, device=self._classes.device)
        nothing, unknown = like.new_zeros(0, 0), torch.full_like(self._classes, -1)
        network = PartNetwork(like, like, nothing, like, nothing, like, like.new_zeros(prototypes, 0, 0, 0))
        none = unknown[:0]
        return LearnedParts(
            classes=self._classes,
            images=unknown,
            cells=unknown[:, None].expand(-1, 2).clone(),
            boxes=unknown.new_zeros(prototypes, 4),
            peaks=unknown.new_zeros(prototypes, 4),
            distances=like.new_full((prototypes,), torch.nan),
            weights=like.new_zeros(prototypes, self._count),
            similarities=like.new_zeros(0, prototypes),
            places=unknown.new_zeros(0, prototypes),
            rows=none,
            labels=none,
            outputs=nothing,
            history_epochs=like,
            history_held_out=like,
            history_fitted=like,
            accuracy=Known(),
            network=network,
            geometry=self._geometry,
            layer=self._layer,
            stage="reading what the network sees",
        )

    def tell(
        self,
        network: PartNetwork,
        weights: Tensor,
        fit: tuple[Side, Survey],
        held: tuple[Side, Survey],
        history: Sequence[tuple[float, float, float]],
        known: Known,
        stage: str,
    ) -> LearnedParts:
        """The answer with what was surveyed of both sides."""
        (trained, found), (other, seen) = fit, held
        across = self._geometry.grid[1]
        epochs, held_out, fitted = torch.tensor(history, dtype=torch.float64).T.contiguous()
        maps = own_maps(network, trained.maps, found.images)
        return LearnedParts(
            classes=self._classes,
            images=trained.rows[found.images],
            cells=torch.stack([found.nearest // across, found.nearest % across], 1),
            boxes=field_boxes(self._geometry, found.nearest),
            peaks=peak_boxes(self._geometry, maps, self._size),
            distances=found.distances,
            weights=weights.clone(),
            similarities=seen.similarities,
            places=seen.places,
            rows=other.rows,
            labels=other.labels,
            outputs=other.outputs,
            history_epochs=epochs,
            history_held_out=held_out,
            history_fitted=fitted,
            accuracy=known,
            network=network,
            geometry=self._geometry,
            layer=self._layer,
            stage=stage,
        )
