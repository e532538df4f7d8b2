"""The result of activation maximisation."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Visualization:
    """Images that a network's units respond to, and how strongly.

    ``images`` lie in [0, 1], one for each entry of ``units``. ``objective`` is what was maximised, in the units of the
    layer's activation and without transforms or penalties: higher means that the unit responds more to its image.
    ``history`` holds the same at the steps named by ``history_steps``; its last row is ``objective``. ``alive`` is
    False for an image that never had a gradient: its unit responds to nothing nearby. ``transparency`` (MACO only) is
    Σ |∂objective/∂image| over the steps.
    """

    units: tuple[int, ...]
    images: Float[Tensor, "unit channel height width"]
    objective: Float[Tensor, "unit"]
    history: Float[Tensor, "point unit"]
    history_steps: tuple[int, ...]
    alive: Bool[Tensor, "unit"]
    transparency: Float[Tensor, "unit channel height width"] | None = None
