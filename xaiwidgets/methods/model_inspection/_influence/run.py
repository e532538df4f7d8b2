"""The run of influence functions on a head: fit, factor, and ever better effects."""

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from xaiwidgets.core import Step, XaiwidgetsError
from xaiwidgets.core.store import RESULTS
from xaiwidgets.methods.model_inspection._influence.conjugate import conjugate_gradients, refined
from xaiwidgets.methods.model_inspection._influence.exact import Inverse, hessian, in_double, invert, leave_each_out
from xaiwidgets.methods.model_inspection._influence.guess import blank
from xaiwidgets.methods.model_inspection._influence.head import Examples, Head
from xaiwidgets.methods.model_inspection._influence.inputs import Inputs
from xaiwidgets.methods.model_inspection._influence.newton import newton_cg
from xaiwidgets.methods.model_inspection._influence.problem import HeadProblem
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.tiers import EXACT, TOGETHER, tier_of

if TYPE_CHECKING:
    from xaiwidgets.methods.model_inspection.influence import InfluenceFunctions

T = TypeVar("T")

READ, FITTED, GUESSED, FACTORED, LEFT_OUT, TOTAL = 35.0, 45.0, 48.0, 72.0, 90.0, 100.0  # percent done after each stage
_LOOKED_AT = 24  # examples of each test row that are corrected where there is no inverse
_SLOW = 2e11  # multiplications for a Hessian beyond which better answers are wanted before it is there
_GUESSES = 10
_EXACT_ENOUGH = 1e-5  # residual of an exact inverse
_MOST = 2000  # products of conjugate gradients


def explain(settings: "InfluenceFunctions", inputs: Inputs, so_far: Influence) -> Iterator[Step[Influence]]:
    """Yield ever better effects for features that are read, beginning with the answer so far."""
    problem = HeadProblem(inputs.train.features, inputs.train.labels, inputs.classes, settings.damping)
    content = f"{settings.corrected} {problem.key} {_digest(inputs.start)}"
    known = RESULTS.get(f"head {EXACT} {content}") is not None
    tier = tier_of(settings, problem, len(inputs.test.labels), known=known)
    if so_far.tier:  # of another damping: none of its numbers is this one's
        so_far = blank(inputs, problem.damping)
    answer = replace(so_far, damping=problem.damping, tier=tier.name, reason=tier.reason, bytes=tier.bytes)
    key = f"head {tier.name} {content}"
    head: Head | None = RESULTS.get(key)
    if head is None:
        head, answer = yield from _make(settings, problem, inputs, answer)
        RESULTS.put(key, head, head.bytes)
    answer = _told(answer, inputs.test, head)
    yield from (_by_inverse if head.inverse is not None else _by_products)(settings, answer, head, inputs.test)


def _make(
    settings: "InfluenceFunctions", problem: HeadProblem, inputs: Inputs, answer: Influence
) -> Generator[Step[Influence], None, tuple[Head, Influence]]:
    """Fit and factor; returns the head, and the answer that was reached on the way."""
    for place, fit in enumerate(newton_cg(problem, inputs.start)):
        head = Head(problem, fit)
        answer = replace(_told(answer, inputs.test, head), stage="fitting the head")
        yield Step(answer, done=READ + (FITTED - READ) * (1 - 0.7**place), total=TOTAL)
    if answer.tier != EXACT:
        return head, answer
    slow = problem.rows * problem.size**2 > _SLOW
    gradients = inputs.test.gradients(head.theta)
    guesses = conjugate_gradients(lambda v, _which: head.product(v), gradients, tolerance=1e-6, most=_GUESSES)
    for place, guess in enumerate(islice(guesses, _GUESSES if slow else 1)):
        answer = replace(answer, effect=head.linear(guess.x).float(), stage=f"a guess from {place + 1} products")
        yield Step(answer, done=FITTED + (GUESSED - FITTED) * (place + 1) / _GUESSES, total=TOTAL)
    head = yield from _factored(head, answer)
    answer = replace(_told(answer, inputs.test, head), effect=head.linear(head.solve(gradients)).float())
    yield Step(replace(answer, stage="effects to first order"), done=FACTORED, total=TOTAL)
    if settings.corrected:
        leaving = leave_each_out(problem, head.fit, head.inverse)
        left_out = yield from _told_along(leaving, replace(answer, stage="leaving each out"), FACTORED, LEFT_OUT)
        head = replace(head, left_out=left_out)
    return head, answer


def _factored(head: Head, answer: Influence) -> Generator[Step[Influence], None, Head]:
    """The head with the inverse of its Hessian, whose products are in double where single precision does not do."""
    halfway = GUESSED + 0.7 * (FACTORED - GUESSED)
    for double in (in_double(head.problem), True):
        building = hessian(head.problem, head.fit.point.probabilities, double=double)
        H = yield from _told_along(building, replace(answer, stage="the Hessian"), GUESSED, halfway)
        try:
            inverse = yield from _told_along(invert(H), replace(answer, stage="its inverse"), halfway, FACTORED)
        except torch.linalg.LinAlgError:
            continue
        found = replace(head, inverse=inverse, residual=_residual(head, inverse))
        if double or found.residual <= _EXACT_ENOUGH:
            return found
    raise XaiwidgetsError(
        f"The Hessian has no inverse in double precision at damping={head.problem.damping:g}; raise the damping, or "
        "choose solver='cg'."
    )


def _told_along(
    work: Generator[float, None, T], answer: Influence, start: float, end: float
) -> Generator[Step[Influence], None, T]:
    """Do the work to its end, with the answer so far after each share of it; what the work returns."""
    while True:
        try:
            share = next(work)
        except StopIteration as stop:
            return stop.value
        yield Step(answer, done=start + share * (end - start), total=TOTAL)


def _by_inverse(
    settings: "InfluenceFunctions", answer: Influence, head: Head, test: Examples
) -> Iterator[Step[Influence]]:
    """The effects of all test rows to first order at once, then row by row corrected."""
    effect = head.linear(head.solve(test.gradients(head.theta))).float()
    answer = replace(answer, effect=effect, stage="to first order")
    rows = len(test.labels)
    if not settings.corrected:
        yield Step(answer, done=TOTAL, total=TOTAL)
        return
    corrected = torch.full_like(effect, torch.nan)
    for start in range(0, rows, TOGETHER):
        stop = min(start + TOGETHER, rows)
        corrected = corrected.clone()
        corrected[start:stop] = head.corrected(Examples(test.features[start:stop], test.labels[start:stop])).float()
        done = LEFT_OUT + (TOTAL - LEFT_OUT) * stop / rows
        stage = "corrected" if stop == rows else f"{stop} of {rows} test examples corrected"
        yield Step(replace(answer, corrected=corrected, stage=stage), done=done, total=TOTAL)


def _by_products(
    settings: "InfluenceFunctions", answer: Influence, head: Head, test: Examples
) -> Iterator[Step[Influence]]:
    """Conjugate gradients for a few test rows at a time; then the strongest examples of each are corrected."""
    gradients, rows, worst = test.gradients(head.theta), len(test.labels), 0.0
    effect, corrected = torch.full_like(answer.effect, torch.nan), torch.full_like(answer.effect, torch.nan)
    for start in range(0, rows, TOGETHER):
        stop = min(start + TOGETHER, rows)
        base = FITTED + (TOTAL - FITTED) * start / rows
        way, part = (TOTAL - FITTED) * (stop - start) / rows, gradients[start:stop]
        probabilities = head.fit.point.probabilities
        for count, solution in enumerate(
            refined(head.problem, probabilities, part, tolerance=settings.tolerance, most=_MOST)
        ):
            effect = effect.clone()
            effect[start:stop] = head.linear(solution.x).float()
            residual = max(worst, float(solution.residual.max()))
            answer = replace(answer, effect=effect, residual=residual, stage=f"{count + 1} products")
            yield Step(answer, done=base + 0.7 * way * (1 - 0.95**count), total=TOTAL)
        worst = residual
        for row in range(start, stop) if settings.corrected else ():
            strongest = effect[row].abs().argsort(descending=True, stable=True)[:_LOOKED_AT]
            for changes in head.corrected_for(test, row, strongest, settings.tolerance):
                corrected = corrected.clone()
                corrected[row, strongest] = changes.float()
                answer = replace(answer, corrected=corrected, stage="the strongest corrected")
                done = base + way * (0.7 + 0.3 * (row - start) / (stop - start))
                yield Step(answer, done=done, total=TOTAL)
    yield Step(answer, done=TOTAL, total=TOTAL)


def _told(answer: Influence, test: Examples, head: Head) -> Influence:
    """The answer with what the head alone says."""
    left_out = head.left_out
    return replace(
        answer,
        head=head,
        test=test,
        stationarity=head.fit.point.stationarity,
        residual=head.residual,
        train_loss=head.train_loss().float(),
        test_loss=test.loss(head.theta).float(),
        test_probabilities=(test.features.double() @ head.theta.T).softmax(1).float(),
        self_influence=answer.self_influence if left_out is None else left_out.own.float(),
        left_out_loss=answer.left_out_loss if left_out is None else left_out.loss.float(),
    )


def _residual(head: Head, inverse: Inverse) -> float:
    """|H H⁻¹b − b| / |b| for the gradient of the first training row, in double precision."""
    b = Examples(head.problem.features[:1], head.problem.labels[:1]).gradients(head.theta)
    return float((head.product(inverse.times(b)) - b).norm() / b.norm())


def _digest(tensor: Tensor) -> str:
    return hashlib.blake2b(tensor.cpu().contiguous().numpy().tobytes(), digest_size=8).hexdigest()
