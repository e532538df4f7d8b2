"""The widget of learned inversion without a browser: real parts, real runs."""

import re
import time

import ipywidgets
import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.networks import image_model, module
from tests.parts.wire import Wire
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError
from xaiwidgets.data import ImageSet, fashion_mnist_small, photograph_set
from xaiwidgets.methods import LearnedInversion
from xaiwidgets.widgets.parts.publisher import get_publisher

FEW = {"steps": 6, "batch": 8, "every": 2}


HELD_OUT = (8, 24, 40, 56)  # spread over 64 images


@pytest.fixture
def view():
    get_publisher().errors.clear()  # those of tests before
    view = xw.LearnedInverter(xw.load_model("lenet"), fashion_mnist_small("train")[:64], layer="fc1", **FEW)
    yield view
    view.dispose()
    assert not get_publisher().errors


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


def pixels_of(view):
    return view.pixels(view.shown)


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
