"""Receptive fields that follow from a network's layers alone: those of the arithmetic, hidden by nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.feature_analysis.field_networks import (
    CHAINS,
    OPERATIONS,
    After,
    Particular,
    Squeezed,
    Windows,
    Written,
    arithmetic,
    chain,
)
from tests.networks import NETWORKS, image_model, layer_of
from xaiwidgets.methods._geometry.geometry import geometry_of
from xaiwidgets.models import ImageModel, Probe, load_model


def geometry(network, layer="", shape=(3, 48, 40)):
    return geometry_of(Probe(ImageModel(network, shape), [layer]), layer, shape[1:])


@pytest.mark.parametrize("name", CHAINS)
def test_the_theoretical_field_is_that_of_the_arithmetic(name):
    network, parts = chain(*CHAINS[name])
    found, (size, stride, begin) = geometry(network), arithmetic(parts)
    assert found.size == (size, size)
    for axis, length in ((found.rows, 48), (found.columns, 40)):
        low = np.clip(begin + stride * np.arange(len(axis.low)), 0, length)
        high = np.clip(begin + size + stride * np.arange(len(axis.low)), 0, length)
        np.testing.assert_array_equal(axis.low, low)
        np.testing.assert_array_equal(axis.high, high)
        np.testing.assert_allclose(axis.centers, begin + size / 2 + stride * np.arange(len(axis.low)))


def test_boxes_are_top_left_bottom_right_and_none_for_no_position():
    found = geometry(chain(*CHAINS["padded"])[0])
    rows, columns = torch.tensor([[0, 5], [23, -1]]), torch.tensor([[0, 3], [19, -1]])
    assert found.boxes(rows, columns).tolist() == [[[0, 0, 5, 5], [6, 2, 15, 11]], [[42, 34, 48, 40], [0, 0, 0, 0]]]
    centers = found.centers(rows, columns)
    assert centers[0].tolist() == [[0.5, 0.5], [10.5, 6.5]]
    assert centers[1, 1].isnan().all()


def test_efficientnets_field_is_known_though_it_is_larger_than_the_image():
    model = load_model("efficientnet_lite0")
    parts = [
        (conv.kernel_size[0], conv.stride[0], 0, 1) for conv in model.module.modules() if isinstance(conv, nn.Conv2d)
    ]
    found = geometry_of(Probe(model, ["_blocks.15"]), "_blocks.15", (224, 224))
    size, stride, _ = arithmetic(parts)
    assert (found.size, found.grid) == ((size, size), (7, 7))
    assert np.diff(found.rows.centers).tolist() == [stride] * 6
    assert set(found.rows.low) == {0}
    assert set(found.rows.high) == {224}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_hide_nothing_and_add_nothing(name):
    function, size = OPERATIONS[name]
    assert geometry(After(function)).size == size


def test_nothing_hides_a_field():
    found = geometry(Written())
    assert found.size == (5, 5)
    assert found.rows.low[:4] == (0, 0, 0, 1)


@pytest.mark.parametrize("padding", [0, 1])
def test_a_gate_sees_the_whole_image(padding):
    found = geometry(nn.Sequential(nn.Conv2d(3, 3, 3, padding=padding), Squeezed()))
    assert set(found.rows.low) == {0}
    assert set(found.rows.high) == {48}
    assert found.size == (48, 40)


def test_windows_see_themselves():
    found = geometry(Windows(), shape=(3, 32, 32))
    assert found.rows.low == (0, 0, 8, 8, 16, 16, 24, 24)
    assert found.rows.high == (8, 8, 16, 16, 24, 24, 32, 32)
    assert found.size == (8, 8)


@pytest.mark.parametrize(("layer", "size"), [("patches", (4, 4)), ("blocks.0.norm1", (4, 4)), ("blocks.0", (32, 32))])
def test_attention_sees_the_whole_image(layer, size):
    model = image_model("vision_transformer")
    found = geometry_of(Probe(model, [layer]), layer, (32, 32))
    assert (found.size, found.grid) == (size, (8, 8))


def test_a_network_that_cannot_be_followed_is_said_to_see_everything():
    found = geometry(Particular(), shape=(3, 12, 10))
    assert (found.size, found.grid) == ((12, 10), (10, 8))


@pytest.mark.parametrize("name", NETWORKS)
def test_what_lies_outside_a_box_changes_nothing(name):
    model, layer = image_model(name), layer_of(name)
    size = model.input_shape[1:] if len(model.input_shape) == 3 else (8, 8)
    probe = Probe(model, [layer])
    found = geometry_of(probe, layer, size)
    row, column = (count // 2 for count in found.grid)
    top, left, bottom, right = found.boxes(torch.tensor(row), torch.tensor(column)).tolist()
    images = torch.rand(4, model.input_shape[0] if size != (8, 8) else 1, *size)
    images[:, :, top:bottom, left:right] = images[:1, :, top:bottom, left:right]
    seen = images.flatten(1) if name == "mlp" else images
    values = probe.arranged(seen, layer)[:, :, row * found.grid[1] + column]
    assert (values - values[:1]).abs().max() <= 1e-4 * values.abs().max()
