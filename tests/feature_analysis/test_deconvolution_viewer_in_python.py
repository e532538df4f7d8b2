"""The widgets of deconvolution and of guided backpropagation without a browser: real parts, real runs."""

import re
import time

import ipywidgets
import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.networks import image_model, module
from xaiwidgets.core import InvalidSettingError, XaiwidgetsError, last
from xaiwidgets.data import fashion_mnist_small, photograph_set
from xaiwidgets.methods import Deconvolution, GuidedBackprop
from xaiwidgets.widgets.feature_analysis._tiles import around_grey, crop, where_it_is
from xaiwidgets.widgets.parts.publisher import get_publisher

RULES = {
    "DeconvolutionViewer": (Deconvolution, GuidedBackprop),
    "GuidedBackpropViewer": (GuidedBackprop, Deconvolution),
}
COLUMN = {Deconvolution: 1, GuidedBackprop: 2}  # of a row of four pictures
NAMES = {Deconvolution: "deconvnet", GuidedBackprop: "guided backprop"}


@pytest.fixture(params=RULES)
def name(request):
    return request.param


@pytest.fixture
def view(name):
    get_publisher().errors.clear()  # those of tests before
    view = getattr(xw, name)(xw.load_model("lenet"), fashion_mnist_small()[:5], layer="fc1", units=[3, 8], stages=2)
    yield view
    view.dispose()
    assert not get_publisher().errors


def run_code(code):
    names = {}
    exec(code, names)  # noqa: S102 - the widget's own code
    return names


def finished(view):
    """Run both rules to their ends."""
    value = view.run().wait(60)
    view.current.remembered["other"].wait(60)
    view.mark_news()
    view.tell(view.current)
    return value


def said(view):
    return re.sub("<.*?>", "", view.evidence.value.replace("<br>", "\n"))


def nearly(found, expected):
    """Equal up to the rounding of one byte."""
    np.testing.assert_allclose(found.astype(int), expected.mul(255).permute(1, 2, 0).numpy(), atol=0.51)


def test_run_wait_and_result(view, name):
    assert view.result is None
    value = view.run().wait(60)
    assert value is view.result
    assert value.patterns.shape == (1, 2, 1, 28, 28)
    assert view.current.method.__class__ is RULES[name][0]
    assert (view.status, view.progress, view.value) == ("done", 1.0, value)


def test_both_rules_and_the_gradient_stand_beside_the_image(view, name):
    value = finished(view)
    own, other = RULES[name]
    image = fashion_mnist_small().batch([0])
    theirs = last(other(layer="fc1", units=(3, 8), stages=0)(view.model, image))
    pictures = view.pixels(view.shown)
    assert len(pictures) == 8
    for row in range(2):
        box = where_it_is(value.gradient[0, row])
        nearly(pictures[4 * row], crop(image[0], box, (28, 28)))
        for kind, patterns in ((own, value.patterns), (other, theirs.patterns)):
            nearly(pictures[4 * row + COLUMN[kind]], crop(around_grey(patterns[0, row]), box, (28, 28)))
        nearly(pictures[4 * row + 3], crop(around_grey(value.gradient[0, row]), box, (28, 28)))
    rule = ["deconvnet", "guided backprop", "gradient"]
    assert [cell["label"] for cell in view.frame.cells] == ["unit 3", *rule, "unit 8", *rule]
    assert view.frame.cells[0]["note"] == f"{float(value.activation[0, 0]):.3g}"


def test_the_evidence_holds_the_similarities_that_were_computed(view, name):
    value = finished(view)
    other = view.current.remembered["other"].latest.value
    words = said(view)
    own_name, other_name = (NAMES[kind] for kind in RULES[name])
    for rule, likeness, chance in (
        (own_name, value.similarity[0], value.chance[0]),
        (other_name, other.similarity[0], other.chance[0]),
        ("gradient", value.similarity[1], value.chance[1]),
    ):
        assert f"{rule}: {float(likeness[-1]):.2f} after 2 of 2 stages, {float(chance):.2f} by chance." in words
    lines = view._lines(view.shown)
    assert lines.values[2] == pytest.approx([1.0, *value.similarity[1].tolist()])
    assert lines.values[COLUMN[RULES[name][0]] - 1] == pytest.approx([1.0, *value.similarity[0].tolist()])


def test_without_stages_nothing_is_claimed(view):
    view.set(stages=0)
    finished(view)
    assert "Nothing was checked" in said(view)
    assert view.plot_of(view.shown) is None
    assert "<figure>" in view.to_html()


def test_the_copied_code_makes_the_very_result_again(view, name):
    view.images.set(2)
    view.run()
    while view.result is None:
        time.sleep(0.005)
    view.cancel()
    value = view.wait(60)
    code = view.as_code()
    assert f"images = xw.data.fashion_mnist_small('test')[:5][2:3]\nmethod = {RULES[name][0].__name__}(" in code
    made = run_code(code)["result"]
    assert torch.equal(made.patterns, value.patterns)
    assert torch.equal(made.similarity.nan_to_num(9), value.similarity.nan_to_num(9))


def test_another_image_is_laid_out_anew(view):
    finished(view)
    view.images.strip.set_state({"selected": 3})
    view.publish()
    assert (view.result, view.status, view.selection) == (None, "idle", -1)
    assert view.bar.subject == f"LeNet · fc1 · {fashion_mnist_small().label_name(3)}"
    assert "[3:4]" in view.as_code()
    value = finished(view)
    alone = last(view.method()(view.model, fashion_mnist_small().batch([3])))
    assert torch.equal(value.patterns, alone.patterns)


def test_another_image_starts_a_run_that_is_on_anew(name):
    view = getattr(xw, name)(xw.load_model("efficientnet_lite0"), layer="_blocks.4", units=[1], stages=32)
    view.run()
    run = view.current
    while view.result is None:
        time.sleep(0.005)
    view.images.strip.set_state({"selected": 4})
    assert view.current is not run
    assert not view.current.job.finished
    assert view.current.sources == (("images", "xw.data.photograph_set(224)[4:5]"),)
    while view.result is None:
        time.sleep(0.005)
    assert run.job.wait(60) is not None or run.job.status == "cancelled"
    other = view.current.remembered["other"]
    view.cancel()
    view.wait(60)
    assert other.status == "cancelled", "Stop stops both"
    view.dispose()


def test_a_dropped_image_is_explained(view, tmp_path):
    from PIL import Image

    path = tmp_path / "mine.png"
    Image.fromarray(np.tile(np.arange(28, dtype=np.uint8) * 9, (28, 1))).save(path)
    view.images.add(path.read_bytes(), "mine.png")
    view.publish()
    assert "mine.png" in view.bar.subject
    value = finished(view)
    row = torch.arange(28, dtype=torch.uint8).mul(9).float().div(255)
    alone = last(view.method()(view.model, row.expand(1, 1, 28, 28)))
    assert torch.equal(value.patterns, alone.patterns)


def test_finished_runs_come_back_with_their_image_layer_and_units(view):
    first = finished(view)
    view.images.strip.set_state({"selected": 1})
    view.set(layer="fc2", units=[5])
    second = finished(view)
    view.bring_back(view.history.ids[-1])
    assert view.result is first is not second
    assert (view.images.chosen, view.choice.layer, view.choice.units) == (0, "fc1", (3, 8))
    assert len(view.frame.cells) == 8
    assert "gradient" in said(view)
    assert view.as_code().count("[0:1]") == 1


def test_a_run_comes_back_with_its_image_though_a_full_strip_lost_it(view):
    for i in range(11):
        view.images.add(np.full((28, 28), 20 * i, np.uint8), f"{i}")
    first = finished(view)
    view.images.add(np.full((28, 28), 5, np.uint8), "newest")
    finished(view)
    view.bring_back(view.history.ids[-1])
    assert view.result is first
    assert view.images.name == view.bar.subject.rsplit(" · ")[-1] == "10"
    assert torch.equal(view.images.image.batch([0]), first_image(view))


def first_image(view):
    return view.shown.arguments[1].batch([0])


def test_the_sentence_is_about_the_chosen_row(view):
    value = finished(view)
    view.selection = 6
    view.publish()
    assert view.foot.sentence == f"unit 8 · activation {float(value.activation[0, 1]):.3g} at row 0, column 0"


def test_png_and_html_are_written(view, tmp_path, name):
    finished(view)
    assert view.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    page = view.save(tmp_path / "a.html").read_text()
    assert page.count("<figure>") == 8
    assert f"{RULES[name][0].__name__}(" in page


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layer": "fc9"}, XaiwidgetsError, "no layer 'fc9'; nearest: 'fc"),
        ({"units": [200]}, XaiwidgetsError, "Unit 200 was asked for; layer 'fc1' has 120 units"),
        ({"units": []}, XaiwidgetsError, "0 units were given; give 1 to 64"),
        ({"stages": 99}, InvalidSettingError, "stages=99 was given"),
        ({"target": "peaks"}, InvalidSettingError, "nearest: 'peak'"),
        ({"rule": 3}, XaiwidgetsError, "no setting 'rule'"),
        ({"images": "cats.png"}, XaiwidgetsError, "'cats.png' cannot be opened"),
        ({"images": torch.full((2, 1, 28, 28), 7.0)}, XaiwidgetsError, "from 7 to 7 were given"),
        ({"images": 3}, XaiwidgetsError, "int was given as images"),
    ],
)
def test_bad_input_is_refused_in_words_and_leaves_no_widget_behind(name, arguments, error, words):
    model = xw.load_model("lenet")
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(error, match=words):
        getattr(xw, name)(model, **{"layer": "fc1", "units": [1], **arguments})
    assert set(ipywidgets.widgets.widget._instances) == before


@pytest.mark.parametrize("network", ["vision_transformer", "channels_last"])
def test_a_network_that_it_cannot_explain_is_said_and_the_widget_lives_on(name, network):
    view = getattr(xw, name)(module(network), units=[1], layer="" if network == "channels_last" else "blocks.1")
    if network == "channels_last":  # GELUs alone
        with pytest.raises(XaiwidgetsError, match=r"rectif|ReLU"):
            view.run().wait(60)
        view.publish()
        assert view.status == "failed"
        assert re.search("rectif|ReLU", view.bar.message)
    else:
        finished(view)
        assert view.status == "done"
    assert view.as_code()
    view.dispose()


def test_a_wrong_change_changes_nothing(view):
    before = view.method()
    for wrong in ({"layer": "fc9"}, {"units": [1000]}, {"stages": -1}, {"sharpness": 2}):
        with pytest.raises(XaiwidgetsError):
            view.set(**wrong)
    assert before.difference(view.method()) == {}
    assert finished(view).patterns.shape == (1, 2, 1, 28, 28)


def test_left_out_arguments_have_sensible_defaults(name):
    view = getattr(xw, name)(image_model("resnet"))
    assert len(view.choice.units) == 2
    assert len(view.images) == len(photograph_set(32))
    assert finished(view).patterns.shape == (1, 2, 3, 32, 32)
    view.dispose()


def test_everything_is_given_back(name):
    before = set(ipywidgets.widgets.widget._instances)
    view = getattr(xw, name)(image_model("resnet"), layer="3", units=[1], stages=1)
    view.run().wait(60)
    view.dispose()
    assert set(ipywidgets.widgets.widget._instances) == before
