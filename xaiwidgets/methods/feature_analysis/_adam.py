"""Adam, uphill (Kingma and Ba 2015, algorithm 1).

`torch.optim` would do it too, but making its first optimiser imports torch's compiler: a second before the first
picture.
"""

import math

import torch
from torch import Tensor

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """The two moments of a gradient, and the steps taken."""

    def __init__(self, free: Tensor) -> None:
        self.mean, self.square = torch.zeros_like(free), torch.zeros_like(free)
        self.steps = 0

    @torch.no_grad()
    def climb(self, free: Tensor, gradient: Tensor, rate: float) -> None:
        """Move the free numbers one step along the gradient, in place."""
        self.steps += 1
        self.mean.lerp_(gradient, 1 - _BETA_1)
        self.square.mul_(_BETA_2).addcmul_(gradient, gradient, value=1 - _BETA_2)
        scale = self.square.sqrt().div_(math.sqrt(1 - _BETA_2**self.steps)).add_(_EPSILON)
        free.addcdiv_(self.mean, scale, value=rate / (1 - _BETA_1**self.steps))
