import numpy as np
import pytest
import torch

from tests.feature_analysis.layer_outputs import GRIDS, outputs, precise, some_images, tolerance
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import Activations

WIDGET = "xw.ActivationBrowser(xw.load_model('lenet'), layer='conv2')"
SHORT = True


def example():
    """A tiny call for the contract suite."""
    images = torch.rand(3, 3, 24, 20, generator=torch.Generator().manual_seed(0))
    return Activations(layer="conv2"), (image_model("functional_cnn"), images)


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_the_layers_own_outputs(name):
    images = some_images(name, 1 if name == "efficientnet_lite0" else 3)
    expected = outputs(name, images)
    value = last(Activations(layer_of(name))(precise(name), images))
    assert value.maps.shape[2:] == GRIDS[name]
    np.testing.assert_allclose(value.maps, expected, **tolerance(name))
    flat = expected.reshape(*expected.shape[:2], -1)
    np.testing.assert_allclose(value.largest, flat.max(2), **tolerance(name))
    found = np.take_along_axis(flat, (value.rows * GRIDS[name][1] + value.columns).numpy()[..., None], 2)[..., 0]
    np.testing.assert_allclose(found, flat.max(2), **tolerance(name))
    np.testing.assert_allclose(value.share_active, (flat > 0).mean(2), atol=1e-3)


def test_each_image_comes_as_soon_as_it_is_known():
    model, images = image_model("resnet"), some_images("resnet", 4).float()
    steps = list(Activations("3")(model, images))
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert [len(step.value.maps) for step in steps] == [1, 2, 3, 4]
    assert torch.equal(steps[1].value.maps, steps[3].value.maps[:2])


def test_images_of_another_size_have_another_grid():
    model = image_model("functional_cnn")
    assert last(Activations("conv2")(model, torch.rand(1, 3, 44, 30))).maps.shape == (1, 12, 19, 12)


def test_the_networks_output_has_one_position():
    model, images = image_model("lenet"), torch.rand(2, 1, 28, 28)
    value = last(Activations("")(model, ImageSet(images)))
    torch.testing.assert_close(value.maps[:, :, 0, 0], model(images))
    assert not value.rows.any()
    assert not value.columns.any()


def test_what_cannot_be_looked_at_is_refused_in_words():
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'"):
        last(Activations("conv9")(image_model("lenet"), torch.rand(1, 1, 28, 28)))
    with pytest.raises(XaiwidgetsError, match="does not run"):
        last(Activations("3")(image_model("lenet"), torch.rand(1, 1, 20, 20)))
