"""What each explanation's widget does in the front ends, asked of each one that the catalogue knows.

Each method's own test file names in ``WIDGET`` the expression that makes a small one; ``SHORT`` says that its run is
over before anybody could press Pause. An explanation is opened once in each front end: its first test finds it as it
comes, the next ones find it at rest.
"""

import importlib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.acts import Acts
from tests.browser.opener import LabOpener, Opener, VoilaOpener
from xaiwidgets import catalogue, methods
from xaiwidgets.catalogue import Entry

ENTRIES = [entry for entry in catalogue.entries() if entry.widget]
each_entry = {"params": ENTRIES, "ids": lambda entry: entry.stem}


class Shown(NamedTuple):
    """An explanation in a page."""

    entry: Entry
    short: bool
    opener: Opener
    page: Page
    acts: Acts


def show(opener: Opener, entry: Entry) -> Iterator[Shown]:
    module = importlib.import_module(f"tests.{entry.family}.test_{entry.stem}")
    try:
        page = opener(["import xaiwidgets as xw", f"view = {module.WIDGET}\nview"])
        yield Shown(entry, getattr(module, "SHORT", False), opener, page, Acts(entry.widget))
    finally:
        opener.close()


@pytest.fixture(scope="module", **each_entry)
def voila_page(request, voila, chromium) -> Iterator[Shown]:
    yield from show(VoilaOpener(voila, chromium), request.param)


@pytest.fixture(scope="module", **each_entry)
def lab_page(request, lab, chromium) -> Iterator[Shown]:
    yield from show(LabOpener(lab, chromium), request.param)


@pytest.fixture
def in_voila(voila_page) -> Iterator[Shown]:
    yield voila_page
    voila_page.opener.listen_out()


@pytest.fixture
def in_lab(lab_page) -> Iterator[Shown]:
    yield lab_page
    lab_page.opener.listen_out()


def live_sliders(entry):
    """The labels of the sliders that steer a run."""
    specs = getattr(methods, entry.method).specs().values()
    return [spec.label for spec in specs if spec.live and not spec.advanced and spec.type in {"int", "float"}]


def run_again_and_stop(shown):
    """Whatever an earlier test left, let a new run draw, and end it unless it soon ends by itself."""
    _, short, _, page, acts = shown
    if not short and page.locator(acts.root).first.get_attribute("data-status") in {"running", "paused"}:
        acts.button(page, "Stop").click()
    if page.locator(acts.root).first.get_attribute("data-status") != "idle":
        acts.status(page, "cancelled", "done")
    count = acts.frames(page)
    acts.button(page, "Run").click()
    acts.drawn(page, count + 1)
    if not short:
        acts.button(page, "Stop").click()
    acts.status(page, "cancelled", "done")


def run_pause_steer_stop_and_run_again(shown):
    entry, short, opener, page, acts = shown
    acts.status(page, "idle")
    assert acts.frames(page) == 0
    acts.button(page, "Run").click()
    if short:
        acts.status(page, "done")
        acts.drawn(page, 1)
    else:
        acts.status(page, "running")
        acts.drawn(page, 2)
        pause_and_go_on(page, acts)
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
    opener.screenshot(page, entry.stem)
    acts.button(page, "Run").click()
    acts.drawn(page, acts.frames(page) + 1)


def pause_and_go_on(page, acts):
    acts.button(page, "Pause").click()
    acts.status(page, "paused")
    held = acts.settled(page)
    page.wait_for_timeout(500)
    assert acts.look(page) == held != 0
    count = acts.frames(page)
    acts.button(page, "Resume").click()
    acts.status(page, "running")
    acts.drawn(page, count + 1)


def test_run_pause_steer_stop_and_run_again_in_voila(in_voila):
    run_pause_steer_stop_and_run_again(in_voila)


def test_it_has_no_serious_accessibility_violation(in_voila):
    page, acts = in_voila.page, in_voila.acts
    page.set_viewport_size({"width": 1100, "height": 900})
    run_again_and_stop(in_voila)
    page.wait_for_timeout(800)
    violations = Axe().run(page, context=acts.root).response["violations"]
    found = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
    ]
    assert found == []


def test_run_pause_steer_stop_and_run_again_in_lab(in_lab):
    run_pause_steer_stop_and_run_again(in_lab)


def test_a_reload_in_lab_shows_the_current_picture(in_lab):
    _, _, opener, page, acts = in_lab
    run_again_and_stop(in_lab)
    page.wait_for_timeout(700)
    before = acts.settled(page)
    opener.allow("favicon-busy", "a reload drops the request for the icon of a busy tab")
    opener.reload(page)
    acts.status(page, "cancelled", "done")
    acts.becomes(page, before)
