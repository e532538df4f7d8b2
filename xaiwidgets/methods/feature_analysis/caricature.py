"""Caricature: what a layer finds characteristic of an image, exaggerated."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._caricature import Exaggerating, Exaggeration
from xaiwidgets.methods.feature_analysis._drawing import noted
from xaiwidgets.methods.feature_analysis._images import accepted
from xaiwidgets.models import ImageModel, as_image_model

_CLIMBED = 0.75  # of a noted step is forward and backward, the rest looks at where it led


@dataclass(frozen=True, eq=False)
class Caricature(Method):
    """Draw an image anew with more of what a layer found in it, as caricatures do (Olah et al. 2018, Lucid).

    Maximises Σ_p ⟨a, t⟩ · max(0.1, cos(a, t))^power / Σ_p ⟨t, t⟩ − λ R(x) by gradient ascent, over all positions p of
    the layer: t are the activations of the given image and a those of the drawn one, both under the same random
    transform. The dot product asks for more, the cosine for the same kind. The objective has no unit: 1 for the image
    itself, higher for a caricature. R is the mean over pixels and channels of d₁² + d₂². Called with a model and
    ``images`` (Float[image, channel, height, width] in [0, 1]) it yields an `Exaggeration` after every step.

    Departures: one layer, where Lucid may add up several; the objective in units of the given image; the transforms
    are one bilinear sampling that goes on at the opposite edge. Raises `XaiwidgetsError` for a layer that is not there
    or cannot be read, images that the network cannot look at, a layer that answers an image with zeros alone, and one
    without a gradient.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    _: KW_ONLY
    power: float = setting(
        1.0,
        low=0.0,
        high=8.0,
        live=True,
        label="Cosine power",
        help="exponent of the cosine: 0 wants more alone, higher powers want the same mixture of units",
    )
    steps: int = setting(256, low=1, high=4096, log=True, help="steps of gradient ascent")
    start: str = setting("noise", choices=("noise", "image"), help="what the drawing starts from: noise, or the image")
    learning_rate: float = setting(0.05, low=0.001, high=1.0, log=True, live=True, help="step size of Adam")
    total_variation: float = setting(
        10.0,
        low=0.0,
        high=1000.0,
        log=True,
        live=True,
        label="Smoothness (TV)",
        help="weight of the mean of d₁² + d₂², which makes neighbouring pixels alike",
    )
    jitter: int = setting(
        8, low=0, high=64, live=True, unit="px", help="largest random shift, at most a quarter of the image"
    )
    rotate: float = setting(
        5.0, low=0.0, high=45.0, live=True, unit="°", label="Rotation", help="largest random rotation"
    )
    scale: float = setting(
        0.05, low=0.0, high=0.3, live=True, advanced=True, help="largest random change of size, as a share"
    )
    parameterization: str = setting(
        "fourier",
        choices=("fourier", "pixel"),
        advanced=True,
        help="how the image is written: as a Fourier series, or as pixels",
    )
    colors: str = setting(
        "imagenet",
        choices=("imagenet", "none"),
        advanced=True,
        help="axes in which colours are optimised: ImageNet's, or the channels as they are",
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of every random draw")

    def __call__(
        self,
        model: ImageModel | nn.Module,
        images: ImageSet | Float[Tensor, "image channel height width"],
    ) -> Steps[Exaggeration]:
        """Yield the images after each step; long steps yield between their micro-batches, with the same value."""
        settings, model = self, as_image_model(model)
        drawing = Exaggerating(settings, model, accepted(images, model))
        for share in drawing.evaluate(settings):
            if share < 1:
                settings = (yield Step(drawing.value, done=0, total=self.steps)) or settings
        for step in range(1, self.steps + 1):
            whole = _CLIMBED if noted(step, self.steps) else 1
            drawing.draw_transforms(settings)
            for share in drawing.gradients(settings):
                if share < 1 or whole < 1:
                    settings = (yield Step(drawing.value, done=step - 1 + whole * share, total=self.steps)) or settings
            drawing.ascend(settings)
            for share in drawing.evaluate(settings) if whole < 1 else ():
                if share < 1:
                    done = step - 1 + whole + (1 - whole) * share
                    settings = (yield Step(drawing.value, done=done, total=self.steps)) or settings
            settings = (yield Step(drawing.value, done=step, total=self.steps)) or settings
