import io
import time

import numpy as np
import pytest
import torch
from PIL import Image

import xaiwidgets as xw
from tests.model_inspection.planted_failures import FailsInTheDark, planted_images, planted_model
from tests.networks import image_model
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ImageSet
from xaiwidgets.methods import FailureModes
from xaiwidgets.widgets.model_inspection._failures.group_sheet import UNDER_IT
from xaiwidgets.widgets.model_inspection._failures.kept_plot import KeptPlot
from xaiwidgets.widgets.model_inspection._failures.words import heading_of, in_words


@pytest.fixture
def make():
    made = []

    def maker(*arguments, **settings):
        made.append(xw.FailureFinder(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


@pytest.fixture
def planted(make):
    view = make(planted_model(), planted_images(600, seed=0), clusters=2)
    view.run().wait(60)
    return view


def drawn(view):
    view.draw(view.shown)
    return view.evidence.value


def test_the_claim_stands_beside_what_it_is_compared_with(planted):
    value = planted.result
    planted.frame.selected = 0
    words = drawn(planted)
    count, held = int(value.held.covered[0]), value.held
    assert f"600 of 600 images were looked at: <b>{len(value.errors)}</b> answers are wrong" in words
    assert "<b>Rule 1</b>: predicted bread, brightness " in words
    assert f"<th scope='row'>wrong of {count} under it</th><td><b>{float(held.precision[0]):.0%}</b></td>" in words
    assert f"<th scope='row'>wrong overall</th><td>{held.base:.0%}</td>" in words
    assert f"<th scope='row'>times overall</th><td><b>{float(held.lift[0]):.1f}×</b></td>" in words
    assert f"rules for random errors</th><td>{float(value.null.held_out.mean()):.1f}×</td>" in words
    assert "That is hardly chance: 0 of 19 random runs have a rule as sure (p = 0.05)." in words
    assert "<b>The rules</b> tell errors better" in words
    assert heading_of(value, 0).startswith("1: predicted bread, brightness ")
    assert "wrong of" in heading_of(value, 0)


def test_where_confidence_is_better_or_as_good_it_is_said(make):
    view = make(xw.load_model("lenet"))
    end = view.run().wait(60).selective
    assert float(end.confident_accuracy[-1]) > float(end.accuracy[-1])
    assert "Which tells errors better could be chance" in view.evidence.value
    assert f"most confident</th><td><b>{float(end.confident_accuracy[-1]):.1%}</b>" in view.evidence.value
    value = last(
        FailureModes(words="without confidence", groups="confusions", clusters=12, null=0, beta=2)(
            xw.load_model("lenet"), xw.data.fashion_mnist_small("train")
        )
    )
    assert value.selective.p_value < 0.05
    assert "<b>Confidence</b> tells errors better" in in_words(value, 0)
    assert "random" not in in_words(value, 0)


def test_rows_are_the_errors_nearest_to_the_middle_of_each_group(planted):
    value = planted.result
    pixels = planted.pixels(planted.shown)
    assert len(pixels) == 12
    for group in range(2):
        places = value.members(group)[:6]
        images = planted.images.batch(places)
        np.testing.assert_array_equal(
            pixels[6 * group : 6 * group + len(places)], (images * 255).round().byte().permute(0, 2, 3, 1)
        )
        distances = [float(value.distance[value.errors == place]) for place in places]
        assert distances == sorted(distances)
    assert planted.notes(planted.shown)[0] == "apple → bread"
    assert planted.frame._headings.keys() == {"0", "6"}


def test_a_click_on_a_group_shows_its_images(planted):
    value = planted.result
    planted.frame.selected = 7
    planted.draw(planted.shown)
    assert planted.sheet._places == value.members(1).tolist()[:240]
    assert "<b>Rule 2</b>" in planted.evidence.value
    assert planted.foot.sentence.startswith(
        f"image {planted.sheet._places[1]}, apple · answered bread with confidence 0."
    )
    planted.sheet.part.value = UNDER_IT
    planted.draw(planted.shown)
    under = value.covered[1] & value.held_out
    assert sorted(planted.sheet._places) == under.nonzero().flatten().tolist()
    wrong = [bool(value.wrong[place]) for place in planted.sheet._places]
    assert wrong == sorted(wrong, reverse=True)
    assert f"{sum(wrong)} wrong" in planted.sheet.heading.value
    assert ("right" in planted.sheet.heading.value) == (not all(wrong))
    planted.sheet.view.selected = 2
    planted.draw(planted.shown)
    assert planted.foot.sentence.startswith(f"image {planted.sheet._places[2]}, ")
    assert "held out" in planted.foot.sentence
    planted.frame.selected = 0
    planted.draw(planted.shown)
    assert planted.foot.sentence.startswith(f"image {int(value.members(0)[0])}, ")


def test_a_new_picture_is_checked(planted):
    fresh = planted_images(90, seed=4)
    flags = planted.check(fresh)
    assert f"{int(flags.flagged.sum())} of 90 answers fall under a rule." in planted.checked.value
    flagged, fine = int(flags.flagged.nonzero()[0]), int((~flags.flagged).nonzero()[0])
    assert planted.check(fresh[flagged : flagged + 1], name="<a>").flagged.all()
    assert "<b>&lt;a&gt;</b> is answered bread" in planted.checked.value
    assert "<b>Do not trust it</b>: it falls under rule " in planted.checked.value
    planted.check(fresh[fine : fine + 1])
    assert "It falls under no rule." in planted.checked.value


def test_a_picture_that_is_dropped_is_checked(planted):
    buffer = io.BytesIO()
    Image.fromarray(np.full((6, 9), 60, np.uint8)).save(buffer, "PNG")
    planted._check_file("dusk.png", buffer.getvalue())
    assert "<b>dusk.png</b> is answered bread" in planted.checked.value
    assert "<b>Do not trust it</b>" in planted.checked.value
    said = []
    planted.drop.say = said.append
    planted._check_file("dawn.png", b"nothing")
    assert "dawn.png" in said[0]


def test_checking_waits_for_rules(make):
    view = make(planted_model(), planted_images(60, seed=0))
    with pytest.raises(XaiwidgetsError, match=r"There are no rules to check with yet; call run\(\) and wait\(\) first"):
        view.check(planted_images(3, seed=1))


def test_more_groups_while_it_runs_make_more_rows(make):
    view = make(xw.load_model("lenet"), null=19)
    view.run()
    while view.result is None or not view.result.rules:
        time.sleep(0.01)
    view.set(clusters=6)
    value = view.wait(60)
    assert value.clusters == len(value.rules) == 6
    assert len(view.frame.cells) == len(view.pixels(view.shown)) == len(view.shown.cells) == 36
    assert "steering=[" in view.as_code()


def test_an_earlier_run_with_more_groups_comes_back_with_its_rows(make):
    view = make(planted_model(), planted_images(300, seed=0), clusters=3, null=0)
    view.run().wait(60)
    view.set(clusters=1)
    view.run().wait(60)
    assert len(view.frame.cells) == 6
    view.bring_back(min(view.history.ids))
    assert len(view.frame.cells) == len(view.pixels(view.shown)) == 18


def test_no_errors_are_said_to_be_none(make):
    view = make(planted_model(dark=0.0), planted_images(60, seed=0))
    view.run().wait(60)
    assert "<b>no answer is wrong</b>" in view.evidence.value
    assert (view.pixels(view.shown) == 128).all()
    assert view.frame._headings == {"0": "no errors so far"}
    assert view.plot_of(view.shown) is None
    assert "no answer is wrong" in view.to_html()


def test_the_plot_has_a_dot_for_each_rule_and_the_line_of_confidence(planted):
    end = planted.result.selective
    plot = KeptPlot().filled(end)
    flags, line = (plot.select_one({"name": name}).data for name in ("flags", "confidence"))
    np.testing.assert_allclose(flags["kept"], 100 * end.kept)
    np.testing.assert_allclose(flags["accuracy"], end.accuracy)
    assert all(
        low <= middle <= high for low, middle, high in zip(flags["low"], flags["accuracy"], flags["high"], strict=True)
    )
    np.testing.assert_allclose(line["accuracy"], end.confident_curve[: len(line["accuracy"])])
    assert plot.x_range.start > 100 > plot.x_range.end
    assert min(line["kept"]) <= min(flags["kept"])


def test_what_cannot_be_shown_is_refused_before_there_is_a_widget(make):
    with pytest.raises(XaiwidgetsError, match="The images have no labels"):
        make(planted_model(), torch.rand(9, 1, 6, 9))
    with pytest.raises(
        XaiwidgetsError, match="No images were given; Sequential needs some whose labels count its outputs"
    ):
        make(image_model("resnet"))
    with pytest.raises(XaiwidgetsError, match="2 images were given and clusters=4"):
        make(planted_model(), planted_images(2, seed=0))
    view = make(planted_model(), ImageSet(torch.rand(9, 1, 6, 9), [5] * 9))
    view.run()
    with pytest.raises(
        XaiwidgetsError, match=f"Image 0 has the label 5, but {FailsInTheDark.__name__} knows 3 classes"
    ):
        view.wait(60)
    assert view.status == "failed"


def test_another_layer_sorts_by_other_features(make):
    view = make(xw.load_model("lenet"), layer="fc1", null=0)
    assert view.run().wait(60).means.values.shape == (10, 120)
    view.layers.part.value = "head"
    assert view.result is None
    assert view.sheet._places == []
    assert view.run().wait(60).means.values.shape == (10, 84)
    view.set(layer="relu3")
    assert view.layers.part.value == "relu3"
    assert "layer='relu3'" in view.as_code()
