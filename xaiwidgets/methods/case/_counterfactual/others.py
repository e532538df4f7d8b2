"""What a counterfactual is compared with: the nearest real example, and a step along the gradient's sign."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xaiwidgets.methods.case._counterfactual.answers import Answers
from xaiwidgets.methods.case._counterfactual.coordinates import Coordinates
from xaiwidgets.methods.case._counterfactual.search import advantage_of

_AT_ONCE = 1 << 22
_LENGTHS = 16


def nearest_real(at: Coordinates, rows: Float[Tensor, "row feature"], reached: Bool[Tensor, "row"]) -> int:
    """The row that is nearest to the query among those that are answered with the target, −1 for none."""
    step = max(1, _AT_ONCE // rows.shape[1])
    apart = torch.cat([at.measure(rows[start : start + step]) for start in range(0, len(rows), step)])
    place = int(apart.masked_fill(~reached, torch.inf).argmin())
    return place if bool(reached[place]) else -1


def sign_steps(
    answers: Answers, query: Tensor, bounds: tuple[Tensor, Tensor], free: Tensor, target: int
) -> Float[Tensor, "length feature"]:
    """The query moved along the sign of ∂f/∂x by 1/255 to all of each feature's range, kept within it."""
    with torch.enable_grad():
        place = query[None].detach().clone().requires_grad_()
        f = advantage_of(answers(place)[0], target).sum()
        gradient = torch.zeros_like(place)
        if f.requires_grad:
            (gradient,) = torch.autograd.grad(f, place, allow_unused=True, materialize_grads=True)
    low, high = bounds
    lengths = torch.logspace(0, 1, _LENGTHS, 255.0, dtype=torch.float64).to(query) / 255
    return (query + lengths[:, None] * (gradient.sign() * free * (high - low))).clamp(low, high)
