"""The gallery as it is served: every notebook is a page, and nothing else comes out."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.opener import VoilaOpener
from tests.browser.servers import Server
from xaiwidgets.apps.pages import own_notebooks, pages

PAGES = pages(own_notebooks())


class GalleryServer(Server):
    """``xaiwidgets app`` as a user starts it."""

    name, ready = "gallery", "gallery"

    def command(self) -> list[str]:
        return ["xaiwidgets", "app", "--no-browser", "--port", str(self.port)]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory) -> Iterator[Server]:
    server = GalleryServer(tmp_path_factory.mktemp("gallery"))
    yield server
    server.stop()


@pytest.fixture
def opener(gallery, chromium) -> Iterator[VoilaOpener]:
    opener = VoilaOpener(gallery, chromium)
    yield opener
    opener.close()


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def violations(tab: Page, part: str | None = None) -> list[str]:
    """What axe has against a page, or a part of it."""
    found = Axe().run(tab, context=part).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_notebook_runs_and_is_a_page_that_hides_its_source(opener, page):
    tab = opener.tab()
    tab.set_default_timeout(300_000)  # Voilà sends a page when all of its cells have run
    tab.goto(f"{opener.server.url}voila/render/{page.path}", wait_until="commit")
    opener.wait(tab)
    opener.refuse_failures(tab)
    tab.locator("[data-xw][data-status=idle]").first.wait_for()
    assert tab.locator(".xwa-bar [aria-current=page]").inner_text() == page.title
    assert "import xaiwidgets" not in tab.content()
    opener.screenshot(tab, page.path.replace("/", "-"))


def test_the_first_explanation_is_the_first_page(opener):
    tab = opener.tab()
    tab.goto(opener.server.url, wait_until="commit")
    assert tab.url.endswith(PAGES[0].path)
    assert tab.locator(".xwa-loading-title").inner_text() == PAGES[0].title
    opener.wait(tab)


def test_the_server_says_its_address_and_nothing_else(opener):
    tab = opener.tab()
    tab.goto(opener.server.url, wait_until="commit")
    opener.wait(tab)
    assert opener.server.log.read_text().splitlines() == [f"The gallery is at {opener.server.url} (Ctrl+C ends it)"]


def test_the_gallery_lists_every_page(opener):
    tab = opener.tab()
    tab.goto(f"{opener.server.url}gallery")
    cards = tab.locator(".xwa-cards li")
    assert cards.locator("a").all_inner_texts() == [page.title for page in PAGES]
    assert cards.locator("p").all_inner_texts() == [page.summary for page in PAGES]
    opener.screenshot(tab, "index")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_gallery_and_the_bar_can_be_used_by_everybody(opener, dark):
    tab = opener.tab(dark=dark)
    tab.goto(f"{opener.server.url}gallery")
    assert violations(tab) == []
    tab.goto(opener.server.url, wait_until="commit")
    opener.wait(tab)
    assert violations(tab, ".xwa-bar") == []


def test_a_page_that_is_not_there_says_so(opener):
    tab = opener.tab()
    opener.allow("nothing.ipynb", "asked for on purpose")
    assert tab.goto(f"{opener.server.url}voila/render/nothing.ipynb").status == 404
    tab.get_by_role("link", name="All explanations").wait_for()


@pytest.mark.parametrize(
    "path",
    ["voila/tree", "voila/api/contents/", "voila/files/a.png", "api/contents", "voila/render/..%2F..%2Fpyproject.toml"],
)
def test_nothing_but_pages_is_served(gallery, path):
    assert status(gallery.url + path) == 404


def test_another_site_cannot_speak_to_it_under_a_name_of_its_own(gallery):
    assert status(gallery.url, Host="example.org") == 403


def test_it_listens_on_this_machine_only(gallery):
    import psutil

    listening = [at for at in psutil.Process(gallery.process.pid).net_connections() if at.status == "LISTEN"]
    assert {at.laddr.ip for at in listening} == {"127.0.0.1"}


def test_a_template_cannot_be_chosen_from_outside(gallery):
    with urllib.request.urlopen(f"{gallery.url}gallery?template=classic&theme=dark") as answer:
        assert b"xwa-bar" in answer.read()


def test_a_visitor_cannot_run_code(opener):
    """The kernel of a page takes messages of widgets only."""
    tab = opener.tab()
    tab.goto(opener.server.url, wait_until="commit")
    opener.wait(tab)
    kernel = json.loads(tab.locator("#jupyter-config-data").text_content())["kernelId"]
    answers = tab.evaluate(_TRY_TO_RUN, kernel)
    assert "kernel_info_reply" in answers  # it was heard
    assert not {"execute_reply", "execute_result", "execute_input", "stream"}.intersection(answers)


_TRY_TO_RUN = """(kernel) => new Promise((done) => {
    const heard = [];
    const socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel}/channels?session_id=visitor`);
    const end = () => { socket.close(); done(heard); };
    socket.onmessage = (event) => {
        heard.push(event.data.text ? "binary" : JSON.parse(event.data).msg_type);
        // Asked last: what the kernel made of the other question was said before, or is on its way.
        if (heard.at(-1) === "kernel_info_reply") setTimeout(end, 1000);
    };
    const ask = (type, content) => socket.send(JSON.stringify({
        channel: "shell", content, metadata: {}, parent_header: {},
        header: {msg_id: type, msg_type: type, session: "visitor", username: "", version: "5.3"},
    }));
    socket.onopen = () => {
        ask("execute_request", {code: "print(6 * 7)", silent: false});
        ask("kernel_info_request", {});
    };
    setTimeout(end, 30000);
})"""
