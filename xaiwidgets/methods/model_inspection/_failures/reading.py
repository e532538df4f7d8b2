"""The network's answers to images, and what its pictures look like, batch by batch."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.data import ImageSet
from xaiwidgets.methods._answers import probabilities_of
from xaiwidgets.methods.model_inspection._failures.attributes import Top
from xaiwidgets.methods.model_inspection._failures.pictures import BATCH, PictureReader, picture_names
from xaiwidgets.models import ImageModel
from xaiwidgets.models.features import read_features


class Reading:
    """Reads the features, the two likeliest classes and the pictures' numbers of a set from its beginning.

    ``given`` are further (names, numbers) of each image.
    """

    def __init__(
        self, model: ImageModel, images: ImageSet, layer: str, given: tuple[tuple[str, ...], Float[Tensor, "image n"]]
    ) -> None:
        self.model, self.images, self.layer = model, images, layer
        self.seen, self.classes = 0, 0
        self.given = given[0]
        self._given = given[1]
        self._pictures = PictureReader(images)
        self._tops: list[Top] = []

    def steps(self) -> Iterator[int]:
        """Yield how many images are read, after each batch.

        They are the same batches whether the features are read now or known from before, so that a run that was stopped
        can be made again.
        """
        for step in read_features(self.model, self.images, self.layer, outputs=True, batch=BATCH):
            count = len(step.value.values)
            whole = range(self.seen + BATCH, count + 1, BATCH)
            for stop in [*whole, *([count] if count == len(self.images) and count % BATCH else [])]:
                self.features = step.value.values[:stop]
                self._take(step.value.outputs[self.seen : stop], stop)
                yield stop

    def _take(self, outputs: Tensor, stop: int) -> None:
        probabilities = probabilities_of(outputs, self.model)
        self.classes = probabilities.shape[1]
        self._tops = [*self._tops, Top(*probabilities.topk(2, dim=1))]
        self._tops = [
            Top(torch.cat([top.values for top in self._tops]), torch.cat([top.classes for top in self._tops]))
        ]
        self._numbers, self.seen = self._pictures.upto(stop).to(self.model.device), stop

    @property
    def top(self) -> Top:
        """The two likeliest classes."""
        return self._tops[0]

    @property
    def predicted(self) -> Int[Tensor, "image"]:
        """The likeliest class."""
        return self.top.classes[:, 0]

    @property
    def pictures(self) -> tuple[tuple[str, ...], Float[Tensor, "image number"]]:
        """The names and numbers of the pictures, with those that were given."""
        names = (*picture_names(self.images), *self.given)
        return names, torch.cat([self._numbers, self._given[: self.seen]], 1)
