"""The network that goes from a layer's activations back to an image (Dosovitskiy and Brox 2016)."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xaiwidgets.methods._geometry.view import View
from xaiwidgets.models import ImageModel, Probe
from xaiwidgets.models.layers import SURVEY_BATCH

_SLOPE = 0.3  # of the leaky rectifiers
_SMALLEST, _WIDEST = 4, 256  # side of the first map, channels of it


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a decoder goes from and to, which fixes its architecture.

    ``features`` is (unit, height, width) where the layer has a grid, else (number,); ``image`` is (channel, height,
    width). A map goes through two convolutions, a vector through three fully connected layers; then the map grows by
    up-convolutions, twice as large each time and half as many channels, to the size of the image.
    """

    features: tuple[int, ...]
    image: tuple[int, int, int]

    @property
    def sides(self) -> list[tuple[int, int]]:
        """The sizes of the maps, from the first to the image's: each at most twice the one before."""
        _, height, width = self.image
        smallest = min(self.features[1:]) if len(self.features) > 1 else _SMALLEST
        doublings = max(0, math.floor(math.log2(min(height, width) / max(smallest, 1))))
        return [(math.ceil(height / 2**i), math.ceil(width / 2**i)) for i in range(doublings, -1, -1)]

    @property
    def channels(self) -> list[int]:
        """The channels of each of these maps."""
        count = len(self.sides)
        first = min(_WIDEST, 16 * 2 ** max(count - 1, 1))
        return [max(16, first // 2**i) for i in range(count)]

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...], int]]:
        """The name, the shape and the number of inputs of each weight."""
        first, (height, width) = self.channels[0], self.sides[0]
        if len(self.features) > 1:
            yield "in1", (first, self.features[0], 3, 3), 9 * self.features[0]
            yield "in2", (first, first, 3, 3), 9 * first
        else:
            hidden, (inputs,) = 4 * first, self.features
            yield "in1", (hidden, inputs), inputs
            yield "in2", (hidden, hidden), hidden
            yield "in3", (first * height * width, hidden), hidden
        for i, (before, after) in enumerate(zip(self.channels, self.channels[1:], strict=False)):
            yield f"up{i + 1}", (before, after, 4, 4), 4 * before  # four of the sixteen taps meet in a pixel
        yield "out", (self.image[0], self.channels[-1], 3, 3), 9 * self.channels[-1]

    def start(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Weights drawn for leaky rectifiers (He et al. 2015), biases of zero."""
        weights = {}
        for name, shape, inputs in self.shapes():
            deviation = math.sqrt(2 / (1 + _SLOPE**2) / inputs)
            weights[name] = torch.randn(shape, generator=generator) * deviation
            weights[f"{name}.bias"] = torch.zeros(shape[1] if name.startswith("up") else shape[0])
        return weights

    def decode(self, weights: Mapping[str, Tensor], features: Tensor) -> Float[Tensor, "image channel height width"]:
        """The images in [0, 1] for features (image, …), standardised."""
        x, bias = features, {name.removesuffix(".bias"): w for name, w in weights.items() if name.endswith(".bias")}
        for name in ("in1", "in2", "in3"):
            if name in weights:
                layer = functional.linear if x.dim() == 2 else _convolution  # noqa: PLR2004
                x = functional.leaky_relu(layer(x, weights[name], bias[name]), _SLOPE)
        x = x.unflatten(1, (self.channels[0], *self.sides[0])) if x.dim() == 2 else x  # noqa: PLR2004
        if x.shape[2:] != self.sides[0]:
            x = functional.interpolate(x, self.sides[0], mode="bilinear")
        for i, (height, width) in enumerate(self.sides[1:], 1):
            x = functional.conv_transpose2d(x, weights[f"up{i}"], bias[f"up{i}"], stride=2, padding=1)
            x = functional.leaky_relu(x[..., :height, :width], _SLOPE)
        return torch.sigmoid(_convolution(x, weights["out"], bias["out"]))


def _convolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.conv2d(x, weight, bias, padding=1)


class Reader:
    """What a decoder looks at: the features of a layer for images of one size."""

    def __init__(self, model: ImageModel, layer: str, shape: tuple[int, int, int]) -> None:
        self.model, self.layer = model, layer
        self.probe, self.view = Probe(model, [layer]), View(model, None)
        blank = torch.full((SURVEY_BATCH, *shape), 0.5, device=model.device, dtype=model.dtype)
        layout = self.probe.layout_at(layer, self.view.network(blank))
        with torch.no_grad():
            units, positions = self.probe.arranged(self.view.network(blank), layer).shape[1:]
        grid = layout.grid if layout.grid and positions > 1 else None
        self.shape = (units * positions,) if grid is None else (units, *grid)

    @torch.no_grad()
    def __call__(self, images: Float[Tensor, "image channel height width"]) -> Tensor:
        """The features, one row for each image, in the shape that the decoder takes."""
        return self.fitted(self.probe.arranged(self.view.network(images), self.layer))

    def fitted(self, features: Tensor) -> Tensor:
        """Features (image, unit, position) in that shape."""
        return features.reshape(len(features), *self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoder:
    """A trained decoder of one layer of one network.

    Called with images it reads their features and decodes them; called with features (image, unit, position), as
    `Probe.arranged` gives them, it decodes those. ``settings`` is the code of the method that trained it, ``network`` a
    digest of the weights it was trained for, ``steps`` how far it had come.
    """

    plan: Plan
    weights: dict[str, Tensor]
    reader: Reader
    settings: str
    network: str
    steps: int

    @torch.no_grad()
    def __call__(self, given: Tensor) -> Float[Tensor, "image channel height width"]:
        """The images in [0, 1] for images (image, channel, height, width), or for features."""
        given = given.to(self.weights["mean"])
        features = self.reader(given) if tuple(given.shape[1:]) == self.plan.image else self.reader.fitted(given)
        return self.plan.decode(self.weights, standardised(features, self.weights))

    def save(self, path: str | Path) -> None:
        """Write the weights and what they belong to, as safetensors; `LearnedInversion.load` reads them."""
        from xaiwidgets.methods.feature_analysis._decoder_file import write

        write(self, Path(path))


def standardised(features: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """The features with the mean of zero and the deviation of one that each unit had in the first training images."""
    return (features - weights["mean"]) * weights["scale"]
