"""The rest of a network after a layer: what it answers to maps whose cells were swapped."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods._answers import probabilities_of
from xaiwidgets.models import ImageModel, MicroBatches, Probe
from xaiwidgets.models.features import head_of
from xaiwidgets.models.layout import Layout

_AT_ONCE, _AT_ONCE_ON_GPU = 1 << 20, 1 << 25  # numbers of the layer in one pass
_ONE_IMAGE, _ONE_INSIDE, _AN_IMAGE_EACH = "one image", "one image from the first layer on", "an image for each map"
_SEQUENCE_FIRST = "tokens, sequence first"


class Rest:
    """Runs a network from one of its layers on; the cells of the layer's map are numbered row by row."""

    def __init__(self, model: ImageModel, layer: str, image: Float[Tensor, "1 channel height width"]) -> None:
        self.model, self.layer = model, layer
        self._image = image.reshape(1, *model.input_shape)
        self._probe, self._output = Probe(model, [layer]), Probe(model, [""])
        self.layout: Layout = self._probe.layout_at(layer, self._image)
        self._axis = 1 if self.layout.kind == _SEQUENCE_FIRST else 0
        self._refuse_no_map()
        self.network = model.twin_for(["", layer])
        self._batches: MicroBatches | None = None
        leaves = [name for name in model.layers() if not list(self.network.get_submodule(name).children())]
        orders = {name: model.layers()[name].order for name in leaves if model.layers()[name].order is not None}
        self._first = self.network.get_submodule(min(orders, key=orders.get))
        self._way = self._cheapest_way()

    @property
    def cells(self) -> int:
        """How many the map has."""
        height, width = self.layout.grid
        return height * width

    @torch.no_grad()
    def read(self, images: Float[Tensor, "image channel height width"]) -> Tensor:
        """The layer's raw outputs for images, one after the other in its batch axis."""
        return self._probe(images.reshape(len(images), *self.model.input_shape))[self.layer]

    def of(self, raw: Tensor, place: int) -> Tensor:
        """One of them, still with its batch axis."""
        return raw.narrow(self._axis, place, 1)

    def swapped(
        self, query: Tensor, other: Tensor, cells: Int[Tensor, "swap edit"], others: Int[Tensor, "swap edit"]
    ) -> Tensor:
        """Copies of the query's map, one for each row, with its ``cells`` replaced by the other map's ``others``."""
        shape = [-1] * query.dim()
        shape[self._axis] = len(cells)
        made = query.expand(shape).contiguous(memory_format=torch.contiguous_format).clone()
        given = self.layout.arrange(other)[0]
        view = self.layout.arrange(made)  # of the copy, so that writing to it writes to the copy
        rows = torch.arange(len(cells), device=made.device)[:, None].expand_as(cells)
        view.transpose(1, 2)[rows, cells] = given.T[others]
        return made

    @torch.no_grad()
    def outputs(
        self, query: Tensor, other: Tensor, cells: Int[Tensor, "swap edit"], others: Int[Tensor, "swap edit"]
    ) -> Iterator[Float[Tensor, "some class"]]:
        """Yield the network's outputs for one part of the swaps after another."""
        if self._batches is None:
            most = _AT_ONCE if self.model.device.type == "cpu" else _AT_ONCE_ON_GPU
            self._batches = MicroBatches(max(1, most // query.numel()))
        start = 0
        while start < len(cells):
            part, start = self._batches.run(
                lambda at: self._answer(self.swapped(query, other, cells[at], others[at])), start, len(cells)
            )
            yield part

    @torch.no_grad()
    def head_inputs(
        self, query: Tensor, other: Tensor, cells: Int[Tensor, "swap edit"], others: Int[Tensor, "swap edit"]
    ) -> Iterator[Float[Tensor, "some feature"]]:
        """Yield what the network's last linear layer is given for swaps; raises for a network that ends otherwise."""
        name, _ = head_of(self.model)
        read: list[Tensor] = []
        module = self.network.get_submodule(name)

        def before(_module: object, inputs: tuple[Tensor, ...]) -> None:
            read.append(inputs[0])

        steps = self.outputs(query, other, cells, others)
        while True:
            with self.model.lock:
                handle = module.register_forward_pre_hook(before)
                try:
                    part = next(steps, None)
                finally:
                    handle.remove()
            if part is None:
                return
            yield read.pop()

    def probabilities(self, outputs: Float[Tensor, "some class"]) -> Float[Tensor, "some class"]:
        """Of the classes."""
        return probabilities_of(outputs, self.model)

    def _answer(self, maps: Tensor) -> Tensor:
        """The network's output where the layer gives these maps; the image is only there to get the pass going."""
        count = 1 if self._way == _ONE_IMAGE else maps.shape[self._axis]
        images = self._image.expand(count, *self.model.input_shape)
        with self.model.lock:
            hooks = [self._first.register_forward_pre_hook(_one_of)] if self._way == _ONE_INSIDE else []
            try:
                return self._output(images, patches={self.layer: lambda _output: maps})[""]
            finally:
                for hook in hooks:
                    hook.remove()

    @torch.no_grad()
    def _cheapest_way(self) -> str:
        """Most of a pass lies before the layer, where one image is enough; tried, since the rest may count images."""
        noise = torch.rand(self._image.shape, generator=torch.Generator().manual_seed(0), dtype=self.model.dtype)
        maps = torch.cat([self.read(self._image), self.read(noise.to(self._image))], self._axis)
        self._way = _AN_IMAGE_EACH
        wanted = self._answer(maps)
        for self._way in (_ONE_IMAGE, _ONE_INSIDE):
            with contextlib.suppress(RuntimeError):
                found = self._answer(maps)
                if found.shape == wanted.shape and torch.allclose(found, wanted, rtol=1e-3, atol=1e-4):
                    return self._way
        return _AN_IMAGE_EACH

    def _refuse_no_map(self) -> None:
        grid = self.layout.grid
        if grid is None or grid[0] * grid[1] < 2:  # noqa: PLR2004 - one cell is no map
            known = [
                name for name, layer in self.model.layers().items() if name and layer.layout and _is_map(layer.layout)
            ]
            raise XaiwidgetsError(
                f"Layer {self.layer!r} of {self.model.name} has no map of cells to swap; choose one that has: "
                f"{', '.join(map(repr, known[-3:]))}."
            )


def _is_map(layout: Layout) -> bool:
    return layout.grid is not None and layout.grid[0] * layout.grid[1] > 1


def _one_of(_module: object, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first image alone."""
    return (inputs[0][:1], *inputs[1:])
