import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.ablated import labelled
from tests.feature_analysis.test_unit_ablation import colour_network, colours
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.data import ConceptSet
from xaiwidgets.methods import UnitAblation
from xaiwidgets.widgets.feature_analysis._ablator.effect_bars import EffectBars, most_harmed, ranked
from xaiwidgets.widgets.feature_analysis._ablator.words import in_words


@pytest.fixture
def make():
    made = []

    def maker(*arguments, **settings):
        made.append(xw.UnitAblator(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def drawn(view):
    view.draw(view.shown)
    return view.evidence.value


def test_the_images_are_named_by_class_and_grey_where_none_is_harmed(make):
    view = make(colour_network(), colours(), layer="1", units=[1, 4], top=3, controls=2)
    value = view.run().wait(60)
    assert view.notes(view.shown) == ["Green −0.67"] * 3 + [""] * 3
    pixels = view.pixels(view.shown)
    images = view.concepts.images.batch(value.top.ids[0]).mean(1, keepdim=True)
    np.testing.assert_array_equal(pixels[:3], (images * 255 + 0.5).byte().permute(0, 2, 3, 1))
    assert (pixels[3:] == 128).all()
    labels = [cell["label"] for cell in view.frame.cells]
    assert labels == ["unit 1"] * 3 + ["unit 4"] * 3


def test_the_evidence_is_about_the_chosen_unit_and_concept(make):
    view = make(colour_network(), colours(), layer="1", units=[0, 1], top=3, controls=2)
    view.run().wait(60)
    words = view.evidence.value
    assert "24 images were looked at. Right is what their labels say." in words
    assert (
        "<b>Without unit 0</b>, of the 8 images with <b>red</b>: 100% → <b>25%</b> right (6 lost, 0 gained)." in words
    )
    assert "p = 0.25 with 8 comparisons made" in words  # 2/2⁶ of one, times eight
    assert "could be chance" in words
    assert "What gains: Blue (" in words
    assert "Of the 16 images without red: 100% → <b>100%</b> right" in words
    assert "2 random units of the layer leave 100% right of those with red (100% to 100%); <b>0 of 2</b> harm" in words
    assert view.foot.sentence == ""
    view.frame.selected = 4
    view.concept.value = "GREEN (color)"
    words = drawn(view)
    assert "<b>Without unit 1</b>, of the 8 images with <b>GREEN</b>: 100% → <b>0%</b> right (8 lost" in words
    assert "is hardly chance: p = 0.062" not in words
    assert (
        view.foot.sentence == "image 4, Green · without unit 1 the probability changes by −0.67, and the answer is Blue"
    )


def test_what_is_hardly_chance_is_said_to_be(make):
    images = xw.data.fashion_mnist_small("test")
    concepts = ConceptSet.from_arrays(
        images, {"class": (images.labels + 1)[:, None, None]}, {"class": images.class_names}
    )
    view = make(xw.load_model("lenet"), concepts, layer="relu2", units=[3, 12])
    value = view.run().wait(60)
    view.concept.value = "Shirt (class)"
    p = 20 * float(value.p_value[0, value.place_of("Shirt")])
    assert p < 0.05
    assert f"That is hardly chance: p = {p:.2g} with 20 comparisons made." in drawn(view)


def test_a_bar_that_is_clicked_chooses_its_concept(make):
    view = make(colour_network(), colours(), layer="1", units=[0], controls=0)
    view.run().wait(60)
    assert view.concept.index == 0
    for callback in view.bars._callbacks:
        callback(3)
    assert view.concept.value == "spot (thing)"
    assert "with <b>spot</b>" in drawn(view)
    assert "No random units were removed to compare with." in view.evidence.value


def test_together_there_is_one_row(make):
    view = make(colour_network(), colours(), layer="1", units=[0, 3], together=True, top=2, controls=2)
    view.run().wait(60)
    assert [cell["label"] for cell in view.frame.cells] == ["units 0, 3"] * 2
    assert "<b>Without units 0, 3</b>" in view.evidence.value
    assert "2 random sets of units of the layer" in view.evidence.value


def test_without_labels_of_classes_no_test_is_told(make):
    view = make(xw.load_model("lenet"), layer="relu2", units=[3], controls=1)
    view.run()
    view.wait(60)
    assert view.result.truth == "predictions"
    assert "No label names a class: right is what the network answers with all units" in view.evidence.value
    assert "comparisons made" not in view.evidence.value
    assert view.as_code().count("scenes(500") == 1


def test_before_any_image_nothing_is_claimed():
    first = next(UnitAblation("1", (0,))(colour_network(), colours())).value
    assert ranked(first, 0) == []
    assert most_harmed(first, 0) is None
    words = in_words(first, 0, None, "unit 0", ())
    assert words.startswith("0 images were looked at.")
    assert "Without" not in words
    assert EffectBars().filled(first, 0, None) is not None


def test_bars_are_the_most_harmed_first_and_rare_concepts_are_left_out():
    images = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    which = torch.arange(40) % 4 + 1
    which[0] = 5  # a concept of one image
    concepts = ConceptSet.from_arrays(images, {"a": which[:, None, None]}, {"a": ["k", "l", "m", "n", "rare", "never"]})
    value = last(UnitAblation("relu2", (3, 4), controls=3)(xw.load_model("lenet"), concepts))
    order = np.argsort(value.score_change[1, :4].numpy())
    assert ranked(value, 1) == order.tolist()
    assert ranked(value, 1, chosen=4) == [*order, 4]
    assert ranked(value, 1, chosen=5) == order.tolist()
    plot = EffectBars().filled(value, 1, int(order[2]))
    data = {name: plot.select_one({"name": name}).data for name in ("bars", "errors", "others", "controls")}
    np.testing.assert_array_equal(data["bars"]["change"], value.score_change[1, order])
    assert data["bars"]["alpha"] == [0.35, 0.35, 1.0, 0.35]
    np.testing.assert_allclose(data["errors"]["low"], (value.score_change - value.standard_error)[1, order])
    np.testing.assert_array_equal(data["others"]["without"], value.without.score_change[1, order])
    np.testing.assert_array_equal(data["controls"]["change"], value.controls.score_change[:, order].flatten())
    shown = [*data["errors"]["low"], *data["errors"]["high"], *data["controls"]["change"], 0]
    assert plot.x_range.start < min(shown)
    assert max(shown) < plot.x_range.end
    first = plot.yaxis[0].major_label_overrides[0.5]
    assert first == f"{'klmn'[order[0]]} (a), {9 if order[0] == 0 else 10}"


def test_images_that_were_left_out_are_told_of(tmp_path):
    folder = labelled("resnet").save(tmp_path / "set")
    first = (folder / "index.csv").read_text().splitlines()[1].split(",")[0]
    (folder / "images" / first).unlink()
    read = ConceptSet.from_broden(folder, broken="skip").fitted((1, 28, 28))
    value = last(UnitAblation("relu2", (3,), controls=1)(xw.load_model("lenet"), read))
    words = in_words(value, 0, 0, "unit 3", ())
    assert "<b>1</b> image was left out." in words
    assert first in words


def test_the_output_is_refused_in_the_widget(make):
    view = make(xw.load_model("lenet"), colours().fitted((1, 28, 28)), layer="fc3", units=["Bag"])
    view.run()
    with pytest.raises(XaiwidgetsError, match="Layer 'fc3' is the output of LeNet"):
        view.wait(60)
    assert view.status == "failed"
    assert "Choose a layer before it." in view.bar.message
