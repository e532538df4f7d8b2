"""How far apart the features of two images are: the yardstick of an error of features."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods.feature_analysis._images import accepted
from xaiwidgets.models import ImageModel

LARGEST_REFERENCE = 64  # images of ``train`` that are looked at: their features are held until all pairs are known


class Pairs:
    """Sums over all pairs of the features that were added, pairs of equal ones left out."""

    def __init__(self) -> None:
        self._rows: list[Tensor] = []
        self._sums: Tensor | float = 0.0  # how many pairs, their distances, their squared distances

    def add(self, features: Float[Tensor, "image feature"]) -> None:
        """Compare each row with every row before it."""
        for row in features:
            for other in self._rows:
                square = (row - other).square().sum().double()
                self._sums = self._sums + torch.stack([(square > 0).double(), square.sqrt(), square])
            self._rows.append(row)

    def means(self, like: Tensor) -> Float[Tensor, "2"]:
        """The mean squared distance and the mean distance; NaN where there is no pair."""
        if not self._rows[1:]:
            return like.new_full((2,), float("nan"))
        count, distance, square = self._sums
        return torch.stack([square / count, distance / count]).to(like)


def reference_images(
    train: ImageSet | Float[Tensor, "other channel _height _width"] | None, given: Tensor, model: ImageModel
) -> Float[Tensor, "other channel height width"] | None:
    """A few of the other images, spread over all of them; raises unless they have the size of the given ones."""
    if train is None:
        return None
    everything = as_image_set(train)
    places = torch.linspace(0, len(everything) - 1, min(len(everything), LARGEST_REFERENCE)).round().long()
    found = accepted(everything.batch(places), model)
    if found.shape[1:] != given.shape[1:]:
        sizes = [f"{images.shape[2]}×{images.shape[3]}" for images in (found, given)]
        message = f"Images of {sizes[0]} pixels were given as train, beside images of {sizes[1]}; give one size."
        raise XaiwidgetsError(message)
    return found
