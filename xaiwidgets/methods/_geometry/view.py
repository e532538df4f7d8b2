"""From the image that is drawn to what the network is shown."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xaiwidgets.methods._geometry import transforms as drawn
from xaiwidgets.models import ImageModel
from xaiwidgets.models.layers import SURVEY_BATCH


class View:
    """The size of the picture, and the size that the network looks at.

    ``canvas`` is (height, width) of the picture. A network of plain vectors sees it flattened: a square where its
    length is one, else a single row.
    """

    def __init__(self, model: ImageModel, size: int | None) -> None:
        self.flat = len(model.input_shape) == 1
        self.channels, height, width = model.picture_shape
        self.canvas = (height, width) if size is None else (size, max(1, round(size * width / height)))
        # Most convolutional networks look at any size: then the picture is seen as it is, else it is resized.
        fits = self.canvas == (height, width) or (not self.flat and model.accepts(*self.canvas))
        self.seen = self.canvas if fits else (height, width)

    @property
    def movable(self) -> bool:
        """Whether moving the picture means anything: a plain vector in a single row has no neighbours to move to."""
        return not (self.flat and self.canvas[0] == 1)

    @property
    def pixels(self) -> int:
        """How many pixels the network looks at."""
        return self.seen[0] * self.seen[1]

    def blank(self, model: ImageModel) -> Tensor:
        """A few grey images as the network is shown them, to see what comes of their size."""
        shape = (SURVEY_BATCH, self.channels, *self.canvas)
        return self.network(torch.full(shape, 0.5, device=model.device, dtype=model.dtype))

    def network(self, images: Float[Tensor, "image channel height width"]) -> Tensor:
        """The images as they are, in the size and shape that the network takes."""
        if self.seen != self.canvas:
            images = functional.interpolate(images, self.seen, mode="bilinear", antialias=True)
        return images.flatten(1) if self.flat else images

    def moved(self, images: Tensor, matrices: Tensor | None, margins: tuple[int, int]) -> Tensor:
        """The images after the random transforms, or as they are where there are none (``matrices`` is None)."""
        if matrices is None:
            return self.network(images)
        return self.network(drawn.apply(images, matrices, margins, self.canvas))
