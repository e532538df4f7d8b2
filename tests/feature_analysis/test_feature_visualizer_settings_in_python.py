"""Settings of the feature visualizer, changed before, while and after it runs, and code that makes the same again."""

import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.visualized import run_code, visualizer
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError


@pytest.fixture
def view():
    yield from visualizer()


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
