"""One run of caricature: images on their way up along what the layer saw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._geometry import transforms as drawn
from xaiwidgets.methods._geometry.transforms import Transforms
from xaiwidgets.methods.feature_analysis import _penalties
from xaiwidgets.methods.feature_analysis._drawing import Drawing, encoded, noise, noted, parameterization_for
from xaiwidgets.methods.feature_analysis._draws import generators_for
from xaiwidgets.models import ImageModel

if TYPE_CHECKING:
    from xaiwidgets.methods.feature_analysis.caricature import Caricature

MEMORY = (0.9, 0.999)
_FLOOR = 0.1  # of the cosine, as Lucid has it: an activation that points away keeps a gradient
_SMALL = 1e-8


@dataclass(frozen=True, kw_only=True, eq=False)
class Exaggeration:
    """Images in which a layer finds more of what it found in the given ones.

    ``images`` lie in [0, 1], one for each given image. ``similarity`` is the cosine between the layer's activations of
    the two, all positions together: 1 means the same up to strength. ``strength`` is the component of the one along
    the other, as a multiple of it: 1 for the image itself, more for a caricature. ``objective`` is what was maximised,
    without transforms and prior, in units of the given image: 1 for the image itself. ``history`` holds the objective
    and ``similarity_history`` the similarity after so many steps as ``history_steps`` says. While it runs the numbers
    are those of the last of these steps, and ``images`` are the newest; they belong together at a run's own end.
    """

    images: Float[Tensor, "image channel height width"]
    similarity: Float[Tensor, "image"]
    strength: Float[Tensor, "image"]
    objective: Float[Tensor, "image"]
    history: Float[Tensor, "point image"]
    similarity_history: Float[Tensor, "point image"]
    history_steps: tuple[int, ...]


Activation = Float[Tensor, "image unit position"]


def likeness(drawn: Activation, given: Activation, power: float) -> Float[Tensor, "image"]:
    """Σ dot · max(0.1, cos)^power over positions, over the given image's own Σ dot: 1 where both are the same."""
    dot, square = (drawn * given).sum(1), given.square().sum(1)
    cosine = dot / (drawn.norm(dim=1) * square.sqrt()).clamp(min=_SMALL)
    return (dot * cosine.clamp(min=_FLOOR) ** power).sum(1) / square.sum(1)


class Exaggerating(Drawing):
    """The state of one run."""

    def __init__(self, settings: "Caricature", model: ImageModel, given: Tensor) -> None:
        super().__init__(model, settings.layer, given)
        self.layout = self.probe.layout_at(settings.layer, self.view.blank(model))
        self.generators = generators_for(settings.seed, [0])
        parameterization = parameterization_for(settings.parameterization, settings.colors, given)
        free = (
            encoded(parameterization, given)
            if settings.start == "image"
            else noise(parameterization, self.generators, len(given))
        )
        self.begin(parameterization, free, MEMORY)
        self.shown, self.step = self.images.detach(), 0
        self.found = given.new_full((3, len(given)), float("nan"))  # objective, similarity, strength
        self.history: list[tuple[int, Tensor]] = []

    @property
    def value(self) -> Exaggeration:
        """The answer so far: the same object until it is looked at again."""
        if self._value is None:
            objective, similarity, strength = self.found
            history = torch.stack([row for _, row in self.history], 1) if self.history else self.found[:, None][:, :0]
            self._value = Exaggeration(
                images=self.shown,
                similarity=similarity,
                strength=strength,
                objective=objective,
                history=history[0],
                similarity_history=history[1],
                history_steps=tuple(step for step, _ in self.history),
            )
        return self._value

    def evaluate(self, settings: "Caricature") -> Iterator[float]:
        """Note what the layer makes of the images as they are, without transforms; yields the share that is done."""
        found: list[Tensor] = []
        yield from self.over_rows(lambda rows: self._evaluate(rows, settings), len(self.given), found)
        self.found, self.shown, self._value = torch.cat(found, 1), self.images.detach(), None
        self.refuse_unfinite(self.found, self.step)
        self.history.append((self.step, self.found))

    def draw_transforms(self, settings: "Caricature") -> None:
        """Draw one transform for all images and what is drawn of them: the same in any batch."""
        transforms = Transforms(settings.jitter, settings.rotate, settings.scale)
        self._moves = self.view.movable and not transforms.none
        matrices, self.margins = transforms.matrices(drawn.draw(self.generators), self.view.canvas)
        self.matrices = matrices.to(self.free).expand(len(self.given), -1, -1)

    def gradients(self, settings: "Caricature") -> Iterator[float]:
        """Fill in ∂objective/∂image, one micro-batch at a time; yields the share that is done."""
        found: list[Tensor] = []
        yield from self.over_rows(lambda rows: self._gradient(rows, settings), len(self.given), found)
        self.push = torch.cat(found)
        if self.step == 0:
            self.refuse_blocked(self.push)

    def ascend(self, settings: "Caricature") -> None:
        """One step of Adam along the objective's gradient less that of the prior."""
        if settings.total_variation:
            images = self.images.detach()
            slope = _penalties.total_variation_gradient(images)
            self.push.add_(slope, alpha=-settings.total_variation / images[0].numel())
        self.climb(self.push, settings.learning_rate)
        self.step += 1
        if not noted(self.step, settings.steps):
            self.shown, self._value = self.images.detach(), None

    @torch.enable_grad()
    def _gradient(self, rows: slice, settings: "Caricature") -> Tensor:
        matrices = self.matrices[rows] if self._moves else None
        with torch.no_grad():
            given = self._activation(self.view.moved(self.given[rows], matrices, self.margins))
        images = self.images[rows].detach().requires_grad_()
        drawn = self._activation(self.view.moved(images, matrices, self.margins))
        return self.gradient(likeness(drawn, given, settings.power).sum(), images)

    @torch.no_grad()
    def _evaluate(self, rows: slice, settings: "Caricature") -> Float[Tensor, "3 row"]:
        given, drawn = (self._activation(self.view.network(images[rows])) for images in (self.given, self.images))
        square = given.square().sum((1, 2))
        if bool((square == 0).any()):
            message = (
                f"Layer {self.layer!r} answers image {rows.start + int((square == 0).nonzero()[0])} with zeros alone, "
                "so that there is nothing to exaggerate. Choose another layer, or leave the image out."
            )
            raise XaiwidgetsError(message)
        dot, length = (drawn * given).sum((1, 2)), drawn.square().sum((1, 2)).sqrt()
        cosine = dot / (square.sqrt() * length).clamp(min=_SMALL)
        return torch.stack([likeness(drawn, given, settings.power), cosine, dot / square])

    def _activation(self, seen: Tensor) -> Activation:
        return self.layout.arrange(self.probe(seen)[self.layer])

    _value: Exaggeration | None = None
