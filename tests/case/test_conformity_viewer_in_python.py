import numpy as np
import pytest
import torch

import xaiwidgets as xw
from tests.case.planted import PATTERNS, planted, trained
from xaiwidgets.core import XaiwidgetsError
from xaiwidgets.data import ImageSet
from xaiwidgets.widgets.case._conformity.picture import enlarged, legend_html, outlined, over_image
from xaiwidgets.widgets.case._conformity.words import count_words, evidence_html, sentence_of, without_in_words
from xaiwidgets.widgets.parts.theme import ABOVE, BELOW

NAMES = ("stripes", "bars", "checks", "nothing")


@pytest.fixture(scope="module")
def sets():
    """A network that has learnt patterns, its training images, and test images that have one."""
    train, _ = planted(300, 0)
    test, _ = planted(30, 1)
    kept = (test.labels < len(PATTERNS)).nonzero().flatten().tolist()
    named = [ImageSet(images.batch(range(len(images))), images.labels, NAMES) for images in (train, test.subset(kept))]
    return trained(train), *named


@pytest.fixture
def make(sets):
    made = []

    def maker(*arguments, **settings):
        made.append(xw.ConformityViewer(*(arguments or sets), **{"k": 25, "patch": 4, "fill": "mean", **settings}))
        return made[-1]

    yield maker
    for view in made:
        view.dispose()


def run(view):
    value = view.run().wait(60)
    view.draw(view.shown)
    return value


def test_the_region_that_matters_most_is_looked_at_first(make):
    view = make()
    value = run(view)
    assert view.region == value.top()
    assert view.notes(view.shown)[0] == f"+{float(value.drops[value.top()]):.2f} here"
    assert view.notes(view.shown)[2] == "mostly nothing"
    assert view.foot.sentence == sentence_of(value, value.top(), NAMES)
    assert "supports the prediction (+1.00): neighbours 25 " in view.foot.sentence
    assert view.foot.sentence.split(" → ")[1].startswith("25 nothing; probability")
    assert view.near.frame._headings["0"].endswith(f": 25 {NAMES[value.predicted]}")
    assert view.near.frame._headings["4"] == "Without the region: 25 nothing"
    places = [*value.whole_neighbors[0, :4].tolist(), *value.neighbors[view.region, 0, :4].tolist()]
    assert [cell["note"] for cell in view.near.frame.cells] == [view.train.label_name(place) for place in places]


def test_a_place_that_is_chosen_or_pointed_at_is_looked_at(make):
    view = make()
    value = run(view)
    tile = 2 * view.places._across + 5  # of 2 px: its middle is at row 5, column 11
    view.places.sheet.selected = tile
    view.draw(view.shown)
    levels = [value.region_at(5, 11, level) for level in range(len(value.sizes))]
    assert view.region in levels
    assert abs(float(value.drops[view.region])) == max(abs(float(value.drops[region])) for region in levels)
    view.size.part.value = "4 px"
    view.draw(view.shown)
    assert view.region == value.region_at(5, 11, 1)
    assert view.foot.sentence == sentence_of(value, view.region, NAMES)
    assert view.places.sheet._names[tile][0] == without_in_words(value, view.region, NAMES)
    view.places.sheet.hovered = 0
    view.draw(view.shown)
    assert view.region == value.region_at(1, 1, 1)
    view.places.sheet.hovered = -1
    view.draw(view.shown)
    assert view.region == value.region_at(5, 11, 1)


def test_the_picture_is_the_image_as_the_network_saw_it_without_the_region(make):
    view = make()
    value = run(view)
    image = view.test.batch([0])[0]
    shown = view.pixels(view.shown)
    assert shown.shape[0] == 3
    covered = torch.where(value.mask(view.region), image.mean(), image)
    expected = enlarged(covered.expand(3, -1, -1).permute(1, 2, 0).double().numpy())
    mask = value.mask(view.region).numpy()
    np.testing.assert_array_equal(shown[2], outlined(expected, mask))
    assert (outlined(expected, mask) != expected).any(2).mean() < 0.1
    maps = value.level_maps(1)
    view.size.part.value = "4 px"
    alone = outlined(enlarged(over_image(image, maps[0])), value.mask(view.region).numpy())
    np.testing.assert_array_equal(view.pixels(view.shown)[0], alone)


def test_blue_supports_and_orange_speaks_against():
    values = torch.zeros(4, 6).double()
    values[0, 0], values[3, 5], values[1, 1] = 0.5, -0.5, torch.nan
    drawn = over_image(torch.full((1, 4, 6), 0.5), values)
    color = [np.array([int(name[at : at + 2], 16) for at in (1, 3, 5)]) / 255 for name in (ABOVE, BELOW)]
    assert np.abs(drawn[0, 0] - color[0]).max() < 0.15
    assert np.abs(drawn[3, 5] - color[1]).max() < 0.15
    assert drawn[1, 1] == pytest.approx(drawn[2, 2])
    assert "−0.50 against" in legend_html("conformity", values)
    assert "+0.50 supports" in legend_html("conformity", values)
    assert "no change" in legend_html("conformity", torch.zeros(3))


def test_counts_are_said_from_the_most_down():
    shares = torch.tensor([0.2, 0.0, 0.5, 0.1, 0.2], dtype=torch.float64)
    assert count_words(shares, torch.zeros(1, 10), list("abcde")) == "5 c, 2 a, 2 e, 1 other"


def test_the_evidence_is_beside_the_claim(make):
    view = make()
    value = run(view)
    words = view.evidence.value
    assert words.endswith(f"{evidence_html(value, NAMES)}</div>")
    assert f"{value.correlation(1):.2f}" in words
    assert f"+{float(value.gains[0]):.2f}" in words
    assert "0 by chance" in words
    figure = view.plot_of(view.shown)
    ordered, drawn = value.ordered[0].tolist(), figure.select_one({"name": "ordered0"}).data
    assert drawn["left"] == ordered
    assert drawn["removed"] == [100 * share for share in value.removed.tolist()]
    assert figure.select_one({"name": "random1"}).data["left"] == value.random[:, 1].mean(0).tolist()


def test_another_image_and_other_settings_are_answered_at_once(make):
    view = make()
    first = run(view)
    view.choose_test(3)
    second = view.wait(60)
    assert second is not first
    assert torch.equal(second.whole_neighbors, view.result.whole_neighbors)
    assert torch.equal(view.inputs()[1][1].batch([0]), view.test.batch([3]))
    view.set(regions="superpixels")
    third = view.wait(60)
    view.draw(view.shown)
    assert len(third.segments) == len(third.sizes)
    assert view.size.part.options[-1] == f"{third.sizes[-1]} super-pixels"
    view.bring_back(min(view.history.ids))
    assert view.result is first
    assert view.panel.chosen == [0]


def test_several_layers_can_be_looked_at_together(make):
    view = make(layer=("0", "head"))
    assert view.features.part.value == ("0", "head")
    value = run(view)
    assert value.layers == ("0", "head")
    assert value.whole_neighbors.shape == (2, 25)
    view.set(layers=())
    assert view.features.part.value == ("head",)
    assert view.method().layers == ()
    assert run(view).layers == ("head",)


def test_a_prediction_that_the_data_do_not_support_is_said_to_be_so(make, sets):
    model, train, test = sets
    relabelled = ImageSet(train.batch(range(len(train))), (train.labels + 1) % 4, NAMES)
    view = make(model, relabelled, test)
    value = run(view)
    assert value.conformity == 0
    assert (
        f"do not support this prediction</b>: most neighbours are {NAMES[value.predicted + 1]}" in view.evidence.value
    )


def test_what_does_not_fit_is_refused_in_words(make, sets):
    model, _, _ = sets
    with pytest.raises(XaiwidgetsError, match="k=301 neighbours were asked for among 300 training images"):
        make(k=301)
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'; known: "):
        make(layer=("conv9",))
    with pytest.raises(XaiwidgetsError, match="Test image 99 was asked for"):
        make(chosen=99)
    with pytest.raises(XaiwidgetsError, match="No train images were given"):
        xw.ConformityViewer(model)
    view = make(patch=21)
    with pytest.raises(XaiwidgetsError, match="patch=21 was given for images of 20×20"):
        view.run().wait(60)
