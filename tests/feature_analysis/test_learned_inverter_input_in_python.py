"""Which images the learned inverter learns from and which it holds out, and what is refused in words."""

import ipywidgets
import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.learned_inverters import FEW, inverter
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError
from xaiwidgets.data import fashion_mnist_small, photograph_set


@pytest.fixture
def view():
    yield from inverter()


def code_of(view):
    lines = [line for line in view.as_code().splitlines() if line.startswith(("train = ", "images = "))]
    view.dispose()
    return lines


def test_what_is_held_out_was_not_learned_from():
    lenet, colors = xw.load_model("lenet"), image_model("resnet")
    small = "xw.data.fashion_mnist_small('{}')".format
    photographs = "xw.data.photograph_set(32)"
    assert code_of(xw.LearnedInverter(lenet)) == [f"train = {small('train')}", f"images = {small('test')}[:12:3]"]
    assert code_of(xw.LearnedInverter(lenet, fashion_mnist_small("test")[:10])) == [
        f"train = {small('test')}[:10].without([1, 4, 6, 9])",
        f"images = {small('test')}[:10].subset([1, 4, 6, 9])",
    ]
    assert code_of(xw.LearnedInverter(colors)) == [
        f"train = {photographs}.without([0, 3, 4, 12])",
        f"images = {photographs}.subset([0, 3, 4, 12])",
    ]
    assert code_of(xw.LearnedInverter(colors, images=photograph_set(32)[2:4])) == [
        f"train = {photographs}.without([2, 3])",
        f"images = {photographs}[2:4]",
    ]
    assert code_of(xw.LearnedInverter(lenet, images=fashion_mnist_small("test"))) == [
        f"train = {small('train')}",
        f"images = {small('test')}[:8]",
    ]


def test_two_images_are_enough_and_one_is_not():
    model = image_model("lenet")
    view = xw.LearnedInverter(model, torch.rand(2, 1, 28, 28), steps=2, batch=2, layer="3")
    assert (len(view.train), len(view.images), view.frame.columns) == (1, 1, 2)
    assert view.run().wait(60).images.shape == (1, 1, 28, 28)
    assert view.frame.cells[0]["label"] == "image 0"
    view.dispose()
    with pytest.raises(XaiwidgetsError, match="One training image was given; give at least two"):
        xw.LearnedInverter(model, torch.rand(1, 1, 28, 28))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layer": "conv9"}, XaiwidgetsError, "no layer 'conv9'; nearest: "),
        ({"steps": 0}, InvalidSettingError, "steps=0 was given"),
        ({"stepz": 3}, XaiwidgetsError, "no setting 'stepz'; nearest: 'steps'"),
        ({"learning_rate": "fast"}, InvalidSettingError, "learning_rate='fast' was given"),
        ({"images": "cats"}, XaiwidgetsError, "'cats' cannot be opened"),
        ({"images": torch.full((2, 1, 28, 28), 200)}, XaiwidgetsError, "Images of int64 from 200 to 200 were given"),
        ({"images": torch.rand(2, 2, 28, 28)}, XaiwidgetsError, "Images of 2 channels were given where 1 are wanted"),
        ({"images": {"a": 1}}, XaiwidgetsError, "dict was given as images"),
        ({"images": []}, XaiwidgetsError, "No images were given"),
        ({"train": 3.5}, XaiwidgetsError, "float was given as images"),
        ({"train": torch.rand(0, 1, 28, 28)}, XaiwidgetsError, "No images were given"),
        ({"train": torch.full((9, 1, 28, 28), float("nan"))}, XaiwidgetsError, "Images of float32 from nan to nan"),
    ],
)
def test_bad_input_is_refused_in_words_and_leaves_no_widget_behind(arguments, error, words):
    model = xw.load_model("lenet")
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(error, match=words):
        xw.LearnedInverter(model, **arguments)
    assert set(ipywidgets.widgets.widget._instances) == before


def test_a_wrong_change_is_refused_and_the_widget_lives_on(view):
    before = view.method()
    for wrong in ({"layer": "conv9"}, {"batch": 0}, {"speed": 1}, {"seed": 3, "learning_rate": -1}):
        with pytest.raises(XaiwidgetsError):
            view.set(**wrong)
    with pytest.raises(XaiwidgetsError, match=r"call .*set\(steps=24\)"):
        view.steps = 24
    assert before.difference(view.method()) == {}
    assert view.run().wait(60).images.shape == (4, 1, 28, 28)


def test_a_failed_run_says_why_and_the_next_one_works():
    model = image_model("lenet")
    view = xw.LearnedInverter(model, torch.rand(9, 1, 28, 28), layer="3", **FEW)
    weight = model.module[3].weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(float("nan"))
    with pytest.raises(XaiwidgetsError, match="not a finite number"):
        view.run().wait(60)
    assert view.status == "failed"
    assert "not a finite number" in view.bar.message
    with torch.no_grad():
        weight.copy_(kept)
    view.run().wait(60)
    assert (view.status, view.bar.message) == ("done", "")
    view.dispose()
