"""What each explanation's widget does in the front ends, asked of each one that the catalogue knows.

Each method's own test file names in ``WIDGET`` the expression that makes a small one; ``SHORT`` says that its run is
over before anybody could press Pause.
"""

import importlib

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.acts import Acts
from xaiwidgets import catalogue, methods

ENTRIES = [entry for entry in catalogue.entries() if entry.widget]


def cells(module):
    return ["import xaiwidgets as xw", f"view = {module.WIDGET}\nview"]


def module_of(entry):
    return importlib.import_module(f"tests.{entry.family}.test_{entry.stem}")


@pytest.fixture(params=ENTRIES, ids=lambda entry: entry.stem)
def entry(request):
    return request.param


def live_sliders(entry):
    """The labels of the sliders that steer a run."""
    specs = getattr(methods, entry.method).specs().values()
    return [spec.label for spec in specs if spec.live and not spec.advanced and spec.type in {"int", "float"}]


def test_run_pause_steer_stop_and_run_again(open_page, entry):
    module, acts = module_of(entry), Acts(entry.widget)
    page = open_page(cells(module))
    acts.status(page, "idle")
    assert acts.frames(page) == 0
    acts.button(page, "Run").click()
    if getattr(module, "SHORT", False):
        acts.status(page, "done")
        acts.drawn(page, 1)
    else:
        acts.status(page, "running")
        acts.drawn(page, 2)
        pause_and_go_on(open_page, page, acts)
        for label in live_sliders(entry)[:1]:
            acts.slide(page, label, 2)
            page.wait_for_timeout(500)
            assert acts.said(page).count("Result") <= 1
            acts.status(page, "running", "done")
        acts.button(page, "Stop").click()
        acts.status(page, "cancelled")
    still = acts.settled(page)
    page.wait_for_timeout(500)
    assert acts.look(page) == still != 0
    open_page.screenshot(page, entry.stem)
    acts.button(page, "Run").click()
    acts.drawn(page, acts.frames(page) + 1)


def pause_and_go_on(open_page, page, acts):
    acts.button(page, "Pause").click()
    acts.status(page, "paused")
    held = acts.settled(page)
    page.wait_for_timeout(500)
    assert acts.look(page) == held != 0
    count = acts.frames(page)
    acts.button(page, "Resume").click()
    acts.status(page, "running")
    acts.drawn(page, count + 1)


def test_a_reload_in_lab_shows_the_current_picture(open_lab, entry):
    module, acts = module_of(entry), Acts(entry.widget)
    page = open_lab(cells(module))
    acts.button(page, "Run").click()
    acts.drawn(page, 1)
    if not getattr(module, "SHORT", False):
        acts.button(page, "Stop").click()
    acts.status(page, "cancelled", "done")
    page.wait_for_timeout(700)
    before = acts.settled(page)
    open_lab.allow("favicon-busy", "a reload drops the request for the icon of a busy tab")
    open_lab.reload(page)
    acts.status(page, "cancelled", "done")
    acts.becomes(page, before)


def test_it_has_no_serious_accessibility_violation(open_voila, entry):
    module, acts = module_of(entry), Acts(entry.widget)
    page = open_voila(cells(module), size=(1100, 900))
    acts.button(page, "Run").click()
    acts.drawn(page, 1)
    if not getattr(module, "SHORT", False):
        acts.button(page, "Stop").click()
    acts.status(page, "cancelled", "done")
    page.wait_for_timeout(800)
    violations = Axe().run(page, context=acts.root).response["violations"]
    found = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
    ]
    assert found == []
