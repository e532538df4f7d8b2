"""What is known of the influence on a whole network."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class WholeNetwork:
    """The effect of each training image on the loss of each test image, through all parameters that are ``covered``.

    ``effect`` is + g_tᵀ (G+λI)⁻¹ g_i / N in nats: to first order what removing training image i adds to the loss of
    test image t; positive: the image was helpful. ``self_influence`` is the same with g_i for g_t, at least 0. Both,
    and the losses (cross-entropy in nats, as the network is), are NaN where they are not known yet. ``uncovered`` names
    the parameters that are held fixed, with the reason. ``bytes`` is the memory that the run takes; ``stage`` says what
    is being computed.
    """

    effect: Float[Tensor, "test train"]
    self_influence: Float[Tensor, "train"]
    train_loss: Float[Tensor, "train"]
    test_loss: Float[Tensor, "test"]
    covered: tuple[str, ...]
    uncovered: tuple[str, ...]
    bytes: int
    stage: str
