"""The step of the search: the smallest change of which the linearised network says that it is best."""

import torch
from jaxtyping import Float
from torch import Tensor

_TINY = 1e-30
_HALVINGS = 60  # of an interval: to the last bit of a double


def proximal_l1(
    u: Float[Tensor, "start feature"],
    slope: Float[Tensor, "start feature"],
    gap: Float[Tensor, "start"],
    weight: Float[Tensor, "start"],
    low: Float[Tensor, "start feature"],
    high: Float[Tensor, "start feature"],
) -> Float[Tensor, "start feature"]:
    """The exact minimiser over v in [low, high] of Σ|v_k| + λ (slope·(v − u) − gap)².

    ``gap`` is y′ − f(u), ``weight`` is λ. Beginning at the cheapest v, features are moved one after the other, the
    steepest first, each as far as it goes; the last one as far as it pays, which is where 2 λ |slope_k| times what is
    left of the gap is 1.
    """
    cheapest = torch.zeros_like(u).clamp(low, high)
    left = gap - (slope * (cheapest - u)).sum(1)
    direction = slope.sign() * left.sign()[:, None]
    room = torch.where(direction > 0, high - cheapest, cheapest - low) * (direction != 0)
    order = slope.abs().argsort(dim=1, descending=True, stable=True)
    steep, room = slope.abs().gather(1, order).clamp(min=_TINY), room.gather(1, order)
    gained = steep * room
    before = gained.cumsum(1) - gained
    pays = (left.abs()[:, None] - before - 1 / (2 * weight[:, None] * steep)) / steep
    moved = pays.clamp(min=0).minimum(room)
    return cheapest + direction * torch.zeros_like(u).scatter(1, order, moved)


def proximal_l2(
    u: Float[Tensor, "start feature"],
    slope: Float[Tensor, "start feature"],
    gap: Float[Tensor, "start"],
    weight: Float[Tensor, "start"],
    low: Float[Tensor, "start feature"],
    high: Float[Tensor, "start feature"],
) -> Float[Tensor, "start feature"]:
    """The minimiser over v in [low, high] of Σ v_k² + λ (slope·(v − u) − gap)².

    It is v = t · slope, clipped, with t = λ (gap − slope·(v − u)): one number for each start, found by halving.
    """
    whole = gap + (slope * u).sum(1)
    reach = (weight * (whole.abs() + (slope.abs() * low.abs().maximum(high.abs())).sum(1))).clamp(min=_TINY)
    least, most = -reach, reach
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        v = (middle[:, None] * slope).clamp(low, high)
        above = middle > weight * (whole - (slope * v).sum(1))
        least, most = torch.where(above, least, middle), torch.where(above, middle, most)
    return (((least + most) / 2)[:, None] * slope).clamp(low, high)


PROXIMAL = {"mad_l1": proximal_l1, "mad_l2": proximal_l2}
"""The step for each distance."""


def cost_of(u: Float[Tensor, "start feature"], distance: str) -> Float[Tensor, "start"]:
    """The distance that the step minimises."""
    return u.abs().sum(1) if distance == "mad_l1" else u.square().sum(1)
