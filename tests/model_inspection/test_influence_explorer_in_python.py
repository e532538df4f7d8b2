import time

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets.core import XaiwidgetsError, last
from xaiwidgets.methods import InfluenceFunctions
from xaiwidgets.widgets.model_inspection._influence.effects import EffectHistogram
from xaiwidgets.widgets.model_inspection._influence.words import effect_in_words, signed


@pytest.fixture
def make():
    made = []

    def maker(*arguments, **settings):
        made.append(xw.InfluenceExplorer(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def few(make, count=400, **settings):
    train = xw.data.fashion_mnist_small("train")
    return make(xw.load_model("lenet"), train.subset(range(0, 4000, 4000 // count)), **settings)


def confirmed(view):
    """Until every picture was confirmed by a refit."""
    view.draw(view.shown)
    view.tried.confirming.wait(60)
    view.draw(view.shown)
    return view


def test_cards_are_the_strongest_of_either_sign_and_their_notes_are_confirmed(make):
    view = few(make, chosen=17)
    value = view.run().wait(60)
    cards = view.cards.of(view._effects(view.shown))
    effects = value.corrected[0]
    assert cards[:6] == effects.argsort()[:6].tolist()
    assert cards[6:] == effects.argsort(descending=True)[:6].tolist()
    predicted = view.cards.notes(cards, effects, {})
    assert all("≈" in note for note in predicted)
    confirmed(view)
    for card, note in zip(cards, view.notes(view.shown), strict=True):
        real = float(value.retrain_without([card]).actual[0])
        assert note == f"{view.train.label_name(card)} {signed(real)}"
    pixels = view.pixels(view.shown)
    np.testing.assert_array_equal(pixels, (view.train.batch(cards) * 255 + 0.5).byte().permute(0, 2, 3, 1))


def test_the_evidence_is_the_agreement_with_refits(make):
    view = few(make, chosen=17)
    view.run().wait(60)
    confirmed(view)
    tried = view.tried.agreement
    again = view.result.leave_one_out(0, tried.examples)
    order = tried.examples.argsort()
    torch.testing.assert_close(tried.actual[order], again.actual, atol=1e-9, rtol=0)
    words = view.evidence.value
    assert f"{len(tried.examples)} removals tried" in words
    assert f"{tried.corrected_slope:.2f}" in words
    assert f"{tried.slope:.2f}" in words
    assert ("Uncorrected effects are too small" in words) == (tried.slope < 0.8)


def test_chosen_images_are_removed_together(make):
    view = few(make, chosen=17)
    view.run().wait(60)
    two = view.cards.of(view._effects(view.shown))[:2]
    removal = view.retrain_without(two)
    assert float(removal.actual[0]) < 0
    assert float(removal.predicted[0]) == pytest.approx(float(removal.actual[0]), rel=0.2)
    expected = view.result.retrain_without(two)
    torch.testing.assert_close(removal.actual, expected.actual, atol=1e-9, rtol=0)
    view.draw(view.shown)
    assert "2 images removed" in view.removal.result.value
    assert view.tried.together[-1].images == 2


def test_a_click_on_a_card_chooses_it_and_a_second_takes_it_back(make):
    view = few(make, chosen=17)
    view.run().wait(60)
    cards = view.cards.of(view._effects(view.shown))
    view.frame.selected = 1
    assert view.chosen_images == [cards[1]]
    assert view.frame.selected == -1
    view.frame.selected = 8
    assert view.chosen_images == sorted([cards[1], cards[8]])
    view.draw(view.shown)
    assert view.frame._marked == [1, 8]
    assert view.foot.sentence.startswith(f"Removing training image {cards[8]:,} (labelled ")
    assert "raises this loss by" in view.foot.sentence
    view.frame.selected = 1
    assert view.chosen_images == [cards[8]]


def test_a_band_of_the_histogram_chooses_its_images():
    histogram = EffectHistogram()
    effects = np.array([-1.0, -0.99, 0.0, 0.01, 0.5, 1.0])
    chosen = []
    histogram.on_choose(chosen.append)
    histogram.show(effects, [0, 5], "")
    histogram._on_selection([0], None)
    histogram._on_selection([0, 60], None)
    histogram._on_selection([], None)
    assert chosen == [[0, 1], [0, 1, 5], []]
    made = histogram.filled(effects, [0, 5])
    bars = made.select_one({"name": "bars"}).data
    assert np.square(bars["height"]).sum() == pytest.approx(6)
    histogram.plot.dispose()


def test_another_image_or_damping_is_answered_at_once_and_as_from_the_start(make):
    view = few(make)
    view.run().wait(60)
    begun = time.monotonic()
    view.choose_test(5)
    value = view.wait(60)
    assert time.monotonic() - begun < 0.5
    model, train = view.model, view.train
    alone = last(InfluenceFunctions()(model, train, view.test.subset([5])))
    torch.testing.assert_close(value.corrected, alone.corrected, atol=0, rtol=0)
    view.set(damping=1e-2)
    value = view.wait(60)
    alone = last(InfluenceFunctions(damping=1e-2)(model, train, view.test.subset([5])))
    torch.testing.assert_close(value.corrected, alone.corrected, atol=0, rtol=0)
    assert "damping=0.01" in view.as_code()
    assert ".subset([5])" in view.as_code()


def test_several_test_images_are_explained_by_their_mean(make):
    view = few(make)
    view.choose_test([3, 4, 9])
    value = view.run().wait(60)
    torch.testing.assert_close(view._effects(view.shown), value.corrected.mean(0))
    removal = view.retrain_without([7])
    assert removal.actual.shape == (3,)
    assert "3 test images" in view.panel.title.value


def test_the_next_mistake_is_one(make):
    view = few(make)
    with pytest.raises(XaiwidgetsError, match="No mistake is known yet"):
        view.next_mistake()
    view.run().wait(60)
    view._survey.wait(60)
    view.draw(view.shown)
    answers = view.panel.survey.outputs.argmax(1)
    wrong = (answers != view.test.labels).nonzero().flatten().tolist()
    view.next_mistake()
    assert view.panel.chosen == wrong[:1]
    view.next_mistake()
    assert view.panel.chosen == wrong[1:2]
    view.wait(60)


def test_a_head_on_another_layer_is_fitted(make):
    view = few(make, layer="fc1")
    value = view.run().wait(60)
    assert value.head.theta.shape == (10, 121)
    assert value.stationarity <= 1e-8
    view.set(layer="head")
    assert view.head_choice.value == "the network's own"


def test_what_cannot_be_done_is_refused_in_words(make):
    view = few(make)
    with pytest.raises(XaiwidgetsError, match="not there yet; run first"):
        view.retrain()
    view.run().wait(60)
    with pytest.raises(XaiwidgetsError, match="No training image is chosen"):
        view.retrain()
    with pytest.raises(XaiwidgetsError, match="there are 400"):
        view.retrain_without([400])
    bags = (view.train.labels == 8).nonzero().flatten().tolist()
    with pytest.raises(XaiwidgetsError, match="of class 8 were chosen to be removed"):
        view.retrain_without(bags)
    with pytest.raises(XaiwidgetsError, match="Test image 1000 was asked for"):
        view.choose_test(1000)
    with pytest.raises(XaiwidgetsError, match="No test image was given"):
        view.choose_test([])
    images = torch.rand(20, 1, 28, 28)
    with pytest.raises(XaiwidgetsError, match="The training images have no labels"):
        make(xw.load_model("lenet"), images)
    with pytest.raises(XaiwidgetsError, match="No train images were given"):
        make(xw.load_model("efficientnet_lite0"))


def test_the_table_has_a_row_for_each_training_image(make, tmp_path):
    view = few(make, chosen=17)
    value = view.run().wait(60)
    confirmed(view)
    lines = view.save(tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "image,label,effect,corrected,self_influence,refit"
    assert len(lines) == 401
    card = view.cards.of(view._effects(view.shown))[0]
    row = lines[card + 1].split(",")
    assert float(row[3]) == pytest.approx(float(value.corrected[0, card]), rel=1e-4)
    assert float(row[5]) == pytest.approx(view.tried.actual[card], rel=1e-4)


def test_signs_are_said_in_words():
    assert signed(-0.0312) == "−0.031"
    assert signed(2.5e-7) == "+2.5e−7"
    assert signed(0.0) == "0"
    assert signed(float("nan")) == "?"
    assert effect_in_words(0.012) == "raises this loss by 0.012 nats"
    assert effect_in_words(-0.031) == "lowers this loss by 0.031 nats"
