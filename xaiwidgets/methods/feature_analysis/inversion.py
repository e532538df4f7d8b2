"""Inversion: which images a layer cannot tell from a given one."""

from dataclasses import KW_ONLY, dataclass

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._descent import Descent
from xaiwidgets.methods.feature_analysis._images import accepted
from xaiwidgets.methods.feature_analysis._inversion_pairs import reference_images
from xaiwidgets.methods.feature_analysis._reconstruction import Reconstruction
from xaiwidgets.models import ImageModel, as_image_model

_LOOKED = 0.75  # of the last step is forward and backward, the rest looks at where it led


@dataclass(frozen=True, eq=False)
class Inversion(Method):
    """Draw what a layer keeps of an image: the x whose features Φ(x) are those of x₀.

    Minimises, after Mahendran and Vedaldi (2015), ‖Φ(x) − Φ₀‖² / ‖Φ₀‖² + λ_α R_α(x) + λ_V R_V(x) by gradient descent
    from noise. The first term is 0 where the layer cannot tell x from x₀, and 1 where Φ(x) is zero. The priors are
    means over pixels and channels, so that their weights mean the same at any size and in any layer: R_α is the mean of
    |2x − 1|^α, 0 for grey and 1 for black and white; R_V the mean of (d₁² + d₂²)^(β/2), with differences to the next
    pixel of an image in [0, 1]; a photograph of 224 pixels has about 0.01. Called with a model and ``images``
    (Float[image, channel, height, width] in [0, 1]) it yields a `Reconstruction` after every step; images of ``train``,
    at most 64, help to say how far apart two images usually are.

    Departures: the image is a Fourier series in decorrelated colours behind a sigmoid, or pixels behind one, where the
    paper has plain pixels; Adam (β₁ = 0.8, β₂ = 0.9) with a rate that falls along a cosine, where the paper has
    momentum and a rate that falls by hand; one weight of each prior for all layers; several starts, the best counts.
    Raises `XaiwidgetsError` for a layer that is not there or cannot be read, images that the network cannot look at, a
    layer that answers an image with zeros alone, and one without a gradient.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    _: KW_ONLY
    steps: int = setting(400, low=1, high=4096, log=True, help="steps of gradient descent")
    starts: int = setting(2, low=1, high=16, help="random starts of each image, of which the best is shown")
    parameterization: str = setting(
        "fourier", choices=("fourier", "pixel"), help="how the image is written: as a Fourier series, or as pixels"
    )
    learning_rate: float = setting(0.05, low=0.001, high=1.0, log=True, live=True, help="step size of Adam")
    total_variation: float = setting(
        3.0,
        low=0.0,
        high=100.0,
        log=True,
        live=True,
        label="Smoothness (TV)",
        help="weight of the mean of (d₁² + d₂²)^(β/2), which makes neighbouring pixels alike",
    )
    alpha_weight: float = setting(
        0.01,
        low=0.0,
        high=100.0,
        log=True,
        live=True,
        label="Greyness (α)",
        help="weight of the mean of |2x − 1|^α, which keeps pixels from black and white",
    )
    beta: float = setting(
        2.0, low=1.0, high=3.0, advanced=True, label="β", help="exponent of the smoothness; 1 leaves edges sharp"
    )
    alpha: float = setting(
        6.0,
        low=2.0,
        high=16.0,
        advanced=True,
        label="α",
        help="exponent of the greyness; 6 spares all but the extremes",
    )
    schedule: str = setting(
        "cosine",
        choices=("cosine", "constant"),
        advanced=True,
        help="whether the step size falls along a cosine to zero, or stays",
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
        train: ImageSet | Float[Tensor, "other channel _height _width"] | None = None,
    ) -> Steps[Reconstruction]:
        """Yield the newest images whose errors are known: after step t those of step t − 1, at the end the last.

        A step's own forward pass tells the errors of the images that it starts from.
        """
        settings, model = self, as_image_model(model)
        given = accepted(images, model)
        descent = Descent(settings, model, given)
        for _ in descent.look(reference_images(train, given, model)):
            settings = (yield Step(descent.value, done=0, total=self.steps)) or settings
        for step in range(1, self.steps + 1):
            whole = _LOOKED if step == self.steps else 1
            for share in descent.gradients(settings):
                if share < 1 or whole < 1:
                    settings = (yield Step(descent.value, done=step - 1 + whole * share, total=self.steps)) or settings
            descent.descend(settings)
            if step < self.steps:
                settings = (yield Step(descent.value, done=step, total=self.steps)) or settings
        for share in descent.evaluate(settings):
            if share < 1:
                done = self.steps - 1 + _LOOKED + (1 - _LOOKED) * share
                settings = (yield Step(descent.value, done=done, total=self.steps)) or settings
        yield Step(descent.value, done=self.steps, total=self.steps)
