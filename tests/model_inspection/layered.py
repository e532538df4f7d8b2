"""Networks of a few layers with images and labels, and their gradients by autograd, one image after the other."""

import torch
from torch.nn import functional

from xaiwidgets.data import ImageSet
from xaiwidgets.methods.model_inspection._influence.coverage import Coverage
from xaiwidgets.methods.model_inspection._influence.layer_gradients import LayerGradients
from xaiwidgets.models import ImageModel


def labelled(shape, count, seed=0, classes=10):
    generator = torch.Generator().manual_seed(seed)
    shape = shape if len(shape) == 3 else (1, 1, *shape)
    images = torch.rand(count, *shape, generator=generator)
    return ImageSet(images, torch.randint(0, classes, (count,), generator=generator))


def on(module, shape=(4, 9, 8)):
    """A model in double precision whose weights are drawn with a seed."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    return ImageModel(module.double(), shape)


def read(model, images, labels):
    """Every block with its gradients."""
    gradients = LayerGradients(model)
    coverage = Coverage.of(gradients)
    seen = gradients(images, lambda _outputs: labels, {block.weight for block in coverage.blocks})
    return {block: seen.factors(block).dense() for block in coverage.blocks}


def by_autograd(model, image, label):
    """The gradients of one image by the user's own module."""
    module = model.module.eval()
    pixels = model.normalized(image[None].to(model.dtype))
    loss = functional.cross_entropy(module(pixels.reshape(1, *model.input_shape)), label[None])
    named = dict(module.named_parameters())
    return dict(zip(named, torch.autograd.grad(loss, list(named.values()), allow_unused=True), strict=True))


def matrix(named, block):
    """A weight's gradient with its bias's as the last column."""
    weight = named[block.weight].flatten(1)
    return weight if block.bias is None else torch.cat([weight, named[block.bias][:, None]], 1)
