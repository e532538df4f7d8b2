"""The feature visualizer without a browser: what it shows, saves and gives back."""

import re

import ipywidgets
import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.visualized import visualizer
from tests.networks import image_model, module
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import photographs


@pytest.fixture
def view():
    yield from visualizer()


def test_run_wait_and_result(view):
    assert view.result is None
    value = view.run().wait(60)
    assert value is view.result
    assert value.images.shape == (3, 3, 32, 32)
    assert (view.status, view.progress, view.value) == ("done", 1.0, value)


def test_left_out_arguments_have_sensible_defaults():
    view = xw.FeatureVisualizer(xw.load_model("efficientnet_lite0"))
    assert view.choice.layer.startswith("_blocks.")
    assert len(view.choice.units) == 6
    logits = xw.FeatureVisualizer(view.model, objective="logit", units=[130])
    assert logits.choice.layer == "_fc"
    assert logits.frame.cells[0]["label"] == "flamingo"
    view.dispose()
    logits.dispose()


@pytest.mark.parametrize("name", ["resnet", "vision_transformer", "functional_cnn", "lenet", "mlp"])
def test_a_plain_module_works_in_the_models_place(name):
    view = xw.FeatureVisualizer(module(name), steps=3, device="cpu")
    assert view.run().wait(120).images.shape[0] == len(view.choice.units)
    view.dispose()


def test_finished_runs_come_back_with_their_settings(view):
    first = view.run().wait(60)
    view.form.set({"seed": 9})
    second = view.run().wait(60)
    assert view.result is second
    view.bring_back(view.history.ids[-1])
    assert view.result is first
    assert view.form.values["seed"] == 0
    assert "seed=0" in view.as_code()


def test_choosing_another_layer_keeps_the_units_that_it_has(view):
    view.choice.tree.set_state({"selected": "7"})
    assert (view.choice.layer, view.choice.units) == ("7", (1, 2, 3))
    assert view.run().wait(60).images.shape[0] == 3


def test_numbers_are_multiples_of_what_the_images_give():
    view = xw.FeatureVisualizer(
        xw.load_model("efficientnet_lite0"), layer="_blocks.3", units=[1, 2], size=96, steps=24, images=photographs()
    )
    value = view.run().wait(60)
    largest = np.array(next(job.wait(60).value.tolist() for job in view.comparison._jobs.values()))
    notes = [cell["note"] for cell in view.frame.cells] if view.comparison.largest(view.method()) else []
    wanted = view.comparison.words(view.method(), value.objective.tolist())
    assert wanted == [f"{ratio:.1f}×" for ratio in value.objective.numpy() / largest]
    assert notes in ([], wanted)
    view.dispose()


def test_png_and_html_are_written(view, tmp_path):
    with pytest.raises(XaiwidgetsError, match="nothing to save yet"):
        view.save(tmp_path / "early.png")
    view.run().wait(60)
    assert view.save(tmp_path / "units.png").read_bytes().startswith(b"\x89PNG")
    page = view.save(tmp_path / "units.html").read_text()
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.https?:", page), "it must need nothing else"
    assert "ActivationMaximization(" in page
    assert page.count("<figure>") == 3
    with pytest.raises(XaiwidgetsError, match=r"units.jpg was given; name a .png .* or a .html"):
        view.save(tmp_path / "units.jpg")
    assert "image/jpeg" in view._repr_mimebundle_()["text/html"]


def test_runs_that_are_over_at_once_all_take_their_place():
    view = xw.FeatureVisualizer(image_model("mlp"), layer="0", units=[1], steps=1)
    for _ in range(3):
        view.run().wait(60)
    assert len(view.history.ids) == 3
    view.dispose()


def test_everything_is_given_back():
    before = set(ipywidgets.widgets.widget._instances)
    view = xw.FeatureVisualizer(image_model("resnet"), layer="3", units=[1], steps=3)
    view.run().wait(60)
    view.dispose()
    view.dispose()
    assert set(ipywidgets.widgets.widget._instances) == before


def test_directions_have_a_null_level_too():
    directions = torch.randn(2, 40, generator=torch.Generator().manual_seed(0))
    view = xw.FeatureVisualizer(
        xw.load_model("efficientnet_lite0"),
        layer="_blocks.3",
        units=[0, 1],
        objective="direction",
        size=64,
        steps=2,
        directions=directions,
        images=photographs().numpy(),
    )
    view.run().wait(60)
    (job,) = view.comparison._jobs.values()
    assert job.wait(60).value.shape == (2,)
    assert view.comparison.largest(view.current.method) == job.latest.value.tolist()
    view.dispose()


def test_units_can_be_named():
    view = xw.FeatureVisualizer(xw.load_model("efficientnet_lite0"), objective="logit", units=["flamingo", 1])
    assert view.choice.units == (130, 1)
    view.dispose()
