"""Prototype parts: a network that says "this looks like that"."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.methods.case._prototype_parts.result import LearnedParts
from xaiwidgets.methods.case._prototype_parts.run import TOTAL, Run
from xaiwidgets.models import ImageModel, as_image_model


@dataclass(frozen=True, eq=False)
class PrototypeParts(Method):
    """Learn parts of training images that stand for a class, and classify by how alike an image's parts are to them.

    After Chen, Li, Tao, Barnett, Su and Rudin (2019), "This Looks Like That: Deep Learning for Interpretable Image
    Recognition" (ProtoPNet). Each prototype p is a patch of latents z. Its similarity to an image is the largest over
    the image's patches of log((d² + 1) / (d² + ε)) with d = ‖z − p‖ and ε = 1e-4: 9.21 for an equal patch, near 0 for a
    far one. A logit is the sum of similarity × weight, with no bias, so that every answer is a list of pairs whose
    points add up. Training minimises cross-entropy + λ₁ Clst + λ₂ Sep: Clst is the mean least d² of an image's patches
    to a prototype of its class, Sep minus that to one of another class. Then each prototype is projected: put on the
    nearest latent patch of a training image of its class, so that it is a part that can be shown. Last the weights are
    fitted by convex optimisation, with an L1 penalty on those for classes other than the prototype's.

    Called with a model and labelled ``train`` images, and ``test`` images if there are any; else a share of each class,
    drawn with the seed, is held out. Yields a `LearnedParts`; its ``accuracy`` is on images that were not trained on,
    beside the network's own and that of random patches. Prototypes stand on real patches after the first projection;
    before, the nearest patch is shown for them, and ``distances`` says how far off it is.

    Departures: the network up to ``layer`` is frozen and its maps are read once, where the paper trains all of it (this
    makes it a matter of seconds, and costs accuracy); maps are standardised; prototypes begin as random patches instead
    of random numbers and are kept in [0, 1]; Adam's rate falls along a line; the last layer is fitted to its optimum.
    A ``patch`` larger than the layer's grid becomes as large as the grid, so that for a layer of plain vectors a part
    is the whole image. Raises `XaiwidgetsError` for images without labels, a class without training images, labels of a
    single class, test labels that no training image has, a layer that is not there or cannot be read, a set that gives
    other images each time, and numbers that are not finite.
    """

    layer: str = setting(help="dotted path of the layer whose maps are cut into parts", hidden=True)
    _: KW_ONLY
    prototypes: int = setting(6, low=1, high=50, help="parts that each class gets")
    patch: int = setting(2, low=1, high=16, help="side of a part, in cells of the layer's grid")
    channels: int = setting(32, low=2, high=512, log=True, help="channels of the latents that are compared")
    epochs: int = setting(12, low=1, high=500, log=True, help="times that all training images are seen")
    projections: int = setting(3, low=1, high=50, help="times that prototypes are put on real patches, evenly spread")
    learning_rate: float = setting(0.01, low=1e-5, high=0.1, log=True, live=True, help="step size of Adam")
    cluster: float = setting(
        0.8, low=0.0, high=10.0, log=True, live=True, help="λ₁: pulls a part of each image to a prototype of its class"
    )
    separation: float = setting(
        0.08, low=0.0, high=10.0, log=True, live=True, help="λ₂: keeps parts away from prototypes of other classes"
    )
    sparsity: float = setting(
        1e-3,
        low=0.0,
        high=1.0,
        log=True,
        live=True,
        advanced=True,
        help="weight of the L1 penalty on the last layer's weights for other classes",
    )
    batch: int = setting(64, low=1, high=4096, log=True, advanced=True, help="images of one step")
    held_out: float = setting(
        0.2, low=0.01, high=0.9, advanced=True, help="share of each class that is held out where no test is given"
    )
    seed: int = setting(0, low=0, high=2**32 - 1, help="seed of every random draw")

    def __call__(self, model: ImageModel | nn.Module, train: Any, test: Any = None) -> Steps[LearnedParts]:
        """Yield ever better answers: random patches first, a new one after each epoch and each projection."""
        run = Run(self, as_image_model(model), train, test)
        for done in run.steps():
            run.settings = (yield Step(run.value, done, TOTAL)) or run.settings
