"""Learned inversion: what a decoder, trained for a layer, makes of its activations."""

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet
from xaiwidgets.methods.feature_analysis._decoder import Decoder
from xaiwidgets.methods.feature_analysis._decoder_file import read
from xaiwidgets.methods.feature_analysis._decoder_training import LearnedReconstruction, Training
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class LearnedInversion(Method):
    """What a layer keeps of an image, as a decoder sees it: Dosovitskiy and Brox (2016).

    A decoder D is trained on ``train`` to make images of the layer's activations Φ(x), by min E‖D(Φ(x)) − x‖²; the
    held-out ``images`` show what it makes of activations it has not seen. Where the layer does not say, D answers with
    the mean of what its training images had there: so it keeps colours and rough places from layers that inversion by
    optimisation makes nothing of, and is blurred. Called with a model and both it yields a `LearnedReconstruction` at
    once and after every step, made anew after steps 1, 2, 4, 8, 16 and every ``every``. Its ``decoder`` can be called
    and saved; `load` reads it.

    Departures: the decoder has as many channels and up-convolutions as the layer's and the image's size ask for, its
    up-convolutions are transposed ones of 4×4, the features are standardised, a sigmoid ends it, and the learning rate
    is constant unless it is steered. Raises `XaiwidgetsError` for a layer that is not there, images that the network
    cannot look at, training images of another shape than the images, and numbers that are no longer finite.
    """

    layer: str = setting(help="dotted path of the layer; '' is the network's output", hidden=True)
    steps: int = setting(1024, low=1, high=65536, log=True, help="steps of training, one batch each")
    _: KW_ONLY
    learning_rate: float = setting(1e-3, low=1e-5, high=0.1, log=True, live=True, help="step size of Adam")
    batch: int = setting(32, low=1, high=512, log=True, help="training images in a step", unit="images")
    every: int = setting(32, low=1, high=1024, log=True, advanced=True, help="steps between two new reconstructions")
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of the first weights and of the batches")

    def __call__(
        self,
        model: ImageModel | nn.Module,
        train: ImageSet | Float[Tensor, "example _channel _height _width"],
        images: ImageSet | Float[Tensor, "image channel height width"],
    ) -> Steps[LearnedReconstruction]:
        """Yield the reconstructions after each step; long steps yield between their micro-batches."""
        settings = self
        training = Training(settings, as_image_model(model), train, images)
        value = training.evaluate()
        settings = (yield Step(value, done=0, total=self.steps)) or settings
        for step in range(1, self.steps + 1):
            training.draw()
            for share in training.gradients():
                if share < 1:
                    settings = (yield Step(value, done=step - 1 + share, total=self.steps)) or settings
            training.descend(settings.learning_rate)
            if step in {1, 2, 4, 8, 16, self.steps} or step % self.every == 0:
                value = training.evaluate()
            settings = (yield Step(value, done=step, total=self.steps)) or settings

    @staticmethod
    def load(path: str | Path, model: ImageModel | nn.Module, layer: str | None = None) -> Decoder:
        """The decoder that `Decoder.save` wrote; raises `XaiwidgetsError` for another network, layer or shape."""
        return read(Path(path), as_image_model(model), layer)
