"""A Chromium for the browser tests: the one that `make setup-browser` put into var/, or the machine's own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.servers.process import ServerError

ROOT = Path(__file__).resolve().parents[2]
# scripts/setup_browser.py puts it here: a "headless shell", without a browser's windows and bars around the pages.
# It opens a page in less than half of the time.
UNPACKED = ROOT / "var" / "chromium" / "chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def executable() -> Path | None:
    """Return the browser to drive: `CHROMIUM=` first, then the unpacked one, then the machine's."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    if UNPACKED.exists():
        return UNPACKED
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running headless browser, closed at the end."""
    path = executable()
    if path is None:
        raise ServerError("No Chromium on this machine: run `make setup-browser`, or name one with CHROMIUM=.")
    # Root cannot use a sandbox, nor can anybody without user namespaces; the pages are our own.
    arguments = [*ARGUMENTS, "--no-sandbox"]
    environment: dict[str, str | float | bool] = dict(os.environ)
    if path == UNPACKED:
        # Libraries that the system may lack are in the same folder.
        environment["LD_LIBRARY_PATH"] = str(path.parent / "lib")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments, env=environment)
        try:
            yield browser
        finally:
            browser.close()
