"""Activation maximisation: the image that a unit responds to most."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import InvalidSettingError, Method, Step, Steps, setting
from xaiwidgets.methods.feature_analysis._ascent import Ascent
from xaiwidgets.methods.feature_analysis._visualization import Visualization
from xaiwidgets.models import ImageModel, as_image_model

_OBJECTIVES = ("channel", "neuron", "logit", "direction", "layer")


@dataclass(frozen=True, eq=False)
class ActivationMaximization(Method):
    """Draw what a unit responds to: x* = argmax a(x) − λ R(x), by gradient ascent from noise (Erhan et al. 2009).

    The image is written as a Fourier series in decorrelated colours and moved at random before each step, as Olah,
    Mordvintsev and Schubert (2017) do; or as pixels; or with the magnitudes of natural images, its phases alone free
    (MACO, Fel et al. 2023). Called with a model it yields a `Visualization` after every step. ``images``
    (Float[image, channel, height, width] in [0, 1]) lend their colours where ``colors="images"``, and for MACO their
    spectrum.

    Departures: the transforms are one bilinear sampling, at the image's edge it goes on at the opposite one; the
    gradient of total variation is that of β = 2; the diversity term compares with the other images of the step before;
    MACO's phases are not standardised, and its spectrum without images is the 1/f law. Raises `XaiwidgetsError` for a
    layer or unit that is not there, a layer that cannot be read, an objective that is not a number, and one that does
    not depend on the image.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    units: tuple[int, ...] = setting(
        low=0, help="units to draw, one image each; a unit named twice gives two images", hidden=True
    )
    _: KW_ONLY
    objective: str = setting(
        "channel",
        choices=_OBJECTIVES,
        help=(
            "channel: the unit's mean over all positions; neuron: the unit at one position; "
            "logit: an output before the softmax; direction: a combination of units; "
            "layer: the layer's mean square (DeepDream)"
        ),
    )
    parameterization: str = setting(
        "fourier",
        choices=("fourier", "pixel", "maco"),
        help=("how the image is written: as a Fourier series, as pixels, or with magnitudes of natural images (MACO)"),
    )
    steps: int = setting(256, low=1, high=4096, log=True, help="steps of gradient ascent")
    learning_rate: float = setting(0.05, low=0.001, high=1.0, log=True, live=True, help="step size of Adam")
    total_variation: float = setting(
        1e-3,
        low=0.0,
        high=1.0,
        log=True,
        live=True,
        label="Smoothness (TV)",
        help="weight of Σ (d₁² + d₂²), which makes neighbouring pixels alike",
    )
    jitter: int = setting(
        8, low=0, high=64, live=True, unit="px", help="largest random shift, at most a quarter of the image"
    )
    rotate: float = setting(
        10.0, low=0.0, high=45.0, live=True, unit="°", label="Rotation", help="largest random rotation"
    )
    diversity: float = setting(
        0.0,
        low=0.0,
        high=100.0,
        log=True,
        live=True,
        help=(
            "weight of the likeness between images of one unit: name a unit several times to see its different sides"
        ),
    )
    size: int | None = setting(
        None, low=8, high=1024, unit="px", label="Image size", help="height of the image; None is the model's"
    )
    colors: str = setting(
        "imagenet",
        choices=("imagenet", "images", "none"),
        advanced=True,
        help=(
            "axes in which colours are optimised: ImageNet's, those of the images given, or the channels as they are"
        ),
    )
    scale: float = setting(
        0.1, low=0.0, high=0.3, live=True, advanced=True, help="largest random change of size, as a share"
    )
    l2: float = setting(
        0.0,
        low=0.0,
        high=100.0,
        log=True,
        live=True,
        advanced=True,
        label="Greyness (L2)",
        help="weight of Σ (x − 0.5)², which draws pixels to grey",
    )
    blur: float = setting(
        0.0,
        low=0.0,
        high=4.0,
        live=True,
        advanced=True,
        unit="px",
        help="deviation of a Gaussian blur every four steps (Yosinski et al. 2015)",
    )
    row: int | None = setting(None, low=0, hidden=True, help="row of the neuron; None is the middle")
    column: int | None = setting(None, low=0, hidden=True, help="column of the neuron; None is the middle")
    directions: Tensor | None = setting(  # noqa: RUF009 - it makes a field
        None, hidden=True, help="Float[direction, unit]: what units index for objective='direction'"
    )
    cosine_power: float = setting(
        2.0, low=0.0, high=8.0, advanced=True, help="exponent of the cosine in objective='direction'"
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of every random draw")

    def __post_init__(self) -> None:
        """Refuse settings that do not go together."""
        super().__post_init__()
        if not self.units:
            message = "units=() was given; name at least one unit, as in units=[3, 20, 41]."
            raise InvalidSettingError(message)
        if self.objective == "direction" and (self.directions is None or self.directions.dim() != 2):  # noqa: PLR2004
            message = (
                "objective='direction' needs directions, a tensor (direction, unit); "
                "give directions=torch.eye(units)[[3, 5]]."
            )
            raise InvalidSettingError(message)
        if self.parameterization == "maco" and self.blur:
            message = f"blur={self.blur} was given with parameterization='maco', which keeps magnitudes; set blur=0."
            raise InvalidSettingError(message)

    def __call__(
        self,
        model: ImageModel | nn.Module,
        images: Float[Tensor, "image channel height width"] | None = None,
    ) -> Steps[Visualization]:
        """Yield the images after each step; long steps yield between their micro-batches, with the same value."""
        settings = self
        ascent = Ascent(settings, as_image_model(model), images)
        for step in range(1, self.steps + 1):
            ascent.draw_transforms(settings)
            for share in ascent.gradients(settings):
                if share < 1:
                    settings = (yield Step(ascent.value, done=step - 1 + share, total=self.steps)) or settings
            ascent.climb(settings)
            if step in {1, 2, 4, 8, self.steps} or step % 16 == 0:
                ascent.evaluate(step)
            settings = (yield Step(ascent.value, done=step, total=self.steps)) or settings
