"""Adam, uphill (Kingma and Ba 2015, algorithm 1).

`torch.optim` would do it too, but making its first optimiser imports torch's compiler: a second before the first
picture.
"""

import math

import torch
from torch import Tensor

_MEMORY = (0.9, 0.999)  # β₁ and β₂, as the paper has them
_EPSILON = 1e-8


class Adam:
    """The two moments of a gradient, and the steps taken; ``memory`` is how much of each moment a step keeps."""

    def __init__(self, free: Tensor, memory: tuple[float, float] = _MEMORY) -> None:
        self.beta_1, self.beta_2 = memory
        self.mean, self.square = torch.zeros_like(free), torch.zeros_like(free)
        self.steps = 0

    @torch.no_grad()
    def climb(self, free: Tensor, gradient: Tensor, rate: float) -> None:
        """Move the free numbers one step along the gradient, in place."""
        self.steps += 1
        self.mean.lerp_(gradient, 1 - self.beta_1)
        self.square.mul_(self.beta_2).addcmul_(gradient, gradient, value=1 - self.beta_2)
        scale = self.square.sqrt().div_(math.sqrt(1 - self.beta_2**self.steps)).add_(_EPSILON)
        free.addcdiv_(self.mean, scale, value=rate / (1 - self.beta_1**self.steps))
