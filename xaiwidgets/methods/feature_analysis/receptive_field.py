"""Receptive fields: the part of the image that a unit looks at, in theory and in fact."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import InvalidSettingError, Method, Step, Steps, setting
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods.feature_analysis._receptive import MeasuredFields, Measurement
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class ReceptiveField(Method):
    """Measure where a unit looks: |a(x) − a(x covered at p)| for every place p (Zhou et al. 2015).

    The images that a unit responds to most are covered piece by piece with a small patch, and the unit is watched at
    the position where it responded. The maps of its images are brought to one middle and averaged. The theoretical
    field, which kernels, strides and pooling give, is far larger than what is found (Luo et al. 2016). Places are
    covered from far apart to close together, so that a rough map comes first and is never computed again. Called with
    a model and images it yields `MeasuredFields`: after every image of a unit at every level with a better map, and in
    between with the same one.

    Departures: each place has a patch of its own; a covered place that the position cannot see in theory is not
    computed but is zero; the effective size is the area above half the maximum, where the paper does not say how it
    was cut. Raises `XaiwidgetsError` for a layer or unit that is not there, images that the network cannot look at, and
    an occluder that is larger than they are.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    units: tuple[int, ...] = setting(low=0, help="units to measure", hidden=True)
    _: KW_ONLY
    top: int = setting(4, low=1, high=100, log=True, label="Images", help="how many top images of each unit to cover")
    occluder: int | None = setting(
        None, low=1, high=512, unit="px", help="side of the patch; None is a twentieth of the image, 11 at 224"
    )
    stride: int | None = setting(
        None, low=1, high=512, unit="px", help="how far apart places are in the end; None is 3 for a patch of 11"
    )
    fill: str = setting(
        "noise", choices=("noise", "grey"), help="what a patch is made of: random pixels, or the image's mean colour"
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the random pixels")

    def __post_init__(self) -> None:
        """Refuse to measure nothing."""
        super().__post_init__()
        if not self.units:
            raise InvalidSettingError("units=() was given; name at least one unit, as in units=[3, 20, 41].")

    def __call__(
        self, model: ImageModel | nn.Module, images: ImageSet | Float[Tensor, "image channel height width"]
    ) -> Steps[MeasuredFields]:
        """Yield the maps so far, first while the top images are sought, then while they are covered."""
        measurement = Measurement(self, as_image_model(model), as_image_set(images))
        for done in measurement.steps():
            yield Step(measurement.value, done=done, total=measurement.total)
