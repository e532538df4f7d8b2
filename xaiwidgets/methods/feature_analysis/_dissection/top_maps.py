"""The images that units respond to most, with the map of each: enough to draw the masks."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class TopMaps:
    """In a row for each unit: the images it responds to most, descending; of equal ones those with the smaller ids.

    ``activation`` is the unit's largest in the image, ``ids`` the image's place in the set that it was taken from
    first, ``maps`` its activation on the layer's grid. Where there are fewer images than places they are -inf, -1, 0.
    """

    activation: Float[Tensor, "unit place"]
    ids: Int[Tensor, "unit place"]
    maps: Float[Tensor, "unit place position"]

    @staticmethod
    def empty(units: int, places: int, positions: int, like: Tensor) -> "TopMaps":
        """Nothing looked at yet."""
        return TopMaps(
            activation=like.new_full((units, places), -torch.inf),
            ids=torch.full((units, places), -1, device=like.device),
            maps=like.new_zeros((units, places, positions)),
        )

    def after(
        self,
        activation: Float[Tensor, "image unit position"],
        largest: Float[Tensor, "image unit"],
        ids: Int[Tensor, "image"],
    ) -> "TopMaps":
        """With these images too."""
        last, last_id = self.activation[:, -1:], self.ids[:, -1:]
        better = ((last < largest.T) | ((last == largest.T) & (ids < last_id))).any(1).nonzero()[:, 0]
        if len(better) == 0:
            return self
        news = TopMaps(
            activation=largest.T[better], ids=ids.expand(len(better), -1), maps=activation[:, better].transpose(0, 1)
        )
        best = self._rows(better).joined(news)
        return TopMaps(
            activation=self.activation.index_copy(0, better, best.activation),
            ids=self.ids.index_copy(0, better, best.ids),
            maps=self.maps.index_copy(0, better, best.maps),
        )

    def joined(self, other: "TopMaps") -> "TopMaps":
        """The best of both, as many as here."""
        activation = torch.cat([self.activation, other.activation.to(self.activation)], 1)
        ids = torch.cat([self.ids, other.ids.to(self.ids)], 1)
        by_id = ids.where(ids >= 0, torch.iinfo(ids.dtype).max).argsort(dim=1, stable=True)
        order = by_id.gather(1, activation.gather(1, by_id).argsort(dim=1, descending=True, stable=True))
        order = order[:, : self.ids.shape[1]]
        maps = torch.cat([self.maps, other.maps.to(self.maps)], 1)
        row = torch.arange(len(ids), device=ids.device)[:, None]
        return TopMaps(activation=activation.gather(1, order), ids=ids.gather(1, order), maps=maps[row, order])

    def _rows(self, rows: Tensor) -> "TopMaps":
        return TopMaps(activation=self.activation[rows], ids=self.ids[rows], maps=self.maps[rows])
