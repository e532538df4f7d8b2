"""Runs of the learned inverter that are steered, stopped, brought back, set beside and saved."""

import time

import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.learned_inverters import inverter
from tests.parts.wire import Wire
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.methods import LearnedInversion


@pytest.fixture
def view():
    yield from inverter()


def run_code(code):
    names = {}
    exec(code, names)  # noqa: S102 - the widget's own code
    return names


def begun(view):
    """Run, and wait for the first answer."""
    view.run()
    while view.result is None:
        time.sleep(0.005)
        assert view.current.job.error is None
    return view.current


def test_the_copied_code_makes_the_very_result_again_after_steering_and_a_stop():
    view = xw.LearnedInverter(xw.load_model("lenet"), layer="fc3", steps=4000, batch=8, every=4)
    run = begun(view)
    view.form.controls["learning_rate"].widget.value = 2
    while not run.job.steering or run.job.latest.done < run.job.steering[0][0] + 9:
        time.sleep(0.005)
    assert view.current is run, "the learning rate steers"
    view.cancel()
    value = view.wait(60)
    code = view.as_code()
    assert "steering=[(" in code
    assert "stop=" in code
    assert "train = xw.data.fashion_mnist_small('train')" in code
    assert "images = xw.data.fashion_mnist_small('test')[:12:3]" in code
    assert "last(method(model, train, images), " in code
    made = run_code(code)["result"]
    assert torch.equal(made.images, value.images)
    assert torch.equal(made.loss, value.loss)
    view.dispose()


def test_set_steers_and_everything_else_starts_anew(view):
    view.set(steps=4000)
    run = begun(view)
    view.set(learning_rate=0.01)
    assert view.current is run
    while not run.job.steering:
        time.sleep(0.005)
    assert run.job.steering[0][1] == {"learning_rate": 0.01}
    view.set(batch=4)
    assert view.current is not run
    run = view.current
    view.choice.tree.set_state({"selected": "conv2"})
    assert view.current is not run
    assert view.current.method.layer == "conv2"
    assert view.frame.cells[1]["label"] == "from conv2"
    view.cancel()
    view.wait(60)


def test_finished_runs_come_back_with_their_layer(view):
    first = view.run().wait(60)
    view.set(layer="fc3", seed=4)
    second = view.run().wait(60)
    assert view.result is second
    view.bring_back(view.history.ids[-1])
    assert view.result is first
    assert (view.choice.layer, view.form.values["seed"]) == ("fc1", 0)
    assert view.frame.cells[1]["label"] == "from fc1"
    assert torch.equal(run_code(view.as_code())["result"].images, first.images)


def test_an_earlier_run_can_be_set_beside(view):
    view.run().wait(60)
    view.set(seed=1)
    view.run().wait(60)
    view.history.set_state({"compared": view.history.ids[-1]})
    assert view._pair.cells[1]["label"] == "from fc1, earlier run"
    assert view._pair.cells[1]["note"] == f"{float(view.runs[view.history.ids[-1]].value.image_error[0]):.3f}"


def test_png_and_html_are_written(view, tmp_path):
    with pytest.raises(XaiwidgetsError, match="nothing to save yet"):
        view.save(tmp_path / "early.png")
    view.run().wait(60)
    assert view.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    page = view.save(tmp_path / "a.html").read_text()
    assert "LearnedInversion(" in page
    assert page.count("<figure>") == 8


def test_the_button_gives_the_browser_a_decoder_that_can_be_read(view, tmp_path):
    wire = Wire(view.foot)
    view.keep.click()
    assert "press Run first" in wire.custom[-1]["text"]
    value = view.run().wait(60)
    view.keep.click()
    assert wire.custom[-1]["files"] == [{"name": "decoder-fc1.safetensors", "mime": "application/octet-stream"}]
    path = tmp_path / "decoder.safetensors"
    path.write_bytes(wire.buffers[-1][0])
    decoder = LearnedInversion.load(path, view.model, "fc1")
    assert torch.equal(decoder(view.images.batch(slice(None))), value.images)


def test_a_decoder_too_large_for_a_browser_is_told_where_to_go(view, monkeypatch):
    view.run().wait(60)
    monkeypatch.setattr("xaiwidgets.widgets.feature_analysis.learned_inversion.LARGEST_EXPORT", 1000)
    view.keep.click()
    view.publish()
    assert "more than reaches a browser; save it from Python with view.result.decoder.save(path)" in view.bar.message
    assert view.run().wait(60) is not None
