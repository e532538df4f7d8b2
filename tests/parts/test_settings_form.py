import ipywidgets as widgets
import pytest

from tests.parts.wire import Wire
from xaiwidgets.core.errors import InvalidSettingError, XaiwidgetsError
from xaiwidgets.core.settings import Spec
from xaiwidgets.widgets.parts.settings_controls import clamped, control, stop_label
from xaiwidgets.widgets.parts.settings_form import SettingsForm


def spec(name, kind, default, **known):
    return Spec(name=name, type=kind, default=default, help="what it does", **known)


RATE = spec("rate", "float", 0.05, low=1e-3, high=1, log=True, live=True)
PRIOR = spec("prior", "float", 1e-3, low=0, high=1, log=True, live=True)
JITTER = spec("jitter", "int", 8, low=0, high=16, live=True, unit="px")
TURN = spec("turn", "float", 10.0, low=0, high=22)
STEPS = spec("steps", "int", 256, low=1, high=4096, log=True)
SIZE = spec("size", "int", None, low=16, high=1024, optional=True)
SEED = spec("seed", "int", 0, low=0)
KIND = spec("kind", "choice", "pixel", choices=("fourier", "pixel"))
COLOUR = spec("colour", "choice", None, choices=("one", "two"), optional=True)
CLEAN = spec("clean", "bool", True, advanced=True)
PLACE = spec("place", "tuple", None, optional=True, advanced=True)
WEIGHTS = spec("weights", "tensor", None, optional=True)
SECRET = spec("secret", "int", 1, hidden=True)
ALL = [RATE, PRIOR, JITTER, TURN, STEPS, SIZE, SEED, KIND, COLOUR, CLEAN, PLACE, WEIGHTS, SECRET]


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        (RATE, widgets.SelectionSlider),
        (PRIOR, widgets.SelectionSlider),
        (JITTER, widgets.IntSlider),
        (TURN, widgets.FloatSlider),
        (STEPS, widgets.SelectionSlider),
        (SIZE, widgets.SelectionSlider),
        (SEED, widgets.BoundedIntText),
        (KIND, widgets.Dropdown),
        (CLEAN, widgets.Checkbox),
        (PLACE, widgets.Text),
    ],
)
def test_each_setting_has_its_control_and_shows_its_default(known, kind):
    made = control(known, known.default)
    assert type(made.widget) is kind
    assert made.read() == known.default
    assert "What it does." in made.widget.tooltip


def test_the_form_holds_what_is_not_hidden():
    form = SettingsForm(ALL)
    assert form.values == {known.name: known.default for known in ALL if known not in (WEIGHTS, SECRET)}
    assert SettingsForm({known.name: known for known in ALL}, {"steps": 100}).values["steps"] == 100


def test_advanced_settings_lie_under_more_settings():
    form = SettingsForm(ALL)
    body = form.children[1]
    more = body.children[-1]
    assert [child.description for child in more.children[1].children] == ["Clean", "Place"]
    assert len(body.children) == 9 + 1
    assert len(SettingsForm([JITTER]).children[1].children) == 1


def test_a_logarithmic_slider_has_an_exact_zero_and_both_ends():
    stops = control(PRIOR, 1e-3).stops
    assert stops[0] == 0.0
    assert stops[-1] == 1.0
    assert 1e-3 in stops
    assert [control(RATE, 0.05).stops[place] for place in (0, -1)] == [1e-3, 1.0]
    assert {256, 1, 4096} <= set(control(STEPS, 256).stops)


def test_a_setting_may_name_its_stops():
    spec = Spec(name="quantile", type="float", low=1e-4, high=0.5, default=0.005, stops=(0.001, 0.002, 0.01))
    assert control(spec, 0.003).stops == [0.001, 0.002, 0.003, 0.005, 0.01]


def test_a_value_between_the_stops_is_kept_exactly():
    form = SettingsForm([PRIOR, STEPS])
    form.set({"prior": 0.00123, "steps": 97})
    assert form.values == {"prior": 0.00123, "steps": 97}
    assert form.controls["steps"].read() == 97


def test_labels_of_stops_are_short():
    assert [stop_label(PRIOR, value) for value in (0.0, 1e-6, 1.25e-5, 0.05)] == ["0", "1e-6", "1.25e-5", "0.05"]
    assert stop_label(SIZE, None) == "auto"


def test_a_user_changes_a_setting():
    form, seen = SettingsForm(ALL), []
    form.on_change(lambda name, value: seen.append((name, value)))
    Wire(form.controls["jitter"].widget).write(value=12)
    Wire(form.controls["kind"].widget).write(index=0)
    Wire(form.controls["size"].widget).write(index=1)
    Wire(form.controls["place"].widget).write(value="(3 4)")
    assert seen == [("jitter", 12), ("kind", "fourier"), ("size", 16), ("place", (3, 4))]
    assert form.values["place"] == (3, 4)


def test_none_can_be_chosen_again():
    form, seen = SettingsForm([SIZE, COLOUR, PLACE], {"size": 224, "colour": "two", "place": (1, 2)}), []
    form.on_change(lambda name, value: seen.append((name, value)))
    Wire(form.controls["size"].widget).write(index=0)
    Wire(form.controls["colour"].widget).write(index=0)
    Wire(form.controls["place"].widget).write(value=" ")
    assert seen == [("size", None), ("colour", None), ("place", None)]


def test_what_a_browser_sends_is_clamped_by_the_setting():
    form, seen = SettingsForm([JITTER, TURN]), []
    form.on_change(lambda name, value: seen.append((name, value)))
    wire = Wire(form.controls["jitter"].widget)
    wire.write(max=10**9)  # the control's own bounds are the browser's to write
    wire.write(value=10**6)
    assert seen == [("jitter", 16)]
    assert form.controls["jitter"].widget.value == 16
    Wire(form.controls["turn"].widget).write(value="nan")
    assert form.values["turn"] == 10.0


@pytest.mark.parametrize("text", ["3, x", "1.5", "__import__('os')", "9" * 5000])
def test_a_text_that_means_nothing_is_put_back(text):
    form, seen = SettingsForm([PLACE], {"place": (1, 2)}), []
    form.on_change(lambda *change: seen.append(change))
    Wire(form.controls["place"].widget).write(value=text)
    assert form.controls["place"].widget.value == "1, 2"
    assert form.values["place"] == (1, 2)
    assert seen == []


def test_set_calls_nobody_and_refuses_as_a_whole():
    form, seen = SettingsForm(ALL), []
    form.on_change(lambda *change: seen.append(change))
    form.set({"jitter": 3, "kind": "fourier", "size": None, "clean": False})
    assert seen == []
    assert form.controls["jitter"].widget.value == 3
    with pytest.raises(InvalidSettingError, match=r"kind='pixels'.*'pixel'"):
        form.set({"jitter": 5, "kind": "pixels"})
    with pytest.raises(XaiwidgetsError, match="no setting 'jitte'; nearest: 'jitter'"):
        form.set({"jitte": 5})
    assert form.values["jitter"] == 3


def test_a_value_that_does_not_fit_is_refused_at_construction():
    with pytest.raises(InvalidSettingError, match="jitter=99 was given"):
        SettingsForm([JITTER], {"jitter": 99})


def test_while_a_run_is_on_the_form_says_so_and_stays_usable():
    form = SettingsForm(ALL)
    form.enabled_live_only(running=True)
    assert "xw-run-on" in form._dom_classes
    assert not any(made.widget.disabled for made in form.controls.values())
    assert "xw-live" in form.controls["jitter"].widget._dom_classes
    assert "xw-restarts" in form.controls["steps"].widget._dom_classes
    form.enabled_live_only(running=False)
    assert "xw-run-on" not in form._dom_classes


def test_a_drag_gives_numbers_that_can_be_read():
    assert clamped(TURN, 0.1 + 0.2) == 0.3
    assert clamped(JITTER, 3.6) == 4
