"""Rows of features, linear functions of them, and counterfactuals of a row."""

import torch

from xaiwidgets.core import last
from xaiwidgets.methods import Counterfactual


def table(seed, features=None):
    """Rows of very different spreads, and one to explain."""
    draw = torch.Generator().manual_seed(seed)
    features = features or int(torch.randint(2, 40, (1,), generator=draw))
    rows = torch.randn(80, features, generator=draw).double()
    return rows * torch.rand(features, generator=draw).double().exp() ** 3, draw


def linear(draw, classes, features):
    W = torch.randn(classes, features, generator=draw).double()
    b = torch.randn(classes, generator=draw).double()
    return W, b, lambda rows: rows @ W.T + b


def explained(function, rows, query=None, **settings):
    labels = torch.zeros(len(rows), dtype=torch.int64)
    return last(Counterfactual(**settings)(function, (rows, labels), rows[0] if query is None else query))
