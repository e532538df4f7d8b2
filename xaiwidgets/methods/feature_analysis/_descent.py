"""One run of inversion: images on their way down to what the layer saw."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods.feature_analysis import _penalties
from xaiwidgets.methods.feature_analysis._drawing import Drawing, noise, noted, parameterization_for
from xaiwidgets.methods.feature_analysis._draws import generators_for
from xaiwidgets.methods.feature_analysis._inversion_pairs import Pairs
from xaiwidgets.methods.feature_analysis._reconstruction import Reconstruction
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.inversion import Inversion

MEMORY = (0.8, 0.9)  # of Adam: with the usual (0.9, 0.999) errors stay three times as large after 400 steps


class Descent(Drawing):
    """The state of one run; its rows are all images of the first start, then all of the second, and so on."""

    def __init__(self, settings: "Inversion", model: ImageModel, given: Tensor) -> None:
        super().__init__(model, settings.layer, given)
        self.rows = settings.starts * len(given)
        parameterization = parameterization_for(settings.parameterization, settings.colors, given)
        generators = generators_for(settings.seed, range(settings.starts))
        self.begin(parameterization, noise(parameterization, generators, len(given)), MEMORY)
        self.shown, self.step = self.images.detach(), 0
        self.errors = given.new_full((3, self.rows), float("nan"))  # feature error, image error, loss
        self.scales = given.new_full((2,), float("nan"))  # mean squared distance and mean distance of pairs
        self.history: list[tuple[int, Tensor]] = []

    @property
    def value(self) -> Reconstruction:
        """The answer so far: the best start of each image, and what is known of it."""
        if self._value is None:
            self._value = self._new_value()
        return self._value

    def _new_value(self) -> Reconstruction:
        count = len(self.given)
        best, (feature, image, loss) = self._best(self.errors)
        history = (
            torch.stack([row for _, row in self.history], 1) if self.history else self.errors[:, None, :count][:, :0]
        )
        squared = feature * self.lengths if self.history else feature
        return Reconstruction(
            images=self.shown[best * count + torch.arange(count, device=best.device)],
            feature_error=feature,
            feature_error_pairs=squared / self.scales[0],
            feature_distance_pairs=squared.sqrt() / self.scales[1],
            image_error=image,
            loss=loss,
            start=best,
            history=history[0],
            image_history=history[1],
            loss_history=history[2],
            history_steps=tuple(step for step, _ in self.history),
        )

    def look(self, references: Tensor | None) -> Iterator[float]:
        """Note what the layer makes of the given images, and how far apart images are; yields the share done."""
        everything = self.given if references is None else torch.cat([self.given, references])
        pairs, found, start = Pairs(), [], 0
        while start < len(everything):
            part, start = self.batches.run(lambda rows: self._look(everything[rows]), start, len(everything))
            found.append(part)
            pairs.add(part)
            yield start / len(everything)
        self.wanted = torch.cat(found)[: len(self.given)].clone()
        self.lengths = self.wanted.square().sum(1)
        self._refuse_nothing()
        self.scales = pairs.means(self.lengths)

    def gradients(self, settings: "Inversion") -> Iterator[float]:
        """Fill in ∂loss/∂image and the errors of the images as they are; yields the share that is done."""
        found: list[tuple[Tensor, Tensor]] = []
        yield from self.over_rows(self._gradient, self.rows, found)
        self.push = torch.cat([gradient for gradient, _ in found])
        if self.step == 0:
            self.refuse_blocked(self.push)
        self._note(torch.cat([error for _, error in found]), settings, self.push)

    def descend(self, settings: "Inversion") -> None:
        """One step of Adam down the gradient, slower towards the end."""
        cosine = (1 + math.cos(math.pi * self.step / settings.steps)) / 2 if settings.schedule == "cosine" else 1.0
        self.climb(self.push.neg_(), settings.learning_rate * cosine)
        self.step += 1

    def evaluate(self, settings: "Inversion") -> Iterator[float]:
        """The errors of the last images, which no gradient has looked at; yields the share that is done."""
        found: list[Tensor] = []
        yield from self.over_rows(self._evaluate, self.rows, found)
        self._note(torch.cat(found), settings)

    @torch.no_grad()
    def _look(self, images: Tensor) -> Tensor:
        return self.features(self.view.network(images))

    @torch.enable_grad()
    def _gradient(self, rows: slice) -> tuple[Tensor, Float[Tensor, "row"]]:
        images = self.images[rows].detach().requires_grad_()
        error = self._feature_error(images, rows)
        return self.gradient(error.sum(), images), error.detach()

    @torch.no_grad()
    def _evaluate(self, rows: slice) -> Float[Tensor, "row"]:
        return self._feature_error(self.images[rows], rows)

    def _feature_error(self, images: Tensor, rows: slice) -> Float[Tensor, "row"]:
        """‖Φ(x) − Φ₀‖² / ‖Φ₀‖²."""
        index = torch.arange(rows.start, rows.stop, device=self.given.device) % len(self.given)
        difference = self.features(self.view.network(images)) - self.wanted[index]
        return difference.square().sum(1) / self.lengths[index]

    def _penalty(self, images: Tensor, settings: "Inversion", gradient: Tensor | None = None) -> Tensor:
        """The weighted priors of each image, means over pixels and channels; ``gradient`` is added to."""
        penalty, numbers = images.new_zeros(len(images)), images[0].numel()
        for weight, prior, exponent in (
            (settings.alpha_weight, _penalties.alpha_norm_and_gradient, settings.alpha),
            (settings.total_variation, _penalties.total_variation_and_gradient, settings.beta),
        ):
            if weight:
                value, slope = prior(images, exponent)
                penalty.add_(value, alpha=weight / numbers)
                if gradient is not None:
                    gradient.add_(slope, alpha=weight / numbers)
        return penalty

    @torch.no_grad()
    def _note(self, error: Float[Tensor, "row"], settings: "Inversion", push: Tensor | None = None) -> None:
        """Take this as the feature error of the images as they are; ``push`` gets the gradient of the priors too."""
        self.shown, self._value = self.images.detach(), None
        penalty = self._penalty(self.shown, settings, push)
        apart = self.shown.unflatten(0, (-1, len(self.given))) - self.given
        distance = apart.flatten(0, 1).flatten(1).norm(dim=1) / math.sqrt(self.given[0].numel())
        self.errors = torch.stack([error, distance, error + penalty])
        if noted(self.step, settings.steps):
            self.refuse_unfinite(self.errors[2].view(-1, len(self.given)), self.step)
            self.history.append((self.step, self._best(self.errors)[1]))

    def _best(self, errors: Float[Tensor, "3 row"]) -> tuple[Tensor, Float[Tensor, "3 image"]]:
        """Which start of each image has the lowest loss, and its errors."""
        table = errors.view(3, -1, len(self.given))
        best = table[2].argmin(0)
        return best, table.gather(1, best.expand(3, 1, -1)).squeeze(1)

    def _refuse_nothing(self) -> None:
        """Raise where the layer answers an image with zeros: its error has no unit."""
        self.refuse_unfinite(self.lengths, 0)
        if not bool((self.lengths > 0).all()):
            image = int((self.lengths <= 0).nonzero()[0])
            message = (
                f"Layer {self.layer!r} answers image {image} with zeros alone, so that there is nothing to invert. "
                "Choose another layer, or leave the image out."
            )
            raise XaiwidgetsError(message)

    _value: Reconstruction | None = None
