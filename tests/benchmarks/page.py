"""A real browser on a real Voilà server, for what a user waits for."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import launch
from tests.browser.opener import VoilaOpener
from tests.browser.servers import VoilaServer


@contextmanager
def voila() -> Iterator[VoilaOpener]:
    """Opens pages; all is ended at the end."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser, server = launch(playwright), VoilaServer(Path(folder))
        opener = VoilaOpener(server, browser)
        try:
            yield opener
        finally:
            for context in opener.contexts:
                context.close()
            browser.close()
            server.stop()
