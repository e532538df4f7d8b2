"""What each explanation's widget does in the front ends, asked of each one that the catalogue knows.

Each method's own test file names in ``WIDGET`` the expression that makes a small one; ``SHORT`` says that its run is
over before anybody could press Pause. Several explanations stand on one page, as they do in a user's notebook: starting
a kernel and loading a page take longer than all that is done with a widget.
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

OPENERS = {"voila": VoilaOpener, "lab": LabOpener}
ENTRIES = [entry for entry in catalogue.entries() if entry.widget]
TOGETHER = 4
"""Explanations on one page. With twelve each took JupyterLab some three times as long."""
PAGES = {f"page {at // TOGETHER}": ENTRIES[at : at + TOGETHER] for at in range(0, len(ENTRIES), TOGETHER)}


class Shown(NamedTuple):
    """An explanation in a page."""

    entry: Entry
    short: bool
    opener: Opener
    page: Page
    acts: Acts


def module_of(entry):
    return importlib.import_module(f"tests.{entry.family}.test_{entry.stem}")


def cells(entries):
    """One output with all the widgets: JupyterLab does not draw cells that are out of sight."""
    made = [(entry.stem, module_of(entry).WIDGET) for entry in entries]
    views = ", ".join(f"named({stem!r}, {widget})" for stem, widget in made)
    named = "def named(stem, view):\n    view.add_class(f'the-{stem}')\n    return view"
    return [f"import ipywidgets\nimport xaiwidgets as xw\n\n{named}", f"ipywidgets.VBox([{views}])"]


class Pages:
    """Opens the pages, one at a time."""

    def __init__(self, request, chromium) -> None:
        self.request, self.chromium = request, chromium
        self.key, self.opener, self.page = None, None, None

    def open(self, front_end, name):
        if self.key != (front_end, name):
            self.close()
            self.opener = OPENERS[front_end](self.request.getfixturevalue(front_end), self.chromium)
            self.page = self.opener(cells(PAGES[name]))
            self.key = front_end, name

    def show(self, front_end, entry) -> Shown:
        self.open(front_end, page_with(entry))
        acts = Acts(entry.widget, within=f".the-{entry.stem}")
        return Shown(entry, getattr(module_of(entry), "SHORT", False), self.opener, self.page, acts)

    def close(self):
        opener, self.key, self.opener = self.opener, None, None
        if opener is not None:
            opener.close()


@pytest.fixture(scope="module")
def pages(request, chromium) -> Iterator[Pages]:
    pages = Pages(request, chromium)
    yield pages
    pages.close()


@pytest.fixture(scope="module")
def shown(request, pages) -> Shown:
    return pages.show(*request.param)


@pytest.fixture
def heard(pages) -> Iterator[None]:
    """Hold what a page said against the test in which it said so."""
    yield
    if pages.opener is not None:  # else the page did not open, which says more
        pages.opener.listen_out()


def page_with(entry):
    return next(name for name, entries in PAGES.items() if entry in entries)


def one_page(front_end, name):
    """Tests of one page stay together where several processes share the tests."""
    return pytest.mark.xdist_group(f"{name} in {front_end}")


def each_explanation(*front_ends: str) -> pytest.MarkDecorator:
    shown = [
        pytest.param((front_end, entry), id=f"{front_end}-{entry.stem}", marks=one_page(front_end, page_with(entry)))
        for front_end in front_ends
        for entry in ENTRIES
    ]
    return pytest.mark.parametrize("shown", shown, indirect=True, scope="module")


def live_sliders(entry):
    """The labels of the sliders that steer a run."""
    specs = getattr(methods, entry.method).specs().values()
    return [spec.label for spec in specs if spec.live and not spec.advanced and spec.type in {"int", "float"}]


def brought_to_rest(shown):
    """What the pictures show once the run that is on, or else a new one, has drawn and was stopped."""
    _, short, _, page, acts = shown
    if page.locator(acts.root).first.get_attribute("data-status") == "idle":
        acts.button(page, "Run").click()
    acts.drawn(page, 1)
    if not short and page.locator(acts.root).first.get_attribute("data-status") in {"running", "paused"}:
        acts.button(page, "Stop").click()
    acts.status(page, "cancelled", "done")
    return acts.settled(page)


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


@each_explanation("voila", "lab")
@pytest.mark.usefixtures("heard")
def test_run_pause_steer_stop_and_run_again(shown):
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
    opener.screenshot(page, entry.stem, acts.root)
    count = acts.frames(page)
    acts.button(page, "Run").click()
    acts.drawn(page, count + 1)
    brought_to_rest(shown)


@each_explanation("voila")
@pytest.mark.usefixtures("heard")
def test_it_has_no_serious_accessibility_violation(shown):
    page, acts = shown.page, shown.acts
    page.set_viewport_size({"width": 1100, "height": 900})
    brought_to_rest(shown)
    violations = Axe().run(page, context=acts.root).response["violations"]
    found = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
    ]
    assert found == []


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("name", [pytest.param(name, marks=one_page("lab", name)) for name in PAGES])
def test_a_reload_in_lab_shows_the_current_pictures(pages, name):
    all_shown = [pages.show("lab", entry) for entry in PAGES[name]]
    before = [brought_to_rest(shown) for shown in all_shown]
    opener, page = pages.opener, pages.page
    opener.allow("favicon-busy|net::ERR_ABORTED", "a reload drops the requests that are under way")
    opener.reload(page)
    for shown, look in zip(all_shown, before, strict=True):
        shown.acts.status(page, "cancelled", "done")
        shown.acts.becomes(page, look)
