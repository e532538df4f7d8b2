"""One run of gradient ascent: the images, what they are pushed by, and the step."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._adam import Adam
from xaiwidgets.methods._geometry import transforms as drawn
from xaiwidgets.methods._geometry.transforms import Transforms
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis import _objectives, _penalties
from xaiwidgets.methods.feature_analysis._draws import generators_for, same_unit
from xaiwidgets.methods.feature_analysis._from_settings import objective_of, parameterization_of
from xaiwidgets.methods.feature_analysis._redirect import RedirectedReLUs
from xaiwidgets.methods.feature_analysis._visualization import Visualization
from xaiwidgets.models import ImageModel, MicroBatches, Probe

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.activation_maximization import ActivationMaximization

DEAD_START = 16  # steps in which a wholly blocked gradient is redirected
BLUR_EVERY = 4
_CPU_PIXELS = 4 * 224 * 224  # of one micro-batch: more gains no speed on a CPU and makes a step too long to stop


class Ascent:
    """The state of one run: nothing of it but tensors lives across the steps."""

    def __init__(self, settings: "ActivationMaximization", model: ImageModel, images: Tensor | None) -> None:
        self.units = settings.units
        self.view = View(model, settings.size)
        self.probe = Probe(model, [settings.layer])
        self.layer = settings.layer
        self.objective = objective_of(settings, self.probe.layout_at(settings.layer, self.view.blank(model)))
        self.index = torch.tensor(self.units, device=model.device)
        self.generators = generators_for(settings.seed, self.units)
        self.parameterization = parameterization_of(settings, self.view, model, images)
        self.batches = MicroBatches(len(self.units) if model.device.type != "cpu" else _CPU_PIXELS // self.view.pixels)
        self.free = self.parameterization.start(self.generators).requires_grad_()
        self.adam = Adam(self.free)
        self.steps = 0
        self.alive = torch.zeros(len(self.units), dtype=torch.bool, device=model.device)
        self.same = same_unit(self.units).to(model.device, model.dtype)
        self.grams: Tensor | None = None
        self.transparency: Tensor | None = None
        self.history: list[tuple[int, Tensor]] = []
        self._decode()

    @property
    def value(self) -> Visualization:
        """The answer so far: the same object until something of it changes."""
        if self._value is None:
            self._value = self._new_value()
        return self._value

    def _new_value(self) -> Visualization:
        unknown = torch.full((len(self.units),), float("nan"), device=self.free.device, dtype=self.free.dtype)
        history = torch.stack([row for _, row in self.history]) if self.history else unknown[None, :][:0]
        return Visualization(
            units=self.units,
            images=self.images.detach(),
            objective=history[-1] if self.history else unknown,
            history=history,
            history_steps=tuple(step for step, _ in self.history),
            alive=self.alive.clone(),
            transparency=self.transparency,
        )

    def draw_transforms(self, settings: "ActivationMaximization") -> None:
        """Draw one transform for each image, before anything is computed, so that a batch can be tried again."""
        self.transforms = Transforms(settings.jitter, settings.rotate, settings.scale)
        self._moves = self.view.movable and not self.transforms.none
        self.matrices, self.margins = self.transforms.matrices(drawn.draw(self.generators), self.view.canvas)
        self.matrices = self.matrices.to(self.free)

    def gradients(self, settings: "ActivationMaximization") -> Iterator[float]:
        """Fill in ∂objective/∂image, one micro-batch at a time; yields the share that is done."""
        parts, grams, start = [], [], 0
        while start < len(self.units):
            (gradient, gram), start = self.batches.run(
                lambda rows: self._gradient(rows, settings), start, len(self.units)
            )
            parts.append(gradient)
            grams.append(gram)
            yield start / len(self.units)
        self.gradient = torch.cat(parts) if len(parts) > 1 else parts[0]
        self.grams = torch.cat(grams) if settings.diversity else None

    @torch.enable_grad()
    def climb(self, settings: "ActivationMaximization") -> None:
        """One step of Adam on the free numbers, along the objective's gradient less that of the penalties."""
        self.steps += 1
        self._note_gradient(settings)
        push, images = self.gradient, self.images.detach()
        if settings.total_variation:
            push = push.add_(_penalties.total_variation_gradient(images), alpha=-settings.total_variation)
        if settings.l2:
            push = push.add_(_penalties.l2_gradient(images), alpha=-settings.l2)
        (gradient,) = torch.autograd.grad(self.images, self.free, push)
        self.adam.climb(self.free, gradient, settings.learning_rate * self.parameterization.rate)
        if settings.blur and self.steps % BLUR_EVERY == 0:
            with torch.no_grad():
                self.free.copy_(self.parameterization.blur(self.free, settings.blur))
        self._decode()

    @torch.no_grad()
    def evaluate(self, step: int) -> None:
        """Note the objective of the images as they are, without transforms."""
        parts, start = [], 0
        while start < len(self.units):
            part, start = self.batches.run(self._objective_of_rows, start, len(self.units))
            parts.append(part)
        row = torch.cat(parts)
        if not bool(torch.isfinite(row).all()):
            bad = [unit for unit, good in zip(self.units, torch.isfinite(row).tolist(), strict=True) if not good]
            message = (
                f"Layer {self.layer!r} gave a value that is not a finite number for unit {bad[0]} at step {step}; "
                "check the weights and the normalisation, or lower the learning rate."
            )
            raise XaiwidgetsError(message)
        self.history.append((step, row))
        self._value = None

    def _objective_of_rows(self, rows: slice) -> Tensor:
        seen = self.view.network(self.images[rows].detach())
        return self.objective(self.probe.arranged(seen, self.layer), self.index[rows])

    def _gradient(self, rows: slice, settings: "ActivationMaximization") -> tuple[Tensor, Tensor | None]:
        gradient, gram = self._backward(rows, settings)
        if self.steps < DEAD_START and not bool(gradient.flatten(1).any(dim=1).all()):
            free = gradient.flatten(1).any(dim=1)[:, None, None, None]
            with RedirectedReLUs():
                redirected, _ = self._backward(rows, settings)
            gradient = torch.where(free, gradient, redirected)  # an image that is not blocked keeps its own
        return gradient, gram

    @torch.enable_grad()
    def _backward(self, rows: slice, settings: "ActivationMaximization") -> tuple[Tensor, Tensor | None]:
        images = self.images[rows].detach().requires_grad_()
        seen = self.view.moved(images, self.matrices[rows] if self._moves else None, self.margins)
        activation = self.probe.arranged(seen, self.layer)
        total, gram = self.objective(activation, self.index[rows]).sum(), None
        if settings.diversity:
            gram = _objectives.gram(activation)
            if self.grams is not None:
                total = total - settings.diversity * _objectives.likeness(gram, self.grams, self.same[rows]).sum()
        if not total.requires_grad:
            message = f"Layer {self.layer!r} does not depend on the image by a gradient; choose a layer that does."
            raise XaiwidgetsError(message)
        (gradient,) = torch.autograd.grad(total, images, allow_unused=True, materialize_grads=True)
        return gradient, None if gram is None else gram.detach()

    def _note_gradient(self, settings: "ActivationMaximization") -> None:
        """Which images have a gradient, while that is in doubt; MACO's transparency."""
        if self.steps <= DEAD_START:
            self.alive |= self.gradient.flatten(1).any(dim=1)
        if self.steps in {DEAD_START, settings.steps} and not bool(self.alive.any()):
            message = (
                f"Layer {self.layer!r} answers every image alike: no unit asked for has a gradient after "
                f"{self.steps} steps. Choose other units, or another layer."
            )
            raise XaiwidgetsError(message)
        if settings.parameterization == "maco":
            seen = self.gradient.abs()
            self.transparency = seen if self.transparency is None else self.transparency + seen

    @torch.enable_grad()
    def _decode(self) -> None:
        self.images = self.parameterization.decode(self.free)
        self._value: Visualization | None = None
