"""Help for units that start dead: a gradient that a ReLU blocks wholly is let through for a while."""

from typing import Any

import torch
from torch import Tensor

from xaiwidgets.methods.feature_analysis._rectifiers import Rectified, Rectifiers


class _Redirected(Rectified):
    """A rectifier whose gradient passes where it would push a blocked input back into range."""

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors
        plain = gradient * ((values > 0) & (values < context.high))
        helps = ((values <= 0) & (gradient > 0)) | ((values >= context.high) & (gradient < 0))
        redirected = torch.where(helps, gradient, plain)
        blocked = ~plain.flatten(1).any(dim=1)
        return torch.where(blocked.view(-1, *[1] * (plain.dim() - 1)), redirected, plain), None


class RedirectedReLUs(Rectifiers):
    """While active, rectifiers let a gradient of *ascent* through where they would stop all of an image's (Lucid)."""

    def __init__(self) -> None:
        super().__init__(_Redirected)
