"""The result of inversion."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstruction:
    """Images that a layer takes for the given ones, and how far they are from them.

    ``images`` lie in [0, 1], one for each given image: of several starts the one of lowest ``loss``, whose number is
    in ``start``. Three errors of features are in use, and all compare Φ(x) with Φ₀ = Φ(x₀). ``feature_error`` is what
    is minimised, ‖Φ − Φ₀‖² / ‖Φ₀‖²: 0 where the layer cannot tell x from x₀, 1 where Φ is zero.
    ``feature_error_pairs`` is ‖Φ − Φ₀‖² over the mean squared distance between the features of two images, and
    ``feature_distance_pairs`` is ‖Φ − Φ₀‖ over their mean distance, so that 1 means as far as another image; both are
    NaN where fewer than two different images are known. ``image_error`` is the root of the mean of (x − x₀)² over
    pixels and channels, 0 to 1.

    ``history``, ``image_history`` and ``loss_history`` hold feature error, image error and loss of the best start
    after so many steps as ``history_steps`` says; 0 is the noise that a run starts from. Everything in one answer
    belongs to its ``images``.
    """

    images: Float[Tensor, "image channel height width"]
    feature_error: Float[Tensor, "image"]
    feature_error_pairs: Float[Tensor, "image"]
    feature_distance_pairs: Float[Tensor, "image"]
    image_error: Float[Tensor, "image"]
    loss: Float[Tensor, "image"]
    start: Int[Tensor, "image"]
    history: Float[Tensor, "point image"]
    image_history: Float[Tensor, "point image"]
    loss_history: Float[Tensor, "point image"]
    history_steps: tuple[int, ...]
