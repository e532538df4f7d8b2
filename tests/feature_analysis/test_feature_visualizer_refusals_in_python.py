"""Bad input, failed runs and observers that raise never kill the feature visualizer, and are told in words."""

import contextlib

import ipywidgets
import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.visualized import visualizer
from tests.networks import image_model
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError
from xaiwidgets.widgets.parts.publisher import get_publisher


@pytest.fixture
def view():
    yield from visualizer()


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


def test_nothing_can_be_waited_for_before_it_is_run(view):
    with pytest.raises(XaiwidgetsError, match="call run\\(\\) first"):
        view.wait()


def test_an_observer_that_raises_does_not_stop_the_widget():
    view = xw.FeatureVisualizer(image_model("resnet"), layer="3", units=[1], steps=3)
    view.observe(lambda _change: 1 / 0, "value")
    with contextlib.suppress(ZeroDivisionError):  # raised here or on the publisher's thread, whichever tells first
        view.run().wait(60)
    assert view.current.job.status == view.status == "done"
    assert len(view.history.ids) == 1
    view.dispose()
    get_publisher().errors.clear()
