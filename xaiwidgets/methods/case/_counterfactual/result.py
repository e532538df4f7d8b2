"""The counterfactuals that were found, and what was tried."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

NEAREST, SIGN = 0, 1
"""The places of what counterfactuals are compared with: the nearest real example, and a step along the sign."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterfactuals:
    """For each start the nearest x′ that is answered with the target, or where there is none how near one came.

    ``valid`` says which of the two it is; ``probability`` is the target's at x′, ``advantage`` its logit less the
    highest other one, above 0 where it is the prediction. ``distance`` is Σ |x_k − x′_k| / MAD_k, in median absolute
    deviations of what is moved; ``changed`` counts the features that differ. ``plausibility`` tells whether x′ looks
    like an example of the target: of the training examples that are answered with it, the share that lie, each held
    out, at least as far from their nearest others as x′ does, in the features of the layer. 0.5 is usual, 0 is farther
    than every real one; ``remoteness`` is that distance over the real ones' median. Where fewer than 10 training
    examples are answered with the target, all are compared with.

    The same is known of the ``query`` (with ``query_``) and, with ``other_``, of two examples to compare with: the
    nearest training example that is answered with the target (`NEAREST`, the row ``nearest``, −1 for none: then it is
    the query), and the shortest step along the sign of the gradient, an adversarial perturbation (`SIGN`).

    ``history`` has for each step and start λ, the target's probability, the distance and the advantage;
    ``history_steps`` the step of each row. ``lambdas`` are those that were tried with the best start, in their order.
    ``stage`` says how far the search is; ``scale`` holds the MADs, floored. What is not known yet is NaN.
    """

    query: Float[Tensor, "*shape"]
    counterfactuals: Float[Tensor, "start *shape"]
    valid: Bool[Tensor, "start"]
    probability: Float[Tensor, "start"]
    advantage: Float[Tensor, "start"]
    distance: Float[Tensor, "start"]
    changed: Int[Tensor, "start"]
    plausibility: Float[Tensor, "start"]
    remoteness: Float[Tensor, "start"]
    best: int
    target: int
    prediction: int
    query_probabilities: Float[Tensor, "class"]
    query_plausibility: float
    others: Float[Tensor, "other *shape"]
    other_valid: Bool[Tensor, "other"]
    other_probability: Float[Tensor, "other"]
    other_distance: Float[Tensor, "other"]
    other_changed: Int[Tensor, "other"]
    other_plausibility: Float[Tensor, "other"]
    other_remoteness: Float[Tensor, "other"]
    nearest: int
    scale: Float[Tensor, "*shape"]
    history: Float[Tensor, "point start 4"]
    history_steps: tuple[int, ...]
    lambdas: tuple[float, ...]
    stage: str

    @property
    def found(self) -> bool:
        """Whether any start has reached the target."""
        return bool(self.valid.any())

    @property
    def already(self) -> bool:
        """Whether the query has the target to begin with, so that nothing was to change."""
        return self.prediction == self.target

    @property
    def counterfactual(self) -> Float[Tensor, "*shape"]:
        """x′ of the best start: the nearest valid one, else the one of the highest advantage."""
        return self.counterfactuals[self.best]

    @property
    def tried(self) -> str:
        """What was tried, in words."""
        if self.already:
            return "nothing: the query is answered with the target already"
        span = (
            f", {len(self.lambdas)} λ from {min(self.lambdas):.3g} to {max(self.lambdas):.3g}" if self.lambdas else ""
        )
        steps = self.history_steps[-1] if self.history_steps else 0
        return f"{len(self.valid)} starts, {steps} steps{span}"
