import pytest
from traitlets import TraitError

from tests.parts.wire import Wire
from xaiwidgets.widgets.parts.layer_tree import MOST_UNITS, LayerTree

LAYERS = [
    {"name": "stem", "label": "stem", "depth": 0, "type": "Conv2d", "shape": "8×4²", "parameters": 10},
    {"name": "blocks", "label": "blocks", "depth": 0, "type": "Sequential", "shape": "", "parameters": 20},
    {"name": "blocks.0", "label": "0", "depth": 1, "type": "Conv2d", "shape": "16×2²", "parameters": 20},
]


def tree():
    return LayerTree(layers=LAYERS, selected="stem", count=8, units=[0, 3])


def test_a_browser_chooses_a_layer_and_units():
    widget, seen = tree(), []
    widget.observe(lambda change: seen.append((change.name, change.new)), ["selected", "units"])
    wire = Wire(widget)
    wire.write(selected="blocks.0")
    wire.write(units=[7, 7, 1])
    assert seen == [("selected", "blocks.0"), ("units", [7, 7, 1])]


@pytest.mark.parametrize(
    "state",
    [
        {"selected": "head"},
        {"selected": "blocks"},
        {"selected": 3},
        {"selected": None},
        {"units": [8]},
        {"units": [-1]},
        {"units": [True]},
        {"units": ["1"]},
        {"units": [1.0]},
        {"units": "01"},
        {"units": None},
        {"units": [0] * (MOST_UNITS + 1)},
        {"count": 1000},
        {"layers": []},
        {"unit_names": ["a"]},
    ],
)
def test_what_does_not_exist_is_refused_and_the_browser_told(state):
    widget = tree()
    wire = Wire(widget)
    wire.write(**state)
    assert (widget.selected, widget.units, widget.count, widget.layers) == ("stem", [0, 3], 8, LAYERS)
    assert set(wire.states[-1]) == set(state)


def test_python_gets_a_sentence_with_the_nearest_name():
    with pytest.raises(TraitError, match=r"no layer 'blocks.1'.*'blocks.0'"):
        tree().selected = "blocks.1"
    with pytest.raises(TraitError, match="Unit 8 is not one of the layer's 8; give whole numbers from 0 to 7"):
        tree().units = [8]
    with pytest.raises(TraitError, match=f"give at most {MOST_UNITS}"):
        tree().units = [0] * (MOST_UNITS + 1)


def test_another_layer_is_shown_in_one_message():
    widget = tree()
    wire = Wire(widget)
    widget.choose("blocks.0", count=16, units=[15], unit_names=["a"] * 16)
    assert wire.states == [{"selected": "blocks.0", "count": 16, "units": [15], "unit_names": ["a"] * 16}]


def test_a_refused_choice_changes_nothing():
    widget = tree()
    with pytest.raises(TraitError):
        widget.choose("blocks.0", count=16, units=[16])
    assert (widget.selected, widget.count, widget.units) == ("stem", 8, [0, 3])


def test_an_observer_may_choose_while_the_browser_waits():
    widget = tree()
    widget.observe(lambda change: widget.choose(change.new, count=16, units=[15]), "selected")
    Wire(widget).write(selected="blocks.0")
    assert (widget.selected, widget.count, widget.units) == ("blocks.0", 16, [15])
