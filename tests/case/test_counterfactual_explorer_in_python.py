import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.widgets.case._counterfactual.pictures import signed
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW


@pytest.fixture
def make():
    made = []

    def maker(kind, *arguments, **settings):
        made.append(kind(*arguments, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def explorer(make, **settings):
    train, test = (xw.data.fashion_mnist_small(split) for split in ("train", "test"))
    some = train.subset(range(0, 4000, 20))
    return make(xw.CounterfactualExplorer, xw.load_model("lenet"), some, test, **settings)


def run(view):
    return view.run().wait(120)


def test_evidence_says_what_was_found_and_what_speaks_against_it(make):
    view = explorer(make, steps=80)
    value = run(view)
    said = view.evidence.value
    assert "<b>Valid:</b>" in said
    assert f"with {int(value.changed[value.best])} of 784 numbers changed" in said
    assert "<b>Sneaker</b>" in said
    for words in ("this counterfactual", "along the gradient&#x27;s sign", "the nearest real one", "the image itself"):
        assert words.replace("&#x27;", "'") in said
    assert f"{100 * float(value.plausibility[value.best]):.0f} %" in said
    assert "Ankle boot" in view.picker.facts.value
    assert view.title_of(view.shown) == "Ankle boot → Sneaker"


def test_pictures_and_notes_are_those_of_the_answer(make):
    view = explorer(make, steps=80, starts=3)
    value = run(view)
    cells = view.pixels(view.shown)
    assert cells.shape == (4 + 3, 28, 28, 3)
    np.testing.assert_array_equal(cells[0, ..., 0], np.round(value.query[0].numpy() * 255))
    np.testing.assert_array_equal(cells[1], cells[4 + value.best])
    unchanged = (value.counterfactual == value.query)[0].numpy()
    assert (cells[2][unchanged] == 255).all()
    assert (cells[2][~unchanged] != 255).any(-1).all()
    notes = view.notes(view.shown)
    assert notes[4 + value.best] == f"{float(value.distance[value.best]):.1f} MADs"
    view.frame.selected = 4
    view.draw(view.shown)
    assert view.foot.sentence.startswith("start 1: answered with Sneaker")


def test_a_change_is_blue_where_it_is_brighter_and_vermilion_where_darker():
    colors = signed(torch.tensor([[[0.5, -0.5, 0.0]]]))
    found = ["#" + "".join(f"{round(255 * float(part)):02x}" for part in colors[:, 0, place]) for place in range(3)]
    assert found == [ABOVE, BELOW, "#ffffff"]


def test_once_it_has_run_another_image_and_class_are_answered_at_once(make):
    view = explorer(make, steps=40)
    run(view)
    view.choose_image(2, target=4)
    value = view.wait(120)
    assert (value.prediction, value.target) == (1, 4)
    view.picker.forward.click()
    assert view.picker.place == 3
    assert view.wait(120).target == 4
    view.bring_back(min(view.history.ids))
    assert view.picker.place == 0
    assert view.picker.target is None


def test_what_has_the_wanted_class_and_what_is_not_found_is_said(make):
    view = explorer(make, steps=40, chosen=0, target=9)
    run(view)
    assert "answered with <b>Ankle boot</b> already" in view.evidence.value
    view.choose_image(0, target=0)
    view.set(steps=1)
    view.wait(120)
    assert "<b>Nothing found.</b> Tried: 4 starts, 1 steps" in view.evidence.value


def test_the_second_tab_holds_a_swapper_of_its_own(make):
    view = explorer(make, steps=40, chosen=2)
    assert view.swaps.children == ()
    view.tabs.value = "Region swap"
    (swapper,) = view.swaps.children
    assert isinstance(swapper, xw.RegionSwapper)
    assert swapper.picker.place == 2
    assert view.frame.layout.display == "none"
    value = run(swapper)
    assert value.flipped
    view.tabs.value = "Counterfactual"
    assert view.frame.layout.display == ""
    assert view.swaps.children == (swapper,)


def test_swaps_are_told_and_drawn_with_their_numbers(make):
    view = make(xw.RegionSwapper, xw.load_model("lenet"), chosen=2)
    value = run(view)
    assert f"<b>{len(value.edits)} edits</b> ({len(value.edits)} of 25 cells)" in view.evidence.value
    assert "Swapped at random" in view.evidence.value
    assert view.foot.sentence.startswith("Trouser → ")
    cells = view.pixels(view.shown)
    assert cells.shape == (3, 336, 336, 3)
    mine = int(value.edits[0, 0])
    top, left = 336 * (mine // 5 * 28 // 5) // 28, 336 * (mine % 5 * 28 // 5) // 28
    framed = cells[0, top : top + 80, left : left + 80].reshape(-1, 3)
    assert (framed == [0xE6, 0x9F, 0x00]).all(1).sum() > 100
    first = view.plot.plot.figure.select_one({"name": "target"})
    assert first is not None
    made = view.plot_of(view.shown)
    assert made.select_one({"name": "target"}).data["probability"] == value.probability[:, 1].tolist()


def test_wrong_choices_are_refused_in_words(make):
    model = xw.load_model("lenet")
    with pytest.raises(XaiwidgetsError, match="target=10 was given, but there are 10 classes, 0 to 9"):
        make(xw.CounterfactualExplorer, model, target=10)
    with pytest.raises(XaiwidgetsError, match="Test image 1000 was asked for; there are 1,000, 0 to 999"):
        make(xw.CounterfactualExplorer, model, chosen=1000)
    with pytest.raises(XaiwidgetsError, match="'1' was given as test images; give places"):
        make(xw.RegionSwapper, model, chosen="1")
    with pytest.raises(XaiwidgetsError, match="One image was given; give at least two"):
        make(xw.RegionSwapper, model, torch.rand(1, 1, 28, 28))
    with pytest.raises(XaiwidgetsError, match=r"Layer 'conv1' of LeNet has no map of 2 to 400 cells; .*'pool2'"):
        make(xw.RegionSwapper, model, layer="conv1")
    view = make(xw.RegionSwapper, model)
    with pytest.raises(XaiwidgetsError, match="Layer 'fc1' has no map"):
        view.set(layer="fc1")
    with pytest.raises(XaiwidgetsError, match="No train images were given"):
        make(xw.CounterfactualExplorer, xw.load_model("efficientnet_lite0"))
