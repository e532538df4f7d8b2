"""What single positions of a layer can depend on, read from the gradient of the positive network."""

import torch
from torch import Tensor

from xaiwidgets.methods._geometry.positive import Positive
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.models import Probe
from xaiwidgets.models.layout import layout_of

Span = tuple[int, int]
Spans = dict[int, Span]


class Fields:
    """One forward pass of the positive network; one backward pass for each position that is asked for."""

    def __init__(self, probe: Probe, layer: str, size: tuple[int, int]) -> None:
        model, view = probe.model, View(probe.model, None)
        # Double precision: 50 layers deep, what reaches the edge of a field has a weight of 1e-24.
        self.images = torch.ones(1, view.channels, *size, device=model.device, dtype=torch.float64, requires_grad=True)
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False), Positive():
            output = probe(view.network(self.images))[layer]
            arranged = probe.layers[layer].layout.arrange(output)[0]
        self.of_position = arranged.sum(0)
        layout = layout_of(tuple(output.shape), 1, model.twin.get_submodule(layer), tuple(self.images.shape[1:]))
        self.grid = layout.grid if layout.grid and layout.grid[0] * layout.grid[1] == len(self.of_position) else None

    def spans(self, row: int, column: int) -> tuple[Span, Span]:
        """The rows and the columns of pixels that a position depends on, the ends exclusive."""
        output = self.of_position[row * self.grid[1] + column]
        with torch.backends.cudnn.flags(enabled=False):
            (gradient,) = torch.autograd.grad(output, self.images, retain_graph=True)
        seen = gradient[0].ne(0).any(0)
        return _span(seen.any(1)), _span(seen.any(0))


def _span(seen: Tensor) -> Span:
    places = seen.nonzero()
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)
