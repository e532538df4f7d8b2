"""Top images: those of a data set that a unit responds to most."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods.feature_analysis._ranking import UnitImages
from xaiwidgets.methods.feature_analysis._scan import Scan
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class TopImages(Method):
    """Find the images that a unit responds to most, and where: the k largest of max over positions of a(x).

    So Zeiler and Fergus (2014) show what a unit has learnt, as do Zhou et al. (2015). ``images`` are looked at once,
    in batches, on the model's device; nothing but the best is kept, so that a large data set costs no memory. Called
    with a model and images it yields `UnitImages` after every batch: the best of the images seen so far. Of each image
    only the position with the largest activation counts. Of images with equal activations the first is taken, whatever
    the batch.

    Departure: images are not cut to the unit's receptive field; its box is given. Raises `XaiwidgetsError` for a layer
    or unit that is not there, images that the network cannot look at, and an activation that is not a finite number.
    """

    layer: str = setting(
        help="dotted path of the layer, or of several with commas between; '' is the network's output", hidden=True
    )
    units: tuple[int, ...] = setting((), low=0, help="units of each layer; none means all of them", hidden=True)
    _: KW_ONLY
    k: int = setting(6, low=1, high=1000, log=True, label="Images", help="how many images to keep for each unit")

    def __call__(
        self, model: ImageModel | nn.Module, images: ImageSet | Float[Tensor, "image channel height width"]
    ) -> Steps[UnitImages]:
        """Yield the best images so far after every batch."""
        layers = list(dict.fromkeys(name.strip() for name in self.layer.split(",")))
        scan = Scan(as_image_model(model), layers, self.units, self.k, as_image_set(images))
        while scan.seen < len(scan.images):
            scan.advance()
            yield Step(scan.value, done=scan.seen, total=len(scan.images))
