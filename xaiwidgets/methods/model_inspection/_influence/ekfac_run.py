"""The run of EK-FAC: factors, eigenvectors, eigenvalues, test gradients, training gradients."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from xaiwidgets.core import Step
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._influence.coverage import Coverage
from xaiwidgets.methods.model_inspection._influence.kronecker import Eigenbasis, SecondMoments
from xaiwidgets.methods.model_inspection._influence.layer_gradients import Block, LayerGradients, Pass
from xaiwidgets.methods.model_inspection._influence.whole_network import WholeNetwork
from xaiwidgets.models import ImageModel, MicroBatches

FACTORED, TURNED, SCALED, TESTED, TOTAL = 30.0, 40.0, 65.0, 70.0, 100.0  # percent done after each stage
_LARGEST = 1 << 26  # numbers that one layer may take for the images of a batch

T = TypeVar("T")
Steps = Generator[Step[WholeNetwork], None, T]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A set of images with the labels whose loss counts."""

    images: ImageSet
    labels: Int[Tensor, "image"]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)


def blank(model: ImageModel, coverage: Coverage, train: int, test: int, size: int) -> WholeNetwork:
    """The answer before anything is known."""

    def missing(*shape: int) -> Tensor:
        return torch.full(shape, torch.nan, device=model.device, dtype=model.dtype)

    return WholeNetwork(
        effect=missing(test, train),
        self_influence=missing(train),
        train_loss=missing(train),
        test_loss=missing(test),
        covered=coverage.covered,
        uncovered=coverage.uncovered,
        bytes=size,
        stage="curvature of the layers",
    )


class Run:
    """The state of a run; ``value`` is the answer so far."""

    def __init__(
        self,
        gradients: LayerGradients,
        blocks: tuple[Block, ...],
        train: Labelled,
        test: Labelled,
        value: WholeNetwork,
        *,
        damping: float,
        seed: int,
        batch: int,
    ) -> None:
        self.gradients, self.blocks, self.train, self.test, self.value = gradients, blocks, train, test, value
        self.damping, self.dtype = damping, gradients.model.dtype
        self.weights = {block.weight for block in blocks}
        draws = torch.rand(len(train), 1, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
        self.draws = draws.to(gradients.model.device)
        numbers = max(max(block.size * (block.positions > 1), block.positions * block.inputs) for block in blocks)
        self.batches = MicroBatches(min(batch, _LARGEST // numbers))

    def steps(self) -> Iterator[Step[WholeNetwork]]:
        """Go through all stages."""
        yield Step(self.value, done=0.0, total=TOTAL)
        moments = yield from self._second_moments()
        bases = yield from self._eigenbases(moments)
        inverses = yield from self._inverses(bases)
        solutions = yield from self._test_solutions(bases, inverses)
        yield from self._effects(bases, inverses, solutions)

    def _second_moments(self) -> Steps[list[SecondMoments]]:
        """A and S of every block; the training losses come along."""

        def read(rows: slice) -> tuple[list[SecondMoments], Tensor]:
            seen = self._through(self.train, rows, drawn=True)
            return [SecondMoments.of(seen.factors(block)) for block in self.blocks], seen.losses(
                self.train.labels[rows]
            )

        total = None
        for rows, (new, losses) in self._batches(read, len(self.train)):
            total = new if total is None else [one.plus(other) for one, other in zip(total, new, strict=True)]
            known = _with(self.value.train_loss, rows, losses)
            yield self._step("curvature of the layers", 0.0, FACTORED, rows.stop / len(self.train), train_loss=known)
        return total

    def _eigenbases(self, moments: list[SecondMoments]) -> Steps[list[Eigenbasis]]:
        bases: list[Eigenbasis] = []
        for moment in moments:
            bases.append(Eigenbasis.of(moment, self.dtype))
            yield self._step("eigenvectors of the layers", FACTORED, TURNED, len(bases) / len(moments))
        return bases

    def _inverses(self, bases: list[Eigenbasis]) -> Steps[list[Tensor]]:
        """1 / (Λ + λ) of every block, with Λ the mean squares of the turned gradients."""

        def read(rows: slice) -> list[Tensor]:
            seen = self._through(self.train, rows, drawn=True)
            pairs = zip(self.blocks, bases, strict=True)
            return [basis.rotated(seen.factors(block)).squares().double() for block, basis in pairs]

        total = None
        for rows, new in self._batches(read, len(self.train)):
            total = new if total is None else [one + other for one, other in zip(total, new, strict=True)]
            yield self._step("eigenvalues", TURNED, SCALED, rows.stop / len(self.train))
        return [(1 / (squares / len(self.train) + self.damping)).to(self.dtype) for squares in total]

    def _test_solutions(self, bases: list[Eigenbasis], inverses: list[Tensor]) -> Steps[list[Tensor]]:
        """(G + λI)⁻¹ g_t of every block, in its eigenbasis; the test losses come along."""

        def read(rows: slice) -> tuple[list[Tensor], Tensor]:
            seen = self._through(self.test, rows, drawn=False)
            parts = zip(self.blocks, bases, inverses, strict=True)
            solved = [basis.rotated(seen.factors(block)).dense() * inverse for block, basis, inverse in parts]
            return solved, seen.losses(self.test.labels[rows])

        solutions = [inverse.new_empty(len(self.test), *inverse.shape) for inverse in inverses]
        for rows, (new, losses) in self._batches(read, len(self.test)):
            for solution, part in zip(solutions, new, strict=True):
                solution[rows] = part
            known = _with(self.value.test_loss, rows, losses)
            yield self._step("test gradients", SCALED, TESTED, rows.stop / len(self.test), test_loss=known)
        return solutions

    def _effects(
        self, bases: list[Eigenbasis], inverses: list[Tensor], solutions: list[Tensor]
    ) -> Iterator[Step[WholeNetwork]]:
        """The inner products of each training gradient with the test solutions, layer by layer."""

        def read(rows: slice) -> tuple[Tensor, Tensor]:
            seen, effect, own = self._through(self.train, rows, drawn=False), 0, 0
            for block, basis, inverse, solution in zip(self.blocks, bases, inverses, solutions, strict=True):
                turned = basis.rotated(seen.factors(block))
                effect, own = effect + turned.products(solution), own + turned.norms(inverse)
            return effect / len(self.train), own / len(self.train)

        for rows, (new, new_own) in self._batches(read, len(self.train)):
            effect = _with(self.value.effect.T, rows, new.T).T
            own = _with(self.value.self_influence, rows, new_own)
            share = rows.stop / len(self.train)
            yield self._step("training gradients", TESTED, TOTAL, share, effect=effect, self_influence=own)

    def _through(self, given: Labelled, rows: slice, *, drawn: bool) -> Pass:
        """A batch with its own labels, or with labels drawn from the network's predictions."""

        def labelling(outputs: Tensor) -> Tensor:
            if not drawn:
                return given.labels[rows]
            above = outputs.double().softmax(1).cumsum(1) < self.draws[rows]
            return above.sum(1).clamp_max(outputs.shape[1] - 1)

        return self.gradients(given.images.batch(range(rows.start, rows.stop)), labelling, self.weights)

    def _batches(self, read: Callable[[slice], T], count: int) -> Iterator[tuple[slice, T]]:
        start = 0
        while start < count:
            read_rows, stop = self.batches.run(read, start, count)
            yield slice(start, stop), read_rows
            start = stop

    def _step(self, stage: str, begin: float, end: float, share: float, **known: Tensor) -> Step[WholeNetwork]:
        self.value = replace(self.value, stage=stage, **known)
        return Step(self.value, done=begin + (end - begin) * share, total=TOTAL)


def _with(rows: Tensor, at: slice, new: Tensor) -> Tensor:
    """A copy with some rows known."""
    rows = rows.clone()
    rows[at] = new
    return rows
