"""What the dissector shows of a concept's units and of a chosen unit."""

import pytest
import torch

import xaiwidgets as xw
from tests.feature_analysis.dissected import convolution, some_concepts
from tests.feature_analysis.dissectors import detailed, dissectors, told


@pytest.fixture
def made():
    """Makes dissectors, and disposes of them."""
    yield from dissectors()


@pytest.fixture
def view(made):
    return detailed(made)


def test_a_concept_shows_its_units_and_a_card_its_unit(view):
    value = view.run().wait(60)
    view.concept.value = "green (color)"
    told(view)
    note = view.frame.cells[0]["note"]
    assert "green" in note
    view.frame.selected = 0
    told(view)
    unit = int(note.split(" · ")[0])
    assert view.panel.unit == unit
    assert view.foot.sentence == f"unit {note}"
    assert value.labels[unit][0] in view.panel.words.value
    assert view.panel.layout.display == ""
    view.panel.draw()
    assert view.panel.jobs[0].wait(60).value.units == (unit,)
    view.panel.visualize()
    assert view.panel.inside.children[0].choice.units == (unit,)
    view.frame.selected = -1
    told(view)
    assert view.panel.layout.display == "none"


def test_a_chosen_unit_does_not_outlive_its_layer(made):
    network = torch.nn.Sequential(*convolution(12).module, torch.nn.Conv2d(12, 4, 3))
    view = made(xw.ImageModel(network, (3, 24, 20)), some_concepts(), layer="1", quantile=0.02)
    view.run().wait(60)
    told(view)
    view.frame.selected = 7
    told(view)
    view.set(layer="2")
    assert view.selection == -1
    view.run().wait(60)
    told(view)
    assert view.pixels(view.shown).shape[0] == 4
    view.bring_back(min(view.history.ids))
    told(view)
    assert view.pixels(view.shown).shape[0] == 8


def test_fewer_top_images_are_shown_of_a_chosen_unit(view):
    view.run().wait(60)
    told(view)
    view.frame.selected = 0
    told(view)
    view.set(top=3)
    view.run().wait(60)
    told(view)
    assert len(view.panel.frame.cells) == len(view.panel._pictures()) == 4


def test_units_that_are_not_the_networks_own_are_not_drawn(made):
    view = made(convolution(12), some_concepts(), layer="1", quantile=0.02, rotation=1.0)
    view.run().wait(60)
    told(view)
    view.frame.selected = 0
    told(view)
    view.panel.draw_button.click()
    told(view)
    assert "not the network's; none is drawn" in view.bar.message
    assert view.panel.jobs == []
