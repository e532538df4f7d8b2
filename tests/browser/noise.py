"""What a page must not do: log an error, throw, fail a request, or ask another host."""

import re

from playwright.sync_api import ConsoleMessage, Error, Page, Request, Response

# Each pattern is known noise of a front end, which no widget of ours causes.
KNOWN = {
    r"/voila/api/shutdown/": "Voilà's page ends its kernel as it is left; the browser drops the answer",
    r"/api/contents\?.*ERR_ABORTED": "JupyterLab's own look at its files, cut off as the page is reloaded",
    r"/api/kernels/.*/channels": "the socket of a kernel that a test has ended, or of a page that is being left",
}
LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:")


class Noise:
    """Collects what pages should not do."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.known = dict(KNOWN)

    def allow(self, pattern: str, why: str) -> None:
        """Let pass what matches ``pattern`` in this test: it is caused on purpose."""
        self.known[pattern] = why

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", self._thrown)
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def heard(self) -> list[str]:
        """What stands against the pages, known noise aside."""
        return [error for error in self.errors if not any(re.search(pattern, error) for pattern in self.known)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text} ({message.location['url']})")

    def _thrown(self, error: Error) -> None:
        self.errors.append(f"thrown: {error}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(LOCAL):
            self.errors.append(f"outside: {request.url}")

    def _failed(self, request: Request) -> None:
        self.errors.append(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"answered {response.status}: {response.request.method} {response.url}")
