"""The widget without a browser: what code can do with it, and that bad input never kills it."""

import contextlib
import re

import ipywidgets
import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.networks import image_model, module
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError
from xaiwidgets.data import photographs
from xaiwidgets.widgets.parts.publisher import get_publisher


@pytest.fixture
def view():
    view = xw.FeatureVisualizer(image_model("resnet"), layer="3", units=[1, 2, 3], steps=20)
    yield view
    view.dispose()
    assert not get_publisher().errors


def run_code(code):
    names = {}
    exec(code, names)  # noqa: S102 - the widget's own code
    return names


def test_run_wait_and_result(view):
    assert view.result is None
    value = view.run().wait(60)
    assert value is view.result
    assert value.images.shape == (3, 3, 32, 32)
    assert (view.status, view.progress, view.value) == ("done", 1.0, value)


def test_the_copied_code_makes_the_very_result_again():
    model = xw.load_model("efficientnet_lite0")
    view = xw.FeatureVisualizer(model, layer="_blocks.3", units=[3, 3, 7], size=96, steps=400, blur=0.5, seed=4)
    view.run()
    while view.current.job.latest is None or view.current.job.latest.done < 4:
        pass
    view.form.controls["total_variation"].widget.value = 20
    while not view.current.job.steering or view.current.job.latest.done < view.current.job.steering[0][0] + 3:
        pass
    view.cancel()
    value = view.wait(60)
    code = view.as_code()
    assert "steering=[(" in code
    assert "stop=" in code
    assert torch.equal(run_code(code)["result"].images, value.images)
    view.dispose()


def test_directions_are_part_of_the_code():
    directions = torch.eye(16)[[3, 5]]
    view = xw.FeatureVisualizer(
        image_model("resnet"), layer="3", units=[0, 1], objective="direction", directions=directions, steps=4
    )
    value = view.run().wait(60)
    code = view.as_code().replace("model = ...", "model = None")
    method = run_code(code.split("result")[0])["method"]
    assert torch.equal(method(view.model).__next__().value.images, next(view.method()(view.model)).value.images)
    assert value.images.shape[0] == 2
    view.dispose()


def test_without_a_run_the_code_is_the_call_that_would_be_made(view):
    assert "ActivationMaximization(layer='3', units=(1, 2, 3), steps=20, seed=0)" in view.as_code()


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


def test_a_restart_and_a_live_change_while_it_runs(view):
    view.form.set({"steps": 4000})
    view.run()
    while view.current.job.latest is None:
        pass
    run = view.current
    view.form.controls["learning_rate"].widget.value = 3
    assert view.current is run
    view.form.controls["objective"].widget.value = 1
    assert view.current is not run, "a setting that is not live starts a new run"
    assert view.current.method.objective == "neuron"
    view.choice.tree.set_state({"units": [5]})
    assert view.current.method.units == (5,)
    view.cancel()
    view.wait(60)


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


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layer": "33"}, XaiwidgetsError, "no layer '33'; nearest: '3'"),
        ({"units": [16]}, XaiwidgetsError, "Unit 16 was asked for; layer '3' has 16 units"),
        ({"units": []}, XaiwidgetsError, "0 units were given; give 1 to 64"),
        ({"units": "all"}, XaiwidgetsError, "units='all' was given"),
        ({"steps": 0}, InvalidSettingError, "steps=0 was given"),
        ({"objective": "logits"}, InvalidSettingError, "nearest: 'logit'"),
        (
            {"images": torch.rand(2, 1, 8, 8)},
            XaiwidgetsError,
            r"shape \(2, 1, 8, 8\) were given; give a tensor \(image, 3",
        ),
        ({"images": "cats"}, XaiwidgetsError, "str was given as images"),
        (
            {"images": torch.full((1, 3, 8, 8), 200)},
            XaiwidgetsError,
            r"images of torch.int64 from 200 to 200 were given",
        ),
        ({"units": [1.7]}, XaiwidgetsError, r"units=\[1.7\] was given"),
        ({"units": ["cat"]}, XaiwidgetsError, "units=\\['cat'\\] was given"),
        ({"stepz": 3}, XaiwidgetsError, "no setting 'stepz'; nearest: 'steps'"),
    ],
)
def test_bad_input_is_refused_in_words_and_leaves_no_widget_behind(arguments, error, words):
    model = image_model("resnet")
    before = len(ipywidgets.widgets.widget._instances)
    with pytest.raises(error, match=words):
        xw.FeatureVisualizer(model, **{"layer": "3", "units": [1], **arguments})
    assert len(ipywidgets.widgets.widget._instances) == before


def test_a_module_of_something_else_is_refused():
    with pytest.raises(XaiwidgetsError, match="may not be a network of images"):
        xw.FeatureVisualizer(torch.nn.LSTM(3, 4))


def test_a_failed_run_says_why_and_the_next_one_works(view):
    weight = view.model.module[3].conv1.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(float("nan"))
    for _ in range(2):
        with pytest.raises(XaiwidgetsError, match="not a finite number"):
            view.run().wait(60)
        assert view.status == "failed"
        assert "not a finite number" in view.bar.message
    with torch.no_grad():
        weight.copy_(kept)
    view.run().wait(60)
    assert (view.status, view.bar.message) == ("done", "")


def test_what_a_browser_asks_for_and_cannot_be_done_is_said(view):
    view.run().wait(60)
    view.form.controls["parameterization"].widget.value = 2
    view.form.controls["blur"].widget.value = 1.0
    view.guarded(view.run)
    view.publish()
    assert "keeps magnitudes; set blur=0" in view.bar.message


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


def test_nothing_can_be_waited_for_before_it_is_run(view):
    with pytest.raises(XaiwidgetsError, match="call run\\(\\) first"):
        view.wait()


def test_settings_are_changed_by_set_and_not_by_assignment(view):
    view.set(steps=8, units=[4], total_variation=0.01)
    value = view.run().wait(60)
    assert (value.units, value.history_steps[-1]) == ((4,), 8)
    assert "total_variation=0.01" in view.as_code()
    with pytest.raises(XaiwidgetsError, match=r"steps is a setting; call .*set\(steps=24\)"):
        view.steps = 24
    with pytest.raises(InvalidSettingError, match="no setting 'stepz'"):
        view.set(stepz=24)


def test_settings_that_only_fit_together_are_set_together(view):
    view.set(blur=1.0)
    view.set(blur=0.0, parameterization="maco", objective="neuron", row=1)
    assert (view.method().parameterization, view.method().row) == ("maco", 1)


def test_set_steers_a_run_that_is_on(view):
    view.set(steps=4000)
    view.run()
    while view.current.job.latest is None:
        pass
    run = view.current
    view.set(learning_rate=0.2)
    assert view.current is run
    while not run.job.steering:
        pass
    assert run.job.steering[0][1] == {"learning_rate": 0.2}
    view.cancel()
    view.wait(60)


def test_the_code_stays_that_of_what_is_shown_until_something_else_is(view):
    view.run().wait(60)
    code = view.foot.code
    view.form.controls["total_variation"].widget.value = 20
    assert view.foot.code == code
    view.choice.tree.set_state({"selected": "4"})
    view.publish()
    assert (view.result, view.status, view.history.chosen) == (None, "idle", -1)
    assert "layer='4'" in view.foot.code
    assert "result = last(method(model))" in view.foot.code


def test_a_run_brought_back_while_another_goes_on_keeps_its_own_recipe(view):
    view.run().wait(60)
    view.set(seed=2, steps=4000)
    view.run()
    while view.current.job.latest is None:
        pass
    view.bring_back(view.history.ids[-1])
    view.wait(60)
    assert "seed=0" in view.foot.code
    assert view.history.chosen == view.history.ids[-1]


def test_an_observer_that_raises_does_not_stop_the_widget():
    view = xw.FeatureVisualizer(image_model("resnet"), layer="3", units=[1], steps=3)
    view.observe(lambda _change: 1 / 0, "value")
    with contextlib.suppress(ZeroDivisionError):  # raised here or on the publisher's thread, whichever tells first
        view.run().wait(60)
    assert view.current.job.status == view.status == "done"
    assert len(view.history.ids) == 1
    view.dispose()
    get_publisher().errors.clear()


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
