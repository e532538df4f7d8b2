"""Activations: how every unit of a layer responds to an image, and where."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods._geometry.view import View
from xaiwidgets.methods.feature_analysis._images import accepted
from xaiwidgets.models import ImageModel, MicroBatches, Probe, as_image_model
from xaiwidgets.models.layout import layout_of


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitMaps:
    """What every unit of a layer gave for some images.

    ``maps`` are the layer's outputs as they are, on its grid; a vector has one position, and positions that form no
    grid stand in one row. Tokens that belong to no place, such as a class token, are left out. ``largest`` is each
    map's maximum, and ``rows`` and ``columns`` its position on the grid, the first of equal ones. ``share_active`` is
    the share of positions at which the unit is above zero, in [0, 1].
    """

    maps: Float[Tensor, "image unit row column"]
    largest: Float[Tensor, "image unit"]
    rows: Int[Tensor, "image unit"]
    columns: Int[Tensor, "image unit"]
    share_active: Float[Tensor, "image unit"]


@dataclass(frozen=True, eq=False)
class Activations(Method):
    """Look at every unit of a layer at once: the maps a(x) of an image.

    This is the live view of the deep visualisation toolbox (Yosinski et al. 2015). Called with a model and images it
    yields `UnitMaps` after every image, of the images so far. Nothing is scaled or clipped: how maps are shown is for
    the widget to say.

    Raises `XaiwidgetsError` for a layer that is not there or cannot be read, and for images that the network cannot
    look at.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)

    def __call__(
        self, model: ImageModel | nn.Module, images: ImageSet | Float[Tensor, "image channel height width"]
    ) -> Steps[UnitMaps]:
        """Yield the maps of the images so far after every image."""
        model = as_image_model(model)
        images, view, probe = accepted(images, model), View(model, None), Probe(model, [self.layer])
        batches, parts, done = MicroBatches(1), [], 0  # each picture appears as soon as it is known

        @torch.no_grad()
        def read(rows: slice) -> Tensor:
            seen = view.network(images[rows])
            output = probe(seen)[self.layer]
            module = model.twin.get_submodule(self.layer)
            layout = layout_of(tuple(output.shape), len(seen), module, tuple(seen.shape[1:]))
            arranged = layout.arrange(output)
            return arranged.unflatten(2, layout.grid or (1, -1)).contiguous()

        while done < len(images):
            part, done = batches.run(read, done, len(images))
            parts.append(_described(part))
            yield Step(_joined(parts), done=done, total=len(images))


def _described(maps: Float[Tensor, "image unit row column"]) -> UnitMaps:
    largest, position = maps.flatten(2).max(dim=2)
    width = maps.shape[3]
    return UnitMaps(
        maps=maps,
        largest=largest,
        rows=position.div(width, rounding_mode="floor"),
        columns=position.remainder(width),
        share_active=(maps > 0).to(maps.dtype).mean((2, 3)),
    )


def _joined(parts: list[UnitMaps]) -> UnitMaps:
    return UnitMaps(
        **{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(UnitMaps)}
    )
