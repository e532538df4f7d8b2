"""Both rules of guiding a gradient, their pictures alone, and random numbers."""

import pytest
import torch

from xaiwidgets.methods import Deconvolution, GuidedBackprop

BOTH = pytest.mark.parametrize("kind", [GuidedBackprop, Deconvolution])


def shown(method, model, images):
    """The pictures, without the rest."""
    return next(method.replace(stages=0)(model, images)).value


def weights(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
