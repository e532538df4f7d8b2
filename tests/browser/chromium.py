"""The browser that the tests drive. ``python -m tests.browser.chromium`` says whether one opens."""

import os
import shutil
import sys
from collections.abc import Iterator

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",  # containers forbid it, and only pages of ours are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No page may need another host: none is found.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def launch(playwright: Playwright) -> Browser:
    """The browser that XAIWIDGETS_CHROMIUM names, else one that is installed, else Playwright's own."""
    reasons = []
    for path in _candidates():
        try:
            return playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        except Error as error:
            reasons.append(f"{path or 'Playwright'}: {error.message.splitlines()[0]}")
    wanted = "no Chromium browser opens; install one, or name one in XAIWIDGETS_CHROMIUM"
    raise RuntimeError("\n".join([wanted, *reasons]))


def _candidates() -> Iterator[str | None]:
    named = os.environ.get("XAIWIDGETS_CHROMIUM")
    if named:
        yield named
        return
    yield from filter(None, map(shutil.which, NAMES))
    yield None  # Playwright looks for its own


def main() -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        sys.stdout.write(f"Chromium {browser.version}\n")
        browser.close()


if __name__ == "__main__":
    main()
