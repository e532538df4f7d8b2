"""What can be seen of a picture without any network, as a few numbers that people have words for."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core.store import RESULTS
from xaiwidgets.data import ImageSet

BATCH = 64
_DIFFERENT = 0.1  # of the range of brightness: what differs more from the border is no background
_FLAT = 1e-3  # a contrast below it is none: it would make a sharpness of noise
_COLOURS = 3

GREY = ("brightness", "contrast", "filled share", "sharpness")
COLOUR = (*GREY, "colourfulness")


def picture_names(images: ImageSet) -> tuple[str, ...]:
    """What `picture_numbers` tells of such images."""
    return COLOUR if images.shape[0] == _COLOURS else GREY


def picture_numbers(images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image number"]:
    """Numbers of at least 0 for images in [0, 1].

    Brightness is the mean over pixels and channels, contrast the standard deviation of the pixels' means over channels,
    both in [0, 1]. The filled share is that of the pixels which differ by more than 0.1 from the median of the image's
    border. Sharpness is the mean step between neighbours, as a multiple of the contrast; 0 where there is no contrast.
    Colourfulness is the mean distance between a pixel's largest and smallest channel, for three channels only.
    """
    light = images.double().mean(1)
    contrast = light.flatten(1).std(1, unbiased=False)
    border = torch.cat([light[:, 0], light[:, -1], light[:, 1:-1, 0], light[:, 1:-1, -1]], 1).median(1).values
    filled = ((light - border[:, None, None]).abs() > _DIFFERENT).double().flatten(1).mean(1)
    steps = torch.cat([light.diff(dim=1).abs().flatten(1), light.diff(dim=2).abs().flatten(1)], 1)
    step = steps.mean(1) if steps.shape[1] else torch.zeros_like(contrast)
    sharpness = (step / contrast.clamp(min=_FLAT)).where(contrast >= _FLAT, 0)
    numbers = [light.flatten(1).mean(1), contrast, filled, sharpness]
    if images.shape[1] == _COLOURS:
        numbers.append((images.amax(1) - images.amin(1)).double().flatten(1).mean(1))
    return torch.stack(numbers, 1)


class PictureReader:
    """The numbers of a set's first images, read batch by batch and kept by content once all are known."""

    def __init__(self, images: ImageSet) -> None:
        self._images, self._key = images, f"picture numbers {images.key}"
        known = RESULTS.get(self._key)
        self._parts: list[Tensor] = [] if known is None else [known]

    def upto(self, count: int) -> Float[Tensor, "image number"]:
        """The first ``count`` images' numbers; a step of at most a batch where it is called after every batch."""
        seen = sum(map(len, self._parts))
        for start in range(seen, count, BATCH):
            self._parts.append(picture_numbers(self._images.batch(range(start, min(start + BATCH, count)))))
        numbers = torch.cat(self._parts)
        if seen < len(numbers) == len(self._images):
            RESULTS.put(self._key, numbers, numbers.numel() * numbers.element_size())
        self._parts = [numbers]
        return numbers[:count]
