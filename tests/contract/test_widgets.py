"""What every explanation's widget keeps to from Python, asked of each one that the catalogue knows."""

import importlib
import inspect
import time

import ipywidgets
import pytest
import torch

import xaiwidgets as xw
from tests.contract.test_methods import values_of
from xaiwidgets import catalogue
from xaiwidgets.core import Step, XaiwidgetsError

ENTRIES = [entry for entry in catalogue.entries() if entry.widget]
OF_IMAGES = ("images", "image", "train", "concepts")  # what a widget may call the images that it is given


@pytest.fixture(params=ENTRIES, ids=lambda entry: entry.stem)
def entry(request):
    return request.param


@pytest.fixture
def view(entry):
    module = importlib.import_module(f"tests.{entry.family}.test_{entry.stem}")
    made = eval(module.WIDGET, {"xw": xw})  # noqa: S307 - our own
    yield made
    made.dispose()


def kind_of(entry):
    return getattr(xw, entry.widget)


def equal(one, other):
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


def first_answer(view):
    """Run until there is an answer, then stop."""
    view.run()
    while view.result is None and not view.current.job.finished:
        time.sleep(0.01)
    view.cancel()
    return view.wait(60)


def test_it_waits_to_be_run(view):
    assert view.status == "idle"
    assert view.result is None
    assert view.bar.subject
    compile(view.as_code(), "code", "exec")


def test_what_is_shown_is_made_again_by_its_code(view, entry):
    value = first_answer(view)
    assert view.status in {"cancelled", "done"}
    made = {}
    exec(view.as_code(), made)  # noqa: S102 - our own
    expected, found = (values_of(Step(answer, 1, 1)) for answer in (value, made["result"]))
    assert expected.keys() == found.keys()
    assert all(equal(expected[name], found[name]) for name in expected)


def test_it_is_saved_as_a_picture_and_as_a_page(view, tmp_path):
    first_answer(view)
    assert view.save(tmp_path / "a.png").stat().st_size > 100
    page = view.to_html()
    assert view.bar.title in page
    assert view.evidence.value in page
    assert "http" not in page.split("<main")[1].split("</main>")[0]


def test_an_earlier_run_is_brought_back(view):
    first_answer(view)
    before = view.result
    first_answer(view)
    assert view.result is not before
    view.bring_back(min(view.history.ids))
    assert view.result is before


def test_a_wrong_setting_layer_or_image_is_refused_in_words(entry):
    kind, model = kind_of(entry), xw.load_model("lenet")
    with pytest.raises(XaiwidgetsError, match="has no setting 'sharpness'"):
        kind(model, sharpness=3)
    several = "layers" in inspect.signature(kind).parameters
    with pytest.raises(XaiwidgetsError, match="has no layer 'conv9'; nearest: "):
        kind(model, **({"layers": ["conv9"]} if several else {"layer": "conv9"}))
    named = [name for name in OF_IMAGES if name in inspect.signature(kind).parameters]
    assert named
    for wrong in (torch.full((2, 1, 28, 28), 7.0), 3.5, torch.rand(4)):
        with pytest.raises(XaiwidgetsError):
            kind(model, **{named[0]: wrong})


def test_a_wrong_change_is_refused_and_changes_nothing(view):
    before = view.method()
    with pytest.raises(XaiwidgetsError):
        view.set(sharpness=3)
    with pytest.raises(XaiwidgetsError):
        view.set(layer="no such layer")
    assert before.difference(view.method()) == {}


def test_nothing_of_it_stays_behind(entry):
    module = importlib.import_module(f"tests.{entry.family}.test_{entry.stem}")
    before = set(ipywidgets.widgets.widget._instances)
    view = eval(module.WIDGET, {"xw": xw})  # noqa: S307 - our own
    first_answer(view)
    view.dispose()
    view.dispose()
    with pytest.raises(XaiwidgetsError, match="disposed of"):
        view.run()
    assert set(ipywidgets.widgets.widget._instances) == before
