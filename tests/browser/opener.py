"""Opens notebooks in a front end, as a user would, and keeps watch over their pages."""

import os
import re
from abc import ABC, abstractmethod
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.noise import Noise
from tests.browser.servers import Server

WAIT = 90_000  # ms: two slow cores that others share
SETTLE = 300  # ms: an error may come a moment after the last step of a test
_FAILED = '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]'
# Outputs stand in the page as scripts until Voilà draws them; a view of a widget comes a moment after its place.
_VOILA_DRAWN = """() => document.readyState === "complete" && !document.getElementById("loading")
    && document.getElementById("main")
    && !document.querySelector('script[type="application/vnd.voila.cell-output+json"]')
    && [...document.querySelectorAll(".lm-Panel.jp-OutputArea-output")].every((view) => view.childElementCount)"""
_LAB_READY = """() => window.jupyterapp?.shell.currentWidget?.content?.model?.sharedModel
    && jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle\""""
_LAB_DRAWN = """() => [...document.querySelectorAll(".jp-OutputArea-output.lm-Panel, .jupyter-widgets-view")]
    .every((view) => view.childElementCount)"""


class Opener(ABC):
    """``page = open_page(["code of a cell", ...])`` gives a Playwright page that has run the cells and drawn them."""

    def __init__(self, server: Server, browser: Browser) -> None:
        self.server, self.browser, self.noise = server, browser, Noise()
        self.contexts: list[BrowserContext] = []

    @property
    def name(self) -> str:
        """The front end's name: voila or lab."""
        return self.server.name

    def __call__(
        self, cells: list[str], *, dark: bool = False, size: tuple[int, int] = (1280, 900), errors: bool = False
    ) -> Page:
        """Run these cells in a page of their own; ``errors`` says that a cell is meant to fail."""
        page = self.tab(dark=dark, size=size)
        page.goto(self.server.address(self.server.write(cells)), wait_until="commit")
        self.run(page)
        self.wait(page)
        if not errors:
            self.refuse_failures(page)
        return page

    def tab(self, *, dark: bool = False, size: tuple[int, int] = (1280, 900)) -> Page:
        """An empty page that is listened to."""
        viewport = {"width": size[0], "height": size[1]}
        context = self.browser.new_context(viewport=viewport, color_scheme="dark" if dark else "light")
        context.set_default_timeout(WAIT)
        self.contexts.append(context)
        page = context.new_page()
        self.noise.listen(page)
        return page

    def reload(self, page: Page) -> None:
        """Reload the page: a new kernel in Voilà, the same one in JupyterLab."""
        page.reload(wait_until="commit")
        self.wait(page)

    @abstractmethod
    def run(self, page: Page) -> None:
        """Run every cell."""

    @abstractmethod
    def wait(self, page: Page) -> None:
        """Until the page is ready and each widget of an output has a view."""

    def screenshot(self, page: Page, name: str, part: str | None = None) -> None:
        """Keep a picture in the folder that XAIWIDGETS_SCREENSHOTS names, if it names one; of a part of the page."""
        folder = os.environ.get("XAIWIDGETS_SCREENSHOTS")
        path = Path(folder or "") / f"{self.name}-{name}.png"
        if folder and part is None:
            page.screenshot(path=path, full_page=True)
        elif folder:
            page.locator(part).first.screenshot(path=path)

    def allow(self, pattern: str, why: str) -> None:
        """Let pass errors that this test causes on purpose."""
        self.noise.allow(pattern, why)

    def refuse_failures(self, page: Page) -> None:
        """Hold it against the test where a cell failed, or warned."""
        said = page.locator(_FAILED).all_inner_texts()
        assert not said, re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(said))

    def listen_out(self) -> None:
        """Hold against the test what was heard since the last time."""
        for page in [page for context in self.contexts for page in context.pages]:
            page.wait_for_timeout(SETTLE)
        heard = self.noise.heard()
        self.noise.errors.clear()
        assert not heard, "\n".join(heard)

    def close(self) -> None:
        """Hold against the test what was heard, close the pages, and end their kernels."""
        try:
            self.listen_out()  # before the kernels end under the pages' feet
        finally:
            for context in self.contexts:
                for page in context.pages:
                    page.goto("about:blank")  # leaving it ends a kernel in Voilà
                context.close()
            self.server.end_kernels()


class VoilaOpener(Opener):
    """In the gallery's own server."""

    def run(self, page: Page) -> None:
        """Voilà has begun to do so as it was asked for the page."""

    def wait(self, page: Page) -> None:
        page.wait_for_function(_VOILA_DRAWN)


class LabOpener(Opener):
    """In JupyterLab, with Run All."""

    def run(self, page: Page) -> None:
        page.wait_for_function(_LAB_READY)
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")

    def reload(self, page: Page) -> None:
        page.evaluate("jupyterapp.commands.execute('docmanager:save').then(() => null)")  # else the outputs are lost
        super().reload(page)

    def wait(self, page: Page) -> None:
        page.wait_for_function(_LAB_READY)
        page.wait_for_function(_LAB_DRAWN)
