"""The layer whose maps are cut into parts unless told."""

from xaiwidgets.models import ImageModel

_CELLS = 9  # a grid that can be cut into parts has at least so many


def deepest_map(model: ImageModel) -> str:
    """The deepest layer with a grid that can be cut into parts, else the deepest that can be read."""
    usable = [layer for layer in model.layers().values() if layer.layout and layer.name and layer.order is not None]
    maps = [layer for layer in usable if layer.layout.grid and layer.layout.grid[0] * layer.layout.grid[1] >= _CELLS]
    return max(maps or usable, key=lambda layer: layer.order).name
