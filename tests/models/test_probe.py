import pytest
import torch
from captum.attr import LayerActivation
from torch import nn

from tests.networks import NETWORKS, image_model, layer_of, module
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.models import ImageModel, Probe


def images_for(model, count=2):
    return torch.rand(count, *model.input_shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(
        model.dtype
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_read_is_what_a_plain_hook_sees(name):
    model, layer = image_model(name), layer_of(name)
    plain = module(name).eval()
    images, seen = images_for(model), {}
    # The output is copied at once: an in-place ReLU behind the layer would overwrite it.
    plain.get_submodule(layer).register_forward_hook(lambda _m, _i, output: seen.update(output=output.detach().clone()))
    with torch.no_grad():
        plain(model.normalized(images))
    read = Probe(model, [layer])(images)[layer]
    torch.testing.assert_close(read, seen["output"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "layer"), [("resnet", "0"), ("lenet", "3"), ("vision_transformer", "blocks.0"), ("mlp", "2")]
)
def test_what_is_read_is_what_captum_reads(name, layer):
    model, plain = image_model(name), module(name).eval()
    images = images_for(model)
    expected = LayerActivation(plain, plain.get_submodule(layer)).attribute(model.normalized(images))
    torch.testing.assert_close(Probe(model, [layer])(images)[layer], expected.detach(), rtol=1e-4, atol=1e-4)


def test_the_pass_stops_at_the_deepest_layer_asked_for():
    model, passed = image_model("lenet"), []
    Probe(model, ["9"])  # looks at the whole network once
    model.twin[7].register_forward_hook(lambda *_: passed.append(7))
    Probe(model, ["0", "3"])(images_for(model))
    assert passed == []
    Probe(model, ["0", "9"])(images_for(model))
    assert passed == [7]


def test_gradients_reach_the_images_from_every_layer_despite_in_place_relus():
    model = image_model("resnet")
    images = images_for(model).requires_grad_()
    outputs = Probe(model, ["1", "3", "4"])(images)
    for output in outputs.values():
        (gradient,) = torch.autograd.grad(output.sum(), images, retain_graph=True)
        assert gradient.abs().sum() > 0


def test_a_shallower_output_is_not_overwritten_by_an_in_place_operation():
    model = image_model("resnet")
    both = Probe(model, ["1", "2"])(images_for(model))
    assert both["1"].min() < 0 <= both["2"].min()


def test_a_patch_changes_what_follows():
    model = image_model("lenet")
    patched = Probe(model, ["9"])(images_for(model), patches={"3": torch.zeros_like})["9"]
    assert torch.equal(patched[0], patched[1])
    plain = Probe(model, ["9"])(images_for(model))["9"]
    assert not torch.equal(plain[0], plain[1])


def test_many_images_are_read_in_batches():
    model = image_model("lenet")
    images = images_for(model, 7)
    whole, parts = Probe(model, ["3"]).read(images)["3"], Probe(model, ["3"]).read(images, batch=3)["3"]
    assert whole.shape == (7, 16, 100)
    torch.testing.assert_close(whole, parts)


def test_an_unknown_layer_names_the_nearest():
    with pytest.raises(XaiwidgetsError, match=r"no layer '_blocks.88'; nearest: '_blocks.8'"):
        Probe(image_model("efficientnet_lite0"), ["_blocks.88"])


def test_a_layer_that_is_never_reached_is_refused_in_words():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(XaiwidgetsError, match="'idle' of Idle cannot be read: the forward pass never reaches it"):
        Probe(ImageModel(Idle(), (3, 8, 8)), ["idle"])


def test_a_buffer_that_the_forward_pass_updates_is_refused_and_the_users_stays():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            self.count += 1
            return self.conv(x)

    counting = Counting()
    with pytest.raises(XaiwidgetsError, match="updates its buffer 'count'"):
        Probe(ImageModel(counting, (3, 8, 8)), ["conv"])(torch.rand(1, 3, 8, 8))
    assert counting.count.item() == 0


def test_an_error_in_the_forward_pass_leaves_no_hook_behind():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.broken = nn.Conv2d(3, 4, 3), False

        def forward(self, x):
            x = self.conv(x)
            if len(x) == 5:
                raise ValueError("five is too many")
            return x.mean((2, 3))

    model = ImageModel(Broken(), (3, 8, 8))
    probe = Probe(model, [""])
    with pytest.raises(ValueError, match="five is too many"):
        probe(torch.rand(5, 3, 8, 8))
    assert all(not child._forward_hooks for child in model.twin.modules())


def test_a_patch_of_an_output_of_several_parts_keeps_the_others():
    class Attentive(nn.Module):
        def __init__(self):
            super().__init__()
            self.attend, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            x = x.flatten(2).transpose(1, 2)
            return self.head(self.attend(x, x, x)[0].mean(1))

    model = ImageModel(Attentive(), (8, 4, 4))
    images = torch.rand(3, 8, 4, 4)
    same = Probe(model, ["head"])(images, patches={"attend": lambda values: values})["head"]
    torch.testing.assert_close(same, Probe(model, ["head"])(images)["head"])
    both = Probe(model, ["attend", "head"])(images, patches={"attend": torch.zeros_like})
    assert both["attend"].abs().sum() == 0
    assert torch.equal(both["head"][0], both["head"][2])
