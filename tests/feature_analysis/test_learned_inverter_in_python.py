"""The widget of learned inversion without a browser: its pictures, its numbers, and what it says of them."""

import re

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.learned_inverters import inverter, pixels_of
from tests.networks import image_model, module
from xaiwidgets.data import ImageSet, fashion_mnist_small

HELD_OUT = (8, 24, 40, 56)  # spread over 64 images


@pytest.fixture
def view():
    yield from inverter()


def test_run_wait_and_result(view):
    assert view.result is None
    value = view.run().wait(60)
    assert value is view.result
    assert value.images.shape == (4, 1, 28, 28)
    assert (view.status, view.progress, view.value) == ("done", 1.0, value)
    assert view.bar.subject == "LeNet · fc1 · learns from 60 images"


def test_each_original_stands_beside_its_reconstruction(view):
    value = view.run().wait(60)
    originals = fashion_mnist_small("train").batch(HELD_OUT)
    pictures = pixels_of(view)
    for i in range(4):
        np.testing.assert_array_equal(pictures[2 * i], (originals[i] * 255).round().byte().permute(1, 2, 0))
        np.testing.assert_allclose(
            pictures[2 * i + 1] / 255, value.images[i].permute(1, 2, 0), atol=0.5 / 255 + 1e-6, rtol=0
        )
    names = [view.images.label_name(i) for i in range(4)]
    assert [cell["label"] for cell in view.frame.cells] == [name for own in names for name in (own, "from fc1")]
    assert view.frame.columns == 4


def test_the_numbers_are_the_distances_of_the_pictures(view):
    value = view.run().wait(60)
    train = fashion_mnist_small("train")
    learned = [place for place in range(64) if place not in HELD_OUT]
    originals, mean = train.batch(HELD_OUT), train.batch(learned).mean(0)
    errors = ((value.images - originals) ** 2).mean((1, 2, 3)).sqrt().tolist()
    nulls = ((mean - originals) ** 2).mean((1, 2, 3)).sqrt().tolist()
    assert [cell["note"] for cell in view.frame.cells][1::2] == [f"{error:.3f}" for error in errors]
    said = re.sub("<.*?>", "", view.evidence.value.replace("<br>", "\n"))
    for name, error, null in zip(map(view.images.label_name, range(4)), errors, nulls, strict=True):
        assert f"{name}: {error:.3f} against {null:.3f}" in said
    found, null = (np.sqrt(np.mean(np.square(numbers))) for numbers in (errors, nulls))
    assert said.startswith(f"Error {found:.3f} (root mean square, 0 to 1) against {null:.3f} for the mean training")
    lines = view._lines(view.shown)
    assert lines.values[0][-1] == pytest.approx(found, rel=1e-5)
    assert lines.values[1] == pytest.approx(value.loss.sqrt().tolist())
    assert lines.level == pytest.approx(null, rel=1e-5)
    assert list(lines.x) == [0, 1, 2, 4, 6]
    view.selection = 3
    view.publish()
    assert view.foot.sentence == (
        f"{view.images.label_name(1)} · error {errors[1]:.3f}, {errors[1] / nulls[1]:.2f}× that of the mean image"
    )


def test_what_the_error_means_is_said_in_words(view):
    view.set(steps=1)
    view.run().wait(60)
    assert "The decoder has found little in the layer, so far." in view.evidence.value
    view.set(layer="conv1", steps=80, learning_rate=3e-3)
    value = view.run().wait(60)
    assert value.image_error.mean() < 0.5 * value.mean_error.mean()
    assert "The layer keeps much of these images." in view.evidence.value
    assert "by heart" not in view.evidence.value


def test_images_known_by_heart_are_told_from_a_layer_that_keeps_much():
    noise = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    view = xw.LearnedInverter(image_model("lenet"), noise, layer="9", steps=150, batch=2, learning_rate=3e-3)
    value = view.run().wait(60)
    learned = float(value.loss[-1]) ** 0.5
    assert float(value.image_error[0]) > 1.5 * learned
    assert f"In training it is <b>{learned:.3f}</b>: the decoder may know those images by heart" in view.evidence.value
    assert "The layer keeps" not in view.evidence.value
    view.dispose()


def test_names_of_classes_are_no_markup():
    images = ImageSet(torch.rand(4, 1, 28, 28), [0, 0, 0, 0], ["<img src=x onerror=alert(1)>"])
    view = xw.LearnedInverter(image_model("lenet"), images, layer="3", steps=1, batch=2)
    view.run().wait(60)
    assert "<img" not in view.evidence.value
    assert "&lt;img" in view.evidence.value
    view.dispose()


@pytest.mark.parametrize("name", ["resnet", "vision_transformer", "functional_cnn", "channels_last", "lenet", "mlp"])
def test_a_plain_module_works_in_the_models_place(name):
    view = xw.LearnedInverter(module(name), steps=2, batch=4, device="cpu")
    assert view.run().wait(120).images.shape[0] == 4
    assert len(pixels_of(view)) == 8
    view.dispose()
