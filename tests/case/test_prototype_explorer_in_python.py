import numpy as np
import pytest

import xaiwidgets as xw
from xaiwidgets.core import XaiwidgetsError


@pytest.fixture
def make():
    made = []

    def maker(kind, **settings):
        images = xw.data.fashion_mnist_small("train").subset(range(0, 4000, 8))
        made.append(kind(xw.load_model("lenet"), images, **settings))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def run(view):
    value = view.run().wait(60)
    view.draw(view.shown)
    return value


def pictures(view, rows):
    return np.stack([view.train.thumbnail(row, 160) for row in rows])


def choose(view, card):
    view.frame.selected = card
    view.draw(view.shown)
    return view.foot.sentence


def test_the_cards_are_prototypes_and_criticisms(make):
    view = make(xw.PrototypeExplorer, prototypes=12, criticisms=6)
    value = run(view)
    rows = [*value.prototypes.tolist(), *value.criticisms.tolist()]
    np.testing.assert_array_equal(view.pixels(view.shown), pictures(view, rows))
    names = view.train.class_names
    notes = view.notes(view.shown)
    assert notes[3] == f"{names[int(value.labels[rows[3]])]}, {int(value.stands_for[3])}"
    sign = "too few" if float(value.witness[2]) > 0 else "too many"
    assert notes[14] == f"{names[int(value.labels[rows[14]])]}, {sign}"
    assert [cell["alt"] for cell in view.frame.cells][11:13] == ["prototype 12", "criticism 1"]


def test_a_chosen_prototype_shows_what_it_stands_for(make):
    view = make(xw.PrototypeExplorer, prototypes=12, criticisms=6)
    value = run(view)
    assert view.members.layout.display == "none"
    sentence = choose(view, 4)
    members = value.members(4)
    own = value.labels[value.prototypes[4]]
    agree = int((value.labels[members] == own).sum())
    assert sentence.startswith(f"prototype 5 of 12, image {int(value.prototypes[4])} (")
    assert f"the nearest to {len(members)} of 500 images, {agree} of them labelled" in sentence
    assert view.members.layout.display == ""
    assert len(view.members.sheet.cells) == min(60, len(members))
    assert f"image {int(members[1])}:" in view.members.sheet.cells[1]["label"]
    sentence = choose(view, 13)
    assert sentence.startswith(f"criticism 2, image {int(value.criticisms[1])} (")
    assert value.meaning(1) in sentence
    nearest = int(value.prototypes[value.nearest[value.criticisms[1]]])
    assert [cell["label"].split(":")[0] for cell in view.members.sheet.cells] == [f"image {nearest}"]
    assert choose(view, -1) == ""
    assert view.members.layout.display == "none"


def test_the_evidence_and_the_plot_say_what_the_answer_says(make):
    view = make(xw.PrototypeExplorer, prototypes=12)
    value = run(view)
    said = view.evidence.value
    assert f"<b>{float(value.mmd2[-1]):.4f}</b>" in said
    assert f"{float(value.random_mmd2[:, -1].mean()):.4f}" in said
    assert f"<b>{100 * value.accuracy:.0f} %</b>" in said
    plot = view.plot_of(view.shown)
    np.testing.assert_allclose(plot.select_one({"name": "prototypes"}).data["value"], value.mmd2)
    mean = plot.select_one({"name": "random images, mean of 20 draws"}).data["value"]
    np.testing.assert_allclose(mean, value.random_mmd2.mean(0))


def test_where_fewer_prototypes_were_nearer_to_the_set_it_is_said(make):
    """One of each of ten equal classes is balanced, an eleventh is not."""
    value = run(view := make(xw.PrototypeExplorer, prototypes=12, per_class=True))
    assert int(value.mmd2.argmin()) == 9
    assert f"It was smallest with 10 prototypes: {float(value.mmd2[9]):.4f}." in view.evidence.value
    view.set(prototypes=10)
    view.wait(60)
    view.draw(view.shown)
    assert "It was smallest" not in view.evidence.value


@pytest.mark.parametrize(
    ("kind", "count", "other"), [("PrototypeExplorer", "prototypes", "gamma"), ("CoverExplorer", "count", "epsilon")]
)
def test_once_it_has_run_live_settings_are_answered_at_once(make, kind, count, other):
    view = make(getattr(xw, kind))
    before = run(view)
    view.form.controls[count].widget.value = view.form.controls[count].stops.index(6)
    fewer = view.wait(60)
    view.draw(view.shown)
    assert fewer.prototypes.tolist() == before.prototypes[:6].tolist()
    assert len(view.frame.cells) == 12
    view.set(**{other: 2.0})
    changed = view.wait(60)
    assert changed.prototypes.tolist() != fewer.prototypes.tolist()
    view.set(layer="conv2")
    assert view.result is None
    assert "Run to choose prototypes of 500 images" in view.evidence.value


def test_a_cover_shows_what_it_covers_and_what_stays_outside(make):
    view = make(xw.CoverExplorer, count=12)
    value = run(view)
    outside = []
    for row in value.uncovered.tolist():
        if int(value.labels[row]) not in {int(value.labels[other]) for other in outside}:
            outside.append(row)
    rows = [*value.prototypes.tolist(), *outside[:6]]
    np.testing.assert_array_equal(view.pixels(view.shown), pictures(view, rows))
    names = view.train.class_names
    assert view.notes(view.shown)[2] == f"{names[int(value.labels[rows[2]])]}, +{int(value.newly[2])}"
    sentence = choose(view, 2)
    assert f"covers {int(value.newly[2])} images of" in sentence
    assert f"and {int(value.wrongly[2])} of other classes" in sentence
    assert len(view.members.sheet.cells) == min(60, int(value.newly[2]))
    sentence = choose(view, 12)
    own = names[int(value.labels[outside[0]])]
    assert sentence.startswith(f"image {outside[0]} ({own}) is in no ball of its class; ")
    assert f"{int(value.gap[outside[0]]) - 1} more of {own} around it" in sentence
    said = view.evidence.value
    assert f"cover <b>{100 * float(value.covered[-1]):.0f} %</b> of 500 images" in said
    assert f"<b>{100 * float(value.wrong[-1]):.0f} %</b> lie in a ball of another class" in said
    for label, name in enumerate(names):
        assert f"{name}</th><td>{100 * value.covered_of(label):.0f} %," in said
    plot = view.plot_of(view.shown)
    np.testing.assert_allclose(plot.select_one({"name": "prototypes: covered"}).data["value"], 100 * value.covered)


def test_where_no_ball_helps_it_is_said(make):
    view = make(xw.CoverExplorer, count=3, cost=100.0, epsilon=0.1)
    run(view)
    assert "No ball covers more of its class than of others" in view.evidence.value
    assert view.notes(view.shown) == [""] * 9


def test_other_ways_stand_on_pages_that_are_made_when_they_are_opened(make):
    view = make(xw.PrototypeExplorer, prototypes=5, layer="conv2")
    assert view.pages.options[:2] == ("MMD-critic", "Set cover")
    assert view.pages.room.children == ()
    view.pages.value = "Set cover"
    (cover,) = view.pages.room.children
    assert isinstance(cover, xw.CoverExplorer)
    assert cover.train is view.train
    assert cover.method().layer == "conv2"
    assert {part.layout.display for part in view._parts} == {"none"}
    view.pages.value = "MMD-critic"
    assert {part.layout.display for part in view._parts} == {""}
    assert cover.layout.display == "none"
    view.pages.value = "Set cover"
    assert view.pages.room.children == (cover,)
    view.dispose()
    with pytest.raises(XaiwidgetsError, match="disposed of"):
        cover.run()


def test_what_does_not_fit_is_refused_in_words():
    images = xw.data.fashion_mnist_small("train").subset(range(10))
    model = xw.load_model("lenet")
    for kind in (xw.PrototypeExplorer, xw.CoverExplorer):
        with pytest.raises(XaiwidgetsError, match="The training images have no labels"):
            kind(model, images.batch(slice(None)))
        view = kind(model, images)
        view.run()
        with pytest.raises(XaiwidgetsError, match="for 10 examples; give at most"):
            view.wait(60)
        view.dispose()
