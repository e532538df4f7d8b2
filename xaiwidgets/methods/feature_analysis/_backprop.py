"""Backpropagation with another rule at the rectifiers: what deconvolution and guided backpropagation share."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import InvalidSettingError, Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._patterns import Patterns
from xaiwidgets.methods.feature_analysis._randomization import Randomization, correlation, ranks, scattered
from xaiwidgets.methods.feature_analysis._rectifiers import Rule
from xaiwidgets.methods.feature_analysis._unit_gradient import UnitGradient
from xaiwidgets.models import ImageModel, MicroBatches, Probe, as_image_model

_CPU_PIXELS = 224 * 224  # of one micro-batch, which goes forward and back twice
_GPU_IMAGES = 32


@dataclass(frozen=True, eq=False)
class RectifierBackprop(Method):
    """The settings that both have, and the run."""

    rule: ClassVar[Rule]

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    units: tuple[int, ...] = setting(low=0, help="units to explain, each in each image", hidden=True)
    _: KW_ONLY
    target: str = setting(
        "peak",
        choices=("peak", "neuron", "mean", "sum"),
        help=(
            "peak: the unit where it is strongest in the image; neuron: at one position; mean, sum: over all positions"
        ),
    )
    row: int | None = setting(None, low=0, hidden=True, help="row of the neuron; None is the middle")
    column: int | None = setting(None, low=0, hidden=True, help="column of the neuron; None is the middle")
    stages: int = setting(
        8,
        low=0,
        high=32,
        label="Random stages",
        help="stages in which the weights are made random, from the layer down to the image; 0 for no check",
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the random weights")

    def __post_init__(self) -> None:
        """Refuse to explain no unit."""
        super().__post_init__()
        if not self.units:
            raise InvalidSettingError("units=() was given; name at least one unit, as in units=[3, 20, 41].")

    def __call__(
        self, model: ImageModel | nn.Module, images: ImageSet | Float[Tensor, "image channel height width"]
    ) -> Steps[Patterns]:
        """Yield the patterns, then what is left of them after each stage of the randomisation."""
        run = _Run(self, as_image_model(model), images)
        total = 1 + len(run.stages)
        for stage in range(total):
            probe = run.probe_at(stage)
            start = 0
            while start < run.pairs:
                start = run.advance(probe, stage, start)
                if start < run.pairs:
                    yield Step(run.value, done=stage + start / run.pairs, total=total)
            run.finish(stage)
            yield Step(run.value, done=stage + 1, total=total)


class _Run:
    """One run: a pair of an image and a unit is a row, and nothing but tensors lives across the steps."""

    def __init__(self, settings: RectifierBackprop, model: ImageModel, images: ImageSet | Tensor) -> None:
        self.model, self.layer, self.rule = model, settings.layer, settings.rule
        self.gradient = UnitGradient(settings, model, images)
        self.random = Randomization(model, settings.layer, settings.stages, settings.seed)
        self.stages, self.pairs = self.random.stages, self.gradient.pairs
        images = self.gradient.images
        self.batches = MicroBatches(_CPU_PIXELS // images[0, 0].numel() if model.device.type == "cpu" else _GPU_IMAGES)
        self.pictures = images.new_full((2, self.pairs, *images.shape[1:]), torch.nan)  # by the rule; the derivative
        self.activation = images.new_full((self.pairs,), torch.nan)
        self.position = torch.zeros(self.pairs, dtype=torch.long, device=model.device)
        self.similarity = images.new_full((2, len(self.stages)), torch.nan)
        self.ranks: list[tuple[Tensor, Tensor]] = []
        self.likeness: list[tuple[float, float]] = []
        self.chances: list[tuple[float, float]] = []
        self.chance = images.new_full((2,), torch.nan)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self._value: Patterns | None = None

    def probe_at(self, stage: int) -> Probe:
        """The reader of the network as it is at stage 0, then with random weights."""
        network = self.random.network_at(stage - 1) if stage else None
        return Probe(self.model, [self.layer], network=network)

    def advance(self, probe: Probe, stage: int, start: int) -> int:
        """Explain the next pairs: first to show them, then to compare with what was shown; returns where they end."""
        (pictures, activation, position), stop = self.batches.run(
            lambda rows: self._explain(probe, rows, None if stage == 0 else self.position[rows]), start, self.pairs
        )
        if stage == 0:
            self.pictures[:, start:stop] = pictures
            self.activation[start:stop], self.position[start:stop] = activation, position
            self._value = None
        for pair in range(start, stop):
            both = tuple(ranks(picture[self._box(pair)].abs().flatten()) for picture in pictures[:, pair - start])
            if stage == 0:
                self.ranks.append(both)
                self.chances.append(self._chance(pictures[:, pair - start], pair))
            else:
                self.likeness.append(tuple(map(correlation, self.ranks[pair], both)))
        return stop

    def finish(self, stage: int) -> None:
        """Note the mean likeness of a stage, or by chance."""
        if stage == 0:
            self.chance = torch.tensor(self.chances).nanmean(0).to(self.similarity)
            self._value = None
        if stage:
            self.similarity[:, stage - 1] = torch.tensor(self.likeness).nanmean(0).to(self.similarity)
            self.likeness, self._value = [], None

    @property
    def value(self) -> Patterns:
        """The answer so far: the same object until something of it changes."""
        if self._value is None:
            patterns, gradient = self.pictures.clone().unflatten(1, self.gradient.shape)
            self._value = Patterns(
                units=self.gradient.units,
                patterns=patterns,
                gradient=gradient,
                activation=self.activation.clone().view(self.gradient.shape),
                position=self.gradient.places(self.position).view(*self.gradient.shape, 2),
                similarity=self.similarity.clone(),
                chance=self.chance,
                stages=self.stages,
            )
        return self._value

    def _explain(self, probe: Probe, rows: slice, position: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        plain, activation, position = self.gradient(probe, rows, position)
        return torch.stack([self.gradient(probe, rows, position, self.rule)[0], plain]), activation, position

    def _chance(self, pictures: Tensor, pair: int) -> tuple[float, float]:
        """How alike each picture is to itself without its detail."""
        cut = [picture[self._box(pair)].abs() for picture in pictures]
        return tuple(
            correlation(first, ranks(scattered(picture, self.generator).flatten()))
            for first, picture in zip(self.ranks[pair], cut, strict=True)
        )

    def _box(self, pair: int) -> tuple[slice, ...]:
        """The box of pixels that reach the unit: all around it is zero in every picture and would seem alike."""
        reached = self.pictures[:, pair].ne(0).flatten(0, 1).any(0)
        sides = [reached.any(1).nonzero(), reached.any(0).nonzero()]
        return (slice(None), *(slice(int(s[0]), int(s[-1]) + 1) if len(s) else slice(0) for s in sides))
