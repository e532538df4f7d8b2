"""A browser, a Voilà and a JupyterLab for a whole test run, and fixtures that open notebooks in them.

def test_a_widget(open_page):  # once in Voilà, once in JupyterLab; open_voila and open_lab name one of them
    page = open_page(["import ipywidgets", "ipywidgets.Button(description='Run')"])
    page.get_by_role("button", name="Run").click()
    open_page.screenshot(page, "run")

Every such test also asserts that its pages logged no error, failed no request and asked no other host.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import launch
from tests.browser.opener import LabOpener, Opener, VoilaOpener
from tests.browser.servers import LabServer, Server, VoilaServer


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def voila(tmp_path_factory) -> Iterator[Server]:
    server = VoilaServer(tmp_path_factory.mktemp("voila"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Server]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture
def open_voila(voila, chromium) -> Iterator[Opener]:
    opener = VoilaOpener(voila, chromium)
    yield opener
    opener.close()


@pytest.fixture
def open_lab(lab, chromium) -> Iterator[Opener]:
    opener = LabOpener(lab, chromium)
    yield opener
    opener.close()


@pytest.fixture(params=["voila", "lab"])
def open_page(request) -> Opener:
    """Once in each front end."""
    return request.getfixturevalue(f"open_{request.param}")
