import pytest
import torch
from torch import nn

from tests.networks import image_model, resnet
from xaiwidgets.models import ImageModel, Probe, load_model
from xaiwidgets.models.folding import foldable_pairs


class Shared(nn.Module):
    """A convolution whose output two others use, beside the batch normalisation."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.head(self.norm(x) + x)


class Twice(nn.Module):
    """One convolution that is used twice, once before a batch normalisation."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.conv(self.norm(self.conv(x)))


def trained(module):
    """Statistics and weights that are not the identity."""
    generator = torch.Generator().manual_seed(0)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            for tensor in (child.running_mean, child.running_var, child.weight.data, child.bias.data):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.3)
    return module


def first_output(module, name, images):
    """What a layer gives at its first use."""
    outputs = []
    handle = module.get_submodule(name).register_forward_hook(lambda _m, _i, output: outputs.append(output.clone()))
    with torch.no_grad():
        module(images)
    handle.remove()
    return outputs[0]


def test_every_batch_normalisation_of_the_embedded_network_is_folded():
    model = load_model("efficientnet_lite0")
    twin = model.twin_for(["_blocks.8"])
    assert not any(isinstance(child, nn.BatchNorm2d) for child in twin.modules())
    assert sum(isinstance(child, nn.BatchNorm2d) for child in model.module.modules()) == 49


def test_the_folded_network_gives_the_same_to_rounding_in_double_precision():
    model = ImageModel(trained(resnet()).double(), (3, 32, 32))
    images = torch.rand(4, 3, 32, 32, dtype=torch.float64)
    layers = [name for name in model.layers() if name]
    assert "1" in layers
    for name in layers:
        torch.testing.assert_close(Probe(model, [name])(images)[name], first_output(model.twin, name, images))


def test_a_convolution_that_is_asked_for_is_read_unfolded():
    model = ImageModel(trained(resnet()).double(), (3, 32, 32))
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    found = Probe(model, ["0"])(images)["0"]
    torch.testing.assert_close(found, nn.functional.conv2d(images, model.module[0].weight, stride=2, padding=1))
    patched = Probe(model, ["7"])(images, patches={"0": torch.zeros_like})["7"]
    assert torch.equal(patched[0], patched[1])


@pytest.mark.parametrize("kind", [Shared, Twice])
def test_what_is_used_elsewhere_too_is_not_folded(kind):
    module = trained(kind()).eval()
    assert foldable_pairs(module, torch.rand(3, 3, 8, 8)) == {}
    model = ImageModel(module, (3, 8, 8))
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(Probe(model, [""])(images)[""], module(images))


def test_a_network_that_folding_would_change_is_left_alone():
    class Fickle(nn.Module):
        """Looks at a weight itself: folding changes the weight, and so the function."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

        def forward(self, x):
            return self.norm(self.conv(x)) * self.conv.weight.sum()

    module = trained(Fickle()).eval()
    model = ImageModel(module, (3, 8, 8))
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(Probe(model, [""])(images)[""], module(images), rtol=1e-4, atol=1e-4)


def test_new_weights_are_folded_anew():
    plain = trained(resnet())
    model = ImageModel(plain, (3, 32, 32))
    images = torch.rand(2, 3, 32, 32)
    Probe(model, ["7"])
    with torch.no_grad():
        plain[1].running_mean.add_(0.5)
    torch.testing.assert_close(Probe(model, ["7"])(images)["7"], plain.eval()(images), rtol=1e-4, atol=1e-4)


def test_the_users_module_keeps_its_batch_normalisation():
    model = image_model("resnet")
    model.twin_for(["7"])
    assert isinstance(model.module[1], nn.BatchNorm2d)
    assert model.module[0].bias is None
