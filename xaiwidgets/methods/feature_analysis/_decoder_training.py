"""The training of a decoder: what of it lives across the steps, and one step."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods._adam import Adam
from xaiwidgets.methods.feature_analysis._decoder import Decoder, Plan, Reader, standardised
from xaiwidgets.methods.feature_analysis._decoder_file import digest
from xaiwidgets.methods.feature_analysis._errors import image_error
from xaiwidgets.methods.feature_analysis._images import accepted
from xaiwidgets.models import ImageModel, MicroBatches

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.learned_inversion import LearnedInversion

_CPU_PIXELS = 2 * 224 * 224  # of one micro-batch
_MEASURED_PIXELS = 16 * 224 * 224  # of the training images that give the mean and the deviation of each unit
_MEASURED = (8, 256)  # how few and how many of them


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnedReconstruction:
    """The images that a decoder makes of the features of images it was not trained on.

    ``images`` are in [0, 1]. ``image_error`` is the root of the mean of (x − x₀)² over pixels and channels of each, 0
    to 1; ``mean_error`` the same for the mean of some training images, which is what a layer that keeps nothing would
    leave. ``loss`` (over the training batches since the point before, before the first over a few images) and
    ``held_out_error`` (over the held-out images) are means of (x − x₀)² at the steps named by ``history_steps``; where
    the second stays well above the first, the decoder knows its training images by heart.
    """

    images: Float[Tensor, "image channel height width"]
    image_error: Float[Tensor, "image"]
    mean_error: Float[Tensor, "image"]
    loss: Float[Tensor, "point"]
    held_out_error: Float[Tensor, "point"]
    history_steps: tuple[int, ...]
    decoder: Decoder


class Training:
    """One run of training: the decoder's weights are one flat tensor, so that one Adam moves them all."""

    def __init__(
        self, settings: "LearnedInversion", model: ImageModel, train: ImageSet | Tensor, images: ImageSet | Tensor
    ) -> None:
        self.settings, self.device, self.dtype = settings, model.device, model.dtype
        self.train, self.images = _trained_on(train, model), accepted(images, model)
        if tuple(self.images.shape[1:]) != self.train.shape:
            raise XaiwidgetsError(
                f"images of shape {tuple(self.images.shape[1:])} were given with training images of "
                f"{self.train.shape}; give both in the same shape."
            )
        self.reader = Reader(model, settings.layer, self.train.shape)
        self.plan = Plan(features=self.reader.shape, image=self.train.shape)
        self.network = digest(model.module)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.batches = MicroBatches(
            _CPU_PIXELS // self.images[0, 0].numel() if model.device.type == "cpu" else settings.batch
        )
        order = torch.randperm(len(self.train), generator=self.generator)  # drawn first: the same for every layer
        start = self.plan.start(self.generator)
        self.shapes = {name: tuple(weight.shape) for name, weight in start.items()}
        self.free = torch.cat([weight.flatten() for weight in start.values()]).to(self.images)
        self.standard, mean = self._measured(order)
        self.mean_error = image_error(mean.expand_as(self.images), self.images)
        self.adam, self.steps, self.losses = Adam(self.free), 0, []
        self.history: list[tuple[int, Tensor, Tensor]] = []

    def draw(self) -> None:
        """Draw the images of one step, before anything is computed, so that it can be tried again."""
        self.rows = torch.randint(len(self.train), (self.settings.batch,), generator=self.generator)

    def gradients(self) -> Iterator[float]:
        """Fill in ∂loss/∂weights, one micro-batch at a time; yields the share that is done."""
        self.gradient, loss, start, count = torch.zeros_like(self.free), 0.0, 0, len(self.rows)
        while start < count:
            (gradient, error), start = self.batches.run(self._gradient, start, count)
            self.gradient += gradient
            loss = loss + error
            yield start / count
        self.losses.append(loss)

    def descend(self, rate: float) -> None:
        """One step of Adam."""
        self.steps += 1
        self.adam.climb(self.free, -self.gradient, rate)

    @torch.no_grad()
    def evaluate(self) -> LearnedReconstruction:
        """Reconstruct the held-out images with the decoder as it is."""
        decoder = Decoder(
            plan=self.plan,
            weights={**self._weights(self.free.clone()), **self.standard},
            reader=self.reader,
            settings=self.settings.as_code(),
            network=self.network,
            steps=self.steps,
        )
        found, start = [], 0
        while start < len(self.images):
            part, start = self.batches.run(lambda rows: decoder(self.images[rows]), start, len(self.images))
            found.append(part)
        found = torch.cat(found)
        if not bool(torch.isfinite(found).all()):
            raise XaiwidgetsError(
                f"The decoder gave a value that is not a finite number at step {self.steps}; lower the learning rate."
            )
        loss = torch.stack(self.losses).mean() if self.losses else self._first_loss(decoder)
        self.history.append((self.steps, loss, (found - self.images).square().mean()))
        self.losses = []
        steps, loss, held_out = zip(*self.history, strict=True)
        return LearnedReconstruction(
            images=found,
            image_error=image_error(found, self.images),
            mean_error=self.mean_error,
            loss=torch.stack(loss),
            held_out_error=torch.stack(held_out),
            history_steps=steps,
            decoder=decoder,
        )

    def _first_loss(self, decoder: Decoder) -> Tensor:
        images = self._read(torch.arange(len(self.train))[: self.batches.size])
        return (decoder(images) - images).square().mean()

    @torch.enable_grad()
    def _gradient(self, rows: slice) -> tuple[Tensor, Tensor]:
        images = self._read(self.rows[rows])
        features = standardised(self.reader(images), self.standard)
        free = self.free.detach().requires_grad_()
        found = self.plan.decode(self._weights(free), features)
        error = (found - images).square().flatten(1).mean(1).sum() / len(self.rows)
        (gradient,) = torch.autograd.grad(error, free)
        return gradient, error.detach()

    def _weights(self, free: Tensor) -> dict[str, Tensor]:
        sizes = [torch.Size(shape).numel() for shape in self.shapes.values()]
        return {
            name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), free.split(sizes), strict=True)
        }

    def _read(self, rows: Tensor) -> Tensor:
        return self.train.batch(rows).to(self.device, self.dtype)

    def _measured(self, order: Tensor) -> tuple[dict[str, Tensor], Float[Tensor, "channel height width"]]:
        """The mean and one over the deviation of each unit, over some training images and all positions; their mean."""
        few, many = _MEASURED
        count = min(many, max(few, _MEASURED_PIXELS // self.images[0, 0].numel()))
        rows, parts, start = order[:count], [], 0
        while start < len(rows):
            part, start = self.batches.run(lambda some: self._looked_at(rows[some]), start, len(rows))
            parts.append(part)
        features, sums = (torch.cat(found) for found in zip(*parts, strict=True))
        axes = (0, 2, 3) if features.dim() == 4 else (0,)  # noqa: PLR2004
        mean, deviation = features.mean(axes, keepdim=True)[0], features.std(axes, correction=0, keepdim=True)[0]
        # A unit that was silent may speak later, and rounding is no speech.
        floor = 0.01 * deviation.mean() + 1e-5 * mean.abs().max() + torch.finfo(features.dtype).tiny
        return {"mean": mean, "scale": 1 / deviation.clamp(min=floor)}, sums.sum(0) / len(rows)

    def _looked_at(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The features of some training images, and the sum of these."""
        images = self._read(rows)
        return self.reader(images), images.sum(0, keepdim=True)


def _trained_on(train: ImageSet | Tensor, model: ImageModel) -> ImageSet:
    """The training images; one of them is looked at, so that what the network cannot look at is refused."""
    images = as_image_set(train)
    accepted(images.batch([0]), model)
    return images
