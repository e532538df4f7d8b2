"""How an image is written while it is optimised: as a spectrum, as pixels, or as phases alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.methods.feature_analysis._color import decorrelate, recorrelate


class Parameterization(Protocol):
    """Free numbers of an image, and the image that they stand for."""

    rate: float  # how much faster than the others it learns

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Random free numbers, one image for each generator."""

    def decode(self, free: Tensor) -> Float[Tensor, "image channel height width"]:
        """The images in [0, 1], differentiable."""

    def blur(self, free: Tensor, sigma: float) -> Tensor:
        """The free numbers of the image blurred by a Gaussian of ``sigma`` pixels."""


@dataclass(frozen=True)
class _Image:
    """What every parameterisation knows: the shape of the image, its colours, and where it is computed."""

    shape: tuple[int, int, int]
    colors: Tensor | None
    device: torch.device
    dtype: torch.dtype
    rate: float = 1.0

    def normal(self, generators: Sequence[torch.Generator], shape: tuple[int, ...], sd: float) -> Tensor:
        """Normal draws, one row from each generator, so that a row is the same in any batch."""
        draws = [torch.randn(shape, generator=g, dtype=torch.float64) * sd for g in generators]
        return torch.stack(draws).to(self.device, self.dtype)

    def frequencies(self) -> Float[Tensor, "height half_width"]:
        """The length of the frequency vector of each real Fourier coefficient, in cycles per pixel."""
        _, height, width = self.shape
        rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
        return (rows**2 + torch.fft.rfftfreq(width, dtype=torch.float64) ** 2).sqrt()

    def transfer(self, sigma: float) -> Tensor:
        """What a Gaussian blur of ``sigma`` pixels does to each frequency."""
        return torch.exp(-2 * (math.pi * sigma * self.frequencies()) ** 2).to(self.device, self.dtype)

    def finish(self, image: Tensor) -> Tensor:
        """Colours, then the squash to [0, 1]."""
        return recorrelate(image, self.colors).sigmoid()


class Fourier(_Image):
    """Olah et al. 2017: coefficients scaled by 1/f, so that a step moves all scales of the image alike."""

    decay = 1.0

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Coefficients (image, channel, height, width // 2 + 1, real and imaginary) with deviation 0.01."""
        channels, height, width = self.shape
        return self.normal(generators, (channels, height, width // 2 + 1, 2), 0.01)

    def decode(self, free: Tensor) -> Tensor:
        """The inverse real transform of the scaled spectrum, over four, as Lucid has it."""
        _, height, width = self.shape
        spectrum = torch.view_as_complex(free) * self.scale
        return self.finish(torch.fft.irfft2(spectrum, s=(height, width)) / 4)

    def blur(self, free: Tensor, sigma: float) -> Tensor:
        """Exact in the spectrum."""
        return free * self.transfer(sigma)[..., None]

    @cached_property
    def scale(self) -> Tensor:
        """What each coefficient is multiplied by: one over its frequency."""
        _, height, width = self.shape
        scale = self.frequencies().clamp(min=1 / max(height, width)) ** -self.decay * math.sqrt(height * width)
        return scale.to(self.device, self.dtype)


class Pixel(_Image):
    """Erhan et al. 2009: the pixels themselves, before colour and squash."""

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Pixels with a deviation of 0.01 around grey, after the squash."""
        return self.normal(generators, self.shape, 0.04)

    def decode(self, free: Tensor) -> Tensor:
        """Colours and squash."""
        return self.finish(free)

    def blur(self, free: Tensor, sigma: float) -> Tensor:
        """By the Fourier transform, so that it is the same blur as that of the other parameterisations."""
        return torch.fft.irfft2(torch.fft.rfft2(free) * self.transfer(sigma), s=free.shape[-2:])


class Phase(_Image):
    """MACO, Fel et al. 2023: the magnitudes of natural images stay, only the phases are optimised."""

    def __init__(self, *image: object, magnitude: Tensor) -> None:
        super().__init__(*image, rate=20.0)  # phases are radians: a step of 0.05 would take minutes to turn one
        object.__setattr__(self, "magnitude", magnitude.to(self.device, self.dtype))

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Phases (image, channel, height, width // 2 + 1) in radians.

        They are far more spread than a turn and so nearly uniform.
        """
        channels, height, width = self.shape
        return self.normal(generators, (channels, height, width // 2 + 1), math.pi)

    def decode(self, free: Tensor) -> Tensor:
        """Phases to an image, which is standardised, then colours and squash.

        The paper standardises the phases too; their cosines then have a mean of e^(−1/2), a bright spot in the corner.
        """
        _, height, width = self.shape
        spectrum = torch.polar(self.magnitude.expand_as(free).contiguous(), free)
        return self.finish(_standardized(torch.fft.irfft2(spectrum, s=(height, width))))

    def blur(self, free: Tensor, sigma: float) -> Tensor:  # noqa: ARG002 - the others' signature
        """The phases as they are: a blur changes magnitudes alone, and these stay."""
        return free


def natural_magnitude(image: _Image, images: Tensor | None) -> Float[Tensor, "channel height half_width"]:
    """The mean magnitude of the spectra of ``images`` in decorrelated colour.

    Without any, it is the 1/f law of photographs.
    """
    channels, height, width = image.shape
    if images is None:
        law = 1 / image.frequencies().clamp(min=1 / max(height, width))
        return law.expand(channels, *law.shape)
    resized = torch.nn.functional.interpolate(images.double(), (height, width), mode="bilinear", antialias=True)
    colors = None if image.colors is None else image.colors.double().to(resized.device)
    return torch.fft.rfft2(decorrelate(resized, colors)).abs().mean(0)


def _standardized(tensor: Tensor) -> Tensor:
    """Mean zero and deviation one over each image."""
    variance, mean = torch.var_mean(tensor, dim=tuple(range(1, tensor.dim())), keepdim=True)
    return (tensor - mean) / (variance + 1e-5).sqrt()
